"""Missing cells of rows, filled by a fitted model from the cells that are there."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from isthmus.components.priors.base import PriorModule
from isthmus.core.context import Context
from isthmus.core.errors import ParameterError
from isthmus.core.random import spawn_seeds
from isthmus.distributions import Distribution
from isthmus.models.autoencoder import ComposedAutoencoder

from .imputation_curvature import expectation
from .imputation_draws import drawn_cells
from .imputation_fixed_point import fixed_point
from .imputation_noise import normal_noise
from .imputation_particles import Particles, chosen, find_modes, walked, weighted_particles
from .imputation_rows import Holes, Piece, pieces, repetitions
from .imputation_target import CodeTarget
from .imputation_told import is_told, told_draws, told_means
from .inference import BATCH_ROWS, batch_rows

Progress = Callable[[int, int], None]

CANDIDATES = 64
MODES = 4
PAIRS = 8
ENCODER_PASSES = 3
STEPS = 30
# Chains of a row that walk together.
TOGETHER = 16
# Completed rows whose mean is a single fill.
TOLD = 32
MOST_ROWS = 64
# Numbers in the slopes of all rows that are worked on at once: 64 MB in float64.
SLOPES = 1 << 23


@torch.inference_mode()
def completed(
    model: ComposedAutoencoder,
    density: PriorModule,
    holes: Holes,
    seed: int,
    progress: Progress | None = None,
    effort: int = 1,
) -> np.ndarray:
    """The best single values of missing cells: E[x_missing | x_observed], (n, d) float32 features.

    The mean of p(x|z) over codes drawn from p(z|x_observed). Where codes are deterministic, the cells that the model
    gives back as they are: :func:`~.imputation_fixed_point.fixed_point`. Observed cells hold what they held.

    Parameters
    ----------
    model : ComposedAutoencoder
    density : PriorModule
        p(z): the density fitted to the codes.
    holes : Holes
    seed : int
        Random numbers depend on it and on what is known of a row.
    progress : callable, optional
        Told the rows that are done, and all of them.
    effort : int
        How many times as many codes to draw as usual: errors of the search shrink by its root.

    Returns
    -------
    ndarray of float32, shape (n, d)
    """
    model.eval()
    result = np.empty((len(holes), model.width), dtype=np.float32)
    if not model.stochastic:
        for piece in pieces(model, holes, batch_rows(model)):
            found = fixed_point(model, piece.features, piece.known, shown_to_encoder(model, piece), piece.context)
            _store(result, piece, found, progress)
        return result
    if is_told(model):
        for piece in pieces(model, holes, batch_rows(model)):
            _store(result, piece, told_means(model, piece, seed, TOLD * effort), progress)
        return result
    exact = _exact(model, density)
    for piece in pieces(model, holes, rows_at_once(model)):
        target, particles = _particles(model, exact, piece, seed, effort)
        likelihood, weights = target.decode(particles.y), particles.weights
        if is_chained(likelihood):
            means, weights = _chained(target, particles, likelihood, piece.contents, seed)
        else:
            means = expectation(likelihood)
        found = (means.double() * weights.unsqueeze(-1)).sum(0)
        _store(result, piece, torch.where(piece.known, piece.features, found.to(piece.features)), progress)
    return result


@torch.inference_mode()
def drawn(
    model: ComposedAutoencoder,
    density: PriorModule,
    holes: Holes,
    seed: int,
    samples: int,
    progress: Progress | None = None,
    effort: int = 1,
    noise: bool = True,
) -> np.ndarray:
    """Draws of missing cells from p(x_missing | x_observed), noise of the likelihood included.

    Parameters are those of :func:`completed`. Equal rows get different draws: their random numbers also depend on how
    many equal rows stand before them. Without ``noise``, the means of p(x|z) at the drawn codes.

    Returns
    -------
    ndarray of float32, shape (samples, n, d)

    Raises
    ------
    ParameterError
        The model has no p(x|z) or no p(z) to draw from: codes of symbols, noise scales that were not learnt; or it
        draws a row's cells one after the other, which is not done without noise.
    """
    refuse_draws(model)
    if not noise and hasattr(model.likelihood, "given"):
        raise ParameterError(
            "impute: `noise` is what tells the fillings of rows apart whose columns depend on each other. Leave it at "
            "'auto', or leave `samples` out for the best single values."
        )
    model.eval()
    result = np.empty((samples, len(holes), model.width), dtype=np.float32)
    told = is_told(model)
    exact, size = _exact(model, density), batch_rows(model) if told else rows_at_once(model)
    if len(holes) == 0:
        return result
    before = repetitions(model, holes, size, seed).astype(np.float32)
    common, *own = spawn_seeds(seed, 1 + samples)
    for piece in pieces(model, holes, size):
        place = np.zeros((size, 1), dtype=np.float32)
        place[: piece.place.stop - piece.place.start, 0] = before[piece.place]
        contents = np.concatenate([piece.contents, place], 1)
        if told:
            for number, one in enumerate(told_draws(model, replace(piece, contents=contents), common, samples)):
                _store(result[number], piece, one, None)
            if progress is not None:
                progress(piece.place.stop, len(holes))
            continue
        target, particles = _particles(model, exact, piece, common, effort)
        likelihood = target.decode(particles.y)
        if is_chained(likelihood):
            cells, weights = _chained(target, particles, likelihood, contents, common)
            chances = [normal_noise(contents, one, 1, 1, piece.features)[0, :, 0] for one in own]
            index = chosen(weights, torch.special.ndtr(torch.stack(chances)))
            for number, one in enumerate(index):
                picked = cells.gather(0, one[None, :, None].expand(-1, -1, cells.shape[-1]))[0]
                _store(result[number], piece, torch.where(piece.known, piece.features, picked), None)
        for first in range(0, 0 if is_chained(likelihood) else samples, TOGETHER):
            found = _draws(target, particles, contents, own[first : first + TOGETHER], noise)
            for number, one in enumerate(found, start=first):
                _store(result[number], piece, torch.where(piece.known, piece.features, one), None)
        if progress is not None:
            progress(piece.place.stop, len(holes))
    return result


def is_chained(likelihood: Distribution) -> bool:
    """Whether the columns of a likelihood depend on each other, one after the other."""
    return hasattr(likelihood, "conditioned")


def _chained(
    target: CodeTarget, particles: Particles, likelihood: Distribution, contents: np.ndarray, seed: int
) -> tuple[Tensor, Tensor]:
    """A completed row for each particle, (m, n, d), and the weights of both, (m, n).

    Columns are drawn one after the other with the observed ones held, and weighted by what these say of those before
    them (likelihood weighting: Fung & Chang 1990).
    """
    held, row = target.clamped(likelihood)
    noise = normal_noise(contents, spawn_seeds(seed, 5)[4], len(particles.y), target.observed.shape[1], target.features)
    cells = torch.where(target.known, row, drawn_cells(held, noise.to(row.dtype)))
    logs = particles.weights.log() + target.reweighted(likelihood, cells)
    weights = logs.nan_to_num(nan=-torch.inf, posinf=-torch.inf).softmax(0)
    return cells, weights.nan_to_num(1 / len(weights))


def refuse_draws(model: ComposedAutoencoder) -> None:
    """Raise :class:`ParameterError` for a model that gives no distribution of missing cells."""
    if model.code_space == "symbols":
        raise ParameterError(
            "impute: `samples` needs codes that are drawn given the observed cells, but the codes of this model are "
            "symbols, which have no such posterior. Leave `samples` out for the best single values, or fit a VAE."
        )
    fixed = [part for part in model.likelihood.parts if getattr(part, "learnt", True) is False]
    if not model.stochastic and fixed:
        words: Any = fixed[0]
        raise ParameterError(
            "impute: `samples` needs to know how far data are from their reconstruction, but this model was fitted "
            f"with a fixed scale ({words.describe()}: plain squared error). Leave `samples` out for the best single "
            "values, fit with likelihood=Gaussian() so that the scale is learnt, or fit a VAE."
        )


def rows_at_once(model: ComposedAutoencoder) -> int:
    """How many rows are worked on at once; depends on the model alone."""
    most = SLOPES if batch_rows(model) == BATCH_ROWS else SLOPES // 4  # the maps of convolutions are larger
    return max(1, min(MOST_ROWS, most // (MODES * (model.latent_dim + 1) * model.width)))


def _exact(model: ComposedAutoencoder, density: PriorModule) -> Distribution:
    return copy.deepcopy(density).double()(model.encode_inputs)


def _particles(
    model: ComposedAutoencoder, density: Distribution, piece: Piece, seed: int, effort: int
) -> tuple[CodeTarget, Particles]:
    """Weighted codes of the rows of a piece, by noise of what is known of them."""
    target = CodeTarget(model, density, piece.features, piece.observed, piece.context)
    width, dim = len(piece.features), model.latent_dim
    candidates, pairs = CANDIDATES * effort, PAIRS * effort
    first, second, third, fourth = spawn_seeds(seed, 4)
    noise = normal_noise(piece.contents, first, candidates // 2, dim + 1, piece.features)
    y = target.coordinates(density.sample_shared(torch.cat([noise, -noise])))
    if target.on_sphere:  # directions get the lengths of standard normal points
        lengths = normal_noise(piece.contents, second, candidates, dim, piece.features)
        y = functional.normalize(y, dim=-1) * lengths.norm(dim=-1, keepdim=True)
    normals = find_modes(target, starting_points(model, target, piece, y, fourth))
    noise = normal_noise(piece.contents, third, pairs * MODES, dim, piece.features).reshape(pairs, MODES, width, dim)
    return target, weighted_particles(target, y, normals, noise)


def starting_points(
    model: ComposedAutoencoder, target: CodeTarget, piece: Piece, candidates: Tensor, seed: int
) -> Tensor:
    """Where to look for modes: (MODES, n, q).

    Of each group of candidates, (a, n, q), the one that makes the observed cells likeliest. An encoder that
    was trained with hidden cells is then asked for q(z|x_observed); others are shown, a few times, rows that are
    completed by what these codes decode to. What makes a code likelier is taken.
    """
    likelihood = target.log_likelihood(target.decode(candidates)).unflatten(0, (MODES, -1))  # (MODES, group, n)
    best = likelihood.argmax(1)[:, None, :, None].expand(-1, -1, -1, candidates.shape[-1])
    y = candidates.unflatten(0, (MODES, -1)).gather(1, best).squeeze(1)
    value = target.log_joint(y)
    context = shown_to_encoder(model, piece)
    if is_aware(model):
        posterior = model.encode(piece.features, context)
        noise = normal_noise(piece.contents, seed, MODES - 1, model.noise_width, piece.features)
        codes = posterior.code[None]
        if model.stochastic:
            codes = torch.cat([codes, posterior.sample(noise.to(codes.dtype))])
        return _improved(target, y, value, target.coordinates(codes.expand(MODES, -1, -1)))[0]
    context = None if context is None else context.changed(lambda told: told.repeat(MODES, 1))
    for _ in range(ENCODER_PASSES):
        shown = torch.where(piece.known, piece.features, expectation(target.decode(y)))
        codes = model.encode(shown.flatten(0, 1), context).code.unflatten(0, (MODES, -1))
        y, value = _improved(target, y, value, target.coordinates(codes))
    return y


def is_aware(model: ComposedAutoencoder) -> bool:
    """Whether the encoder was trained with hidden cells, and is told which ones it sees."""
    return bool(model.inputs.aware)


def shown_to_encoder(model: ComposedAutoencoder, piece: Piece) -> Context | None:
    """What the encoder is told besides the features: an aware one, which cells are there."""
    if not is_aware(model):
        return piece.context
    return (Context() if piece.context is None else piece.context).seeing(piece.observed)


def _improved(target: CodeTarget, y: Tensor, value: Tensor, trial: Tensor) -> tuple[Tensor, Tensor]:
    """Codes and their log-joint, each replaced by a trial that is likelier."""
    reached = target.log_joint(trial)
    better = reached > value
    return torch.where(better[..., None], trial, y), torch.where(better, reached, value)


def _draws(target: CodeTarget, particles: Particles, contents: np.ndarray, seeds: Sequence[int], noise: bool) -> Tensor:
    """A draw of all cells of each row for each seed, or their means at drawn codes, (len(seeds), n, d)."""
    like, dim = target.features, particles.y.shape[-1]
    choosing, walking, filling = zip(*(spawn_seeds(seed, 3) for seed in seeds), strict=True)

    def normal(seeds: Sequence[int], samples: int, width: int) -> Tensor:
        return torch.stack([normal_noise(contents, seed, samples, width, like) for seed in seeds], 1)

    y = particles.chosen(torch.special.ndtr(normal(choosing, 1, 1)[0, :, :, 0]))
    steps = normal(walking, STEPS, dim + 1)  # (STEPS, m, n, dim + 1)
    y = walked(target, y, particles.normals, steps[..., :-1], torch.special.ndtr(steps[..., -1]))
    if not noise:
        return expectation(target.decode(y))
    return drawn_cells(target.decode(y), normal(filling, 1, target.observed.shape[1])[0].to(like.dtype))


def _store(result: np.ndarray, piece: Piece, found: Tensor, progress: Progress | None) -> None:
    result[piece.place] = found[: piece.place.stop - piece.place.start].float().cpu().numpy()
    if progress is not None:
        progress(piece.place.stop, len(result))
