"""A density over symbols of quantised codes, fitted after training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from isthmus.components.priors.base import Prior, PriorModule
from isthmus.components.priors.categorical_mixture import CategoricalMixture
from isthmus.components.priors.symbol_transformer import SymbolTransformer
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.random import torch_generator
from isthmus.core.spread import spread_rows
from isthmus.distributions.symbol_mixture import SymbolMixture

from .density_choice import Candidate, best_density
from .symbol_transformer import OnStep, fit_symbol_transformer

COMPONENTS = (10, 50)
# From so many places and rows on, a network may find what follows what; below, classes say as much in less time.
SEQUENCE_PLACES, SEQUENCE_ROWS = 8, 500
MAXIMUM_ROWS = 20_000
MAXIMUM_STEPS = 100
TOLERANCE = 1e-4
# Krichevsky & Trofimov's (1981) half a row of each symbol: none is impossible.
HALF_A_ROW = 0.5
# Each class is given so many rows more, with the frequencies of all rows: a few where the classes differ much and many
# rows tell them apart, more where codebooks are large.
COMMON_ROWS = (1.0, 20.0)


def fit_symbol_density(
    symbols: np.ndarray,
    levels: Sequence[int],
    held_out: np.ndarray | None,
    seed: int,
    *,
    max_seconds: float | None = None,
    on_step: OnStep | None = None,
) -> tuple[Prior, PriorModule]:
    """The best of uniform symbols, independent ones, mixtures of 10 and 50 classes (smoothed little, and much), and a
    transformer.

    Chosen by the mean log-likelihood of ``held_out`` rows, or by the Bayesian information criterion if there are fewer
    than two of them. At most 20,000 rows are used. Rows of a single symbol need no classes; the transformer is tried
    for 500 rows or more of 8 symbols or more.

    Parameters
    ----------
    symbols, held_out : ndarray of int, shape (n, T)
    levels : sequence of int
        How many symbols there are at each of the T places.
    seed : int
    max_seconds, on_step
        See :func:`~.symbol_transformer.fit_symbol_transformer`, which takes most of the time.

    Returns
    -------
    spec, module
        A prior component over symbols with its parameters fixed.
    """
    symbols, levels = symbols[:MAXIMUM_ROWS], tuple(levels)
    uniform = UniformSymbols()
    candidates = [Candidate(uniform, uniform.build(0, levels=levels), 0)]
    several = [k for k in COMPONENTS if len(levels) > 1 and len(symbols) >= 2 * k]
    for n_components, common in [(1, 0.0), *itertools.product(several, COMMON_ROWS)]:
        spec = CategoricalMixture(n_components)
        module = spec.build(0, levels=levels)
        module.assign(*fit_latent_classes(symbols, levels, n_components, seed, common))
        free = n_components * (1 + sum(levels) - len(levels)) - 1
        candidates.append(Candidate(spec, module, free))
    if len(levels) >= SEQUENCE_PLACES and len(symbols) >= SEQUENCE_ROWS:
        sequence = SymbolTransformer()
        network = fit_symbol_transformer(
            sequence, symbols, levels, held_out, seed, max_seconds=max_seconds, on_step=on_step
        )
        candidates.append(Candidate(sequence, network, sum(one.numel() for one in network.parameters())))
    return best_density(candidates, symbols, held_out)


def fit_latent_classes(
    symbols: np.ndarray, levels: Sequence[int], n_components: int, seed: int, common_rows: float = COMMON_ROWS[0]
) -> tuple[Tensor, list[Tensor]]:
    """Weights (k,) and the probabilities (k, K_t) of each place, by expectation maximisation, in float64.

    One class has the frequencies of the symbols, with half a row of each added; several begin at rows that differ much
    and are each given some rows of those frequencies: the mode of a posterior whose prior is Dirichlet's.

    Parameters
    ----------
    symbols : ndarray of int, shape (n, T)
    levels : sequence of int
        K_t.
    n_components : int
    seed : int
    common_rows : float
        How many rows each of several classes is given.

    Examples
    --------
    >>> fit_latent_classes(np.array([[0], [0], [1]]), [2], 1, seed=0)[1]
    [tensor([[0.6250, 0.3750]], dtype=torch.float64)]
    """
    rows = torch.from_numpy(np.asarray(symbols, dtype=np.int64))
    everywhere = torch.ones(len(rows), 1, dtype=torch.float64)
    common = [
        (table + HALF_A_ROW) / (len(rows) + HALF_A_ROW * len(table)) for table in _counts(rows, levels, everywhere)
    ]
    if n_components == 1:
        return torch.ones(1, dtype=torch.float64), [table.T for table in common]
    first = spread_rows(lambda row: (rows != rows[row]).sum(-1).double(), n_components, torch_generator(seed))
    alone = torch.zeros(len(rows), n_components, dtype=torch.float64)
    alone[first, torch.arange(n_components)] = 1
    mixture = _maximised(rows, levels, alone, common, common_rows)
    before = -torch.inf
    for _ in range(MAXIMUM_STEPS):
        joint = mixture.component_log_prob(rows)
        reached = float(joint.logsumexp(-1).mean())
        mixture = _maximised(rows, levels, joint.softmax(-1), common, common_rows)
        if reached - before < TOLERANCE:
            break
        before = reached
    probabilities = mixture.log_probs.exp()
    return mixture.log_weights.exp(), [probabilities[:, place, :size] for place, size in enumerate(levels)]


def _counts(rows: Tensor, levels: Sequence[int], shares: Tensor) -> list[Tensor]:
    """For each place, how much of each class (n, k) has each symbol: (K_t, k)."""
    return [
        torch.zeros(size, shares.shape[1], dtype=shares.dtype).index_add_(0, chosen, shares)
        for size, chosen in zip(levels, rows.unbind(-1), strict=True)
    ]


def _maximised(
    rows: Tensor, levels: Sequence[int], shares: Tensor, common: Sequence[Tensor], common_rows: float
) -> SymbolMixture:
    """The M-step: shares (n, k) of the classes in each row."""
    totals = shares.sum(0)
    log_probs = torch.full((len(totals), len(levels), max(levels)), -torch.inf, dtype=shares.dtype)
    for place, (found, table) in enumerate(zip(_counts(rows, levels, shares), common, strict=True)):
        log_probs[:, place, : len(table)] = ((found + common_rows * table) / (totals + common_rows)).T.log()
    return SymbolMixture((totals / totals.sum()).clamp_min(1e-30).log(), log_probs)
