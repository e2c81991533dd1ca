"""Cells drawn from a likelihood by numbers that are drawn outside: one standard normal number for each column."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import scipy.special
import torch
from torch import Tensor
from torch.nn import functional

from isthmus.core.errors import ParameterError
from isthmus.distributions import (
    ColumnByColumn,
    ContinuousBernoulli,
    DiagonalNormal,
    DiscretisedLogisticMixture,
    IndependentBernoulli,
    IndependentCategorical,
    IndependentLaplace,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
    IsotropicNormal,
    Joint,
    Observed,
    ZeroInflatedNegativeBinomial,
)

# Uniform numbers keep away from 0 and 1, where heavy tails are infinite.
MARGIN = 1e-12


@singledispatch
def drawn_cells(distribution: Any, noise: Tensor) -> Tensor:
    """x ~ p(x|z) of every column by the inverse of its distribution function at Φ(noise).

    So a row's cells depend on its own noise only, and noise of the opposite sign gives the opposite quantiles.

    Parameters
    ----------
    distribution : Distribution
        Of rows whose columns are independent.
    noise : Tensor, shape (n, columns)
        Standard normal. The levels of a categorical column are one column.

    Returns
    -------
    Tensor, shape (n, d)

    Raises
    ------
    ParameterError
        For a distribution whose quantiles are not known.

    Examples
    --------
    >>> drawn_cells(IndependentBernoulli(torch.zeros(1, 2)), torch.tensor([[-0.1, 0.1]]))
    tensor([[0., 1.]])
    """
    own = getattr(distribution, "cells", None)
    if own is None:
        raise ParameterError(
            f"The likelihood gives {type(distribution).__name__}, from which single cells cannot be drawn. Use another "
            "likelihood, or give that distribution a method cells(noise) -> (n, d), noise (n, columns) being standard "
            "normal."
        )
    cells: Tensor = own(noise)
    return cells


@drawn_cells.register
def _observed(distribution: Observed, noise: Tensor) -> Tensor:
    return drawn_cells(distribution.distribution, noise)


@drawn_cells.register
def _joint(distribution: Joint, noise: Tensor) -> Tensor:
    parts, place = [], 0
    for start, stop, part in distribution.parts:
        columns = (stop - start) // getattr(part, "cardinality", 1)
        parts.append(drawn_cells(part, noise[..., place : place + columns]))
        place += columns
    return torch.cat(parts, -1)


@drawn_cells.register
def _chained(distribution: ColumnByColumn, noise: Tensor) -> Tensor:
    return chained_cells(distribution, noise)[0]


def chained_cells(distribution: ColumnByColumn, noise: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Columns drawn one after the other, (n, d), and the probabilities that each was drawn by: (n, cells), float64."""
    uniform = _uniform(noise)
    within = torch.empty_like(uniform)
    found: dict[int, Tensor] = {}

    def chosen(logits: Tensor, column: int) -> Tensor:
        shares = found[column] = torch.softmax(logits.double(), -1)
        reached = shares.cumsum(-1)
        here = uniform[..., column].clamp_max(reached[..., -1])
        cell = (here.unsqueeze(-1) > reached[..., :-1]).sum(-1, keepdim=True)
        # What is left of the number says where in its cell the value is.
        rest = 1 - (reached.gather(-1, cell).squeeze(-1) - here) / shares.gather(-1, cell).squeeze(-1)
        within[..., column] = rest.clamp(MARGIN, 1 - MARGIN)
        return cell.squeeze(-1)

    positions = distribution.chain(chosen)
    cells = distribution.model.features(positions, within.to(noise.dtype))
    return cells, [found[column] for column in range(distribution.model.columns)]


@drawn_cells.register
def _isotropic(distribution: IsotropicNormal, noise: Tensor) -> Tensor:
    return distribution.mean + distribution.variance.sqrt() * noise


@drawn_cells.register
def _diagonal(distribution: DiagonalNormal, noise: Tensor) -> Tensor:
    return distribution.sample(noise)


@drawn_cells.register
def _coins(distribution: IndependentBernoulli, noise: Tensor) -> Tensor:
    return (_uniform(noise) > torch.sigmoid(-distribution.logits.double())).to(noise.dtype)


@drawn_cells.register
def _continuous_coins(distribution: ContinuousBernoulli, noise: Tensor) -> Tensor:
    logits = distribution.logits.double()
    # The distance from the likelier end is an exponential cut to [0, 1].
    size = logits.abs().clamp_min(1e-30)
    up = logits > 0
    share = torch.where(up, 1 - _uniform(noise), _uniform(noise))
    distance = -torch.log1p(share * torch.expm1(-size)) / size
    return torch.where(up, 1 - distance, distance).to(noise.dtype)


@drawn_cells.register
def _levels(distribution: IndependentCategorical, noise: Tensor) -> Tensor:
    shape = (-1, distribution.cardinality)
    below = torch.softmax(distribution.logits.double().unflatten(-1, shape), -1).cumsum(-1)[..., :-1]
    level = (_uniform(noise).unsqueeze(-1) > below).sum(-1)
    return functional.one_hot(level, distribution.cardinality).flatten(-2).to(noise.dtype)


@drawn_cells.register
def _laplace(distribution: IndependentLaplace, noise: Tensor) -> Tensor:
    centred = _uniform(noise) - 0.5
    standard = -centred.sign() * torch.log1p(-2 * centred.abs())
    return distribution.location + distribution.scale * standard.to(noise.dtype)


@drawn_cells.register
def _student(distribution: IndependentStudentT, noise: Tensor) -> Tensor:
    freedom = distribution.degrees_of_freedom.double().cpu().numpy()
    standard = scipy.special.stdtrit(freedom, _uniform(noise).cpu().numpy())
    return distribution.location + distribution.scale * torch.from_numpy(np.asarray(standard)).to(noise)


@drawn_cells.register
def _poisson(distribution: IndependentPoisson, noise: Tensor) -> Tensor:
    uniform, rate = _uniform(noise).cpu().numpy(), distribution.log_rate.double().exp().cpu().numpy()
    return torch.from_numpy(_rounded_up(scipy.special.pdtrik(uniform, rate))).to(noise)


@drawn_cells.register
def _negative_binomial(distribution: IndependentNegativeBinomial, noise: Tensor) -> Tensor:
    return _dispersed(distribution, _uniform(noise)).to(noise)


@drawn_cells.register
def _zero_inflated(distribution: ZeroInflatedNegativeBinomial, noise: Tensor) -> Tensor:
    uniform, lost = _uniform(noise), torch.sigmoid(distribution.dropout_logits.double())
    rest = ((uniform - lost) / (1 - lost)).clamp(MARGIN, 1 - MARGIN)
    counts = _dispersed(distribution.counts, rest)
    return torch.where(uniform <= lost, 0.0, counts).to(noise)


@drawn_cells.register
def _grey_levels(distribution: DiscretisedLogisticMixture, noise: Tensor) -> Tensor:
    uniform = _uniform(noise)
    shares = torch.softmax(distribution.mixture_logits.double(), -1)
    below = shares.cumsum(-1)
    component = (uniform.unsqueeze(-1) > below[..., :-1]).sum(-1, keepdim=True)
    shares, below = shares.expand(*uniform.shape, -1), below.expand(*uniform.shape, -1)
    share = shares.gather(-1, component).squeeze(-1)
    rest = ((uniform - below.gather(-1, component).squeeze(-1)) / share + 1).clamp(MARGIN, 1 - MARGIN)
    shape = (*uniform.shape, shares.shape[-1])
    location = distribution.locations.double().expand(shape).gather(-1, component).squeeze(-1)
    scale = distribution.log_scales.double().expand(shape).gather(-1, component).squeeze(-1).exp()
    last = distribution.number_of_levels - 1
    return ((location + scale * rest.logit()) * last).round().clamp(0, last).div(last).to(noise.dtype)


def _uniform(noise: Tensor) -> Tensor:
    """Φ(noise) in (0, 1), float64."""
    return torch.special.ndtr(noise.double()).clamp(MARGIN, 1 - MARGIN)


def _dispersed(distribution: IndependentNegativeBinomial, uniform: Tensor) -> Tensor:
    """Quantiles of the negative binomial, float64: successes θ, of probability θ/(θ + μ)."""
    log_theta = distribution.log_inverse_dispersion.double()
    chance = torch.sigmoid(log_theta - distribution.log_mean.double())
    found = scipy.special.nbdtrik(uniform.cpu().numpy(), log_theta.exp().cpu().numpy(), chance.cpu().numpy())
    return torch.from_numpy(_rounded_up(found)).to(uniform)


def _rounded_up(quantiles: np.ndarray) -> np.ndarray:
    """The least whole number whose probability to be reached from below is at least the uniform number."""
    return np.maximum(np.ceil(np.nan_to_num(np.asarray(quantiles), nan=0.0, posinf=2.0**24) - 1e-9), 0.0)
