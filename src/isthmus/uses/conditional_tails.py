"""How much of a column of numbers lies below and above a value, and between two."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import numpy as np
import scipy.special
import torch
from torch import Tensor

from isthmus.distributions import (
    ContinuousBernoulli,
    DiagonalNormal,
    IndependentLaplace,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
    IsotropicNormal,
    Joint,
    Observed,
    ZeroInflatedNegativeBinomial,
)

from .imputation_draws import drawn_cells

LEAST = 1e-300
# Standard normal numbers between which quantiles are searched for, and how often that span is halved.
REACH, HALVINGS = 7.0, 40


@singledispatch
def log_tails(distribution: Any, value: Tensor) -> tuple[Tensor, Tensor]:
    """log P(x_j ≤ value_j) and log P(x_j > value_j) of each feature, float64, of the shape of ``value``.

    Of distributions that are not known here, by search among the quantiles that
    :func:`~.imputation_draws.drawn_cells` gives.

    Parameters
    ----------
    distribution : Distribution
        Of rows (n, d) whose columns are independent.
    value : Tensor, shape (n, d)
        NaN for features that nothing is asked of, such as those of levels; what is found there means nothing.

    Examples
    --------
    >>> below, above = log_tails(IsotropicNormal(torch.zeros(1, 1), torch.ones(())), torch.tensor([[-40.0]]))
    >>> round(below.item(), 1), above.item() == 0
    (-804.6, True)
    """
    low = torch.full_like(value, -REACH, dtype=torch.float64)
    high = torch.full_like(value, REACH, dtype=torch.float64)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        reached = drawn_cells(distribution, middle) <= value
        low, high = torch.where(reached, middle, low), torch.where(reached, high, middle)
    return torch.special.log_ndtr(low), torch.special.log_ndtr(-low)


@log_tails.register
def _observed(distribution: Observed, value: Tensor) -> tuple[Tensor, Tensor]:
    return log_tails(distribution.distribution, value)


@log_tails.register
def _joint(distribution: Joint, value: Tensor) -> tuple[Tensor, Tensor]:
    found = []
    for start, stop, part in distribution.parts:
        cells = value[..., start:stop]
        nothing = torch.zeros_like(cells, dtype=torch.float64)
        found.append((nothing, nothing) if bool(cells.isnan().all()) else log_tails(part, cells))
    below, above = zip(*found, strict=True)
    return torch.cat(below, -1), torch.cat(above, -1)


@log_tails.register(IsotropicNormal)
@log_tails.register(DiagonalNormal)
def _normal(distribution: Any, value: Tensor) -> tuple[Tensor, Tensor]:
    if isinstance(distribution, IsotropicNormal):
        deviation = distribution.variance.double().sqrt()
    else:
        deviation = distribution.log_std.double().exp()
    standard = (value.double() - distribution.mean.double()) / deviation
    return torch.special.log_ndtr(standard), torch.special.log_ndtr(-standard)


@log_tails.register
def _laplace(distribution: IndependentLaplace, value: Tensor) -> tuple[Tensor, Tensor]:
    standard = (value.double() - distribution.location.double()) / distribution.scale.double()
    small = -standard.abs() - math.log(2)
    large = torch.log1p(-small.exp())
    return torch.where(standard < 0, small, large), torch.where(standard < 0, large, small)


@log_tails.register
def _student(distribution: IndependentStudentT, value: Tensor) -> tuple[Tensor, Tensor]:
    freedom = distribution.degrees_of_freedom.double().cpu().numpy()
    standard = ((value.double() - distribution.location.double()) / distribution.scale.double()).cpu().numpy()
    return _logs(scipy.special.stdtr(freedom, standard), scipy.special.stdtr(freedom, -standard), value)


@log_tails.register
def _continuous_coins(distribution: ContinuousBernoulli, value: Tensor) -> tuple[Tensor, Tensor]:
    logits = distribution.logits.double()
    logits = torch.where(logits.abs() < 1e-9, 1e-9, logits)
    here, size = value.double().clamp(0, 1), logits.abs()
    # From the likelier end, the distance is an exponential cut to [0, 1].
    distance = torch.where(logits > 0, 1 - here, here)
    whole = -torch.expm1(-size)
    near = -torch.expm1(-size * distance) / whole
    far = -torch.expm1(-size * (1 - distance)) * (-size * distance).exp() / whole
    near, far = near.clamp_min(LEAST).log(), far.clamp_min(LEAST).log()
    return torch.where(logits > 0, far, near), torch.where(logits > 0, near, far)


@log_tails.register
def _poisson(distribution: IndependentPoisson, value: Tensor) -> tuple[Tensor, Tensor]:
    count, rate = value.double().floor().cpu().numpy(), distribution.log_rate.double().exp().cpu().numpy()
    return _logs(*_from_zero(count, scipy.special.pdtr(count, rate), scipy.special.pdtrc(count, rate)), value)


@log_tails.register
def _negative_binomial(distribution: IndependentNegativeBinomial, value: Tensor) -> tuple[Tensor, Tensor]:
    return _logs(*_dispersed(distribution, value), value)


@log_tails.register
def _zero_inflated(distribution: ZeroInflatedNegativeBinomial, value: Tensor) -> tuple[Tensor, Tensor]:
    below, above = _dispersed(distribution.counts, value)
    lost = torch.sigmoid(distribution.dropout_logits.double()).cpu().numpy()
    counted = (value.double() >= 0).cpu().numpy()
    return _logs(counted * lost + (1 - lost) * below, ~counted * lost + (1 - lost) * above, value)


def _dispersed(distribution: IndependentNegativeBinomial, value: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The regularised incomplete beta function: successes θ, of probability θ/(θ + μ)."""
    log_theta = distribution.log_inverse_dispersion.double()
    chance = torch.sigmoid(log_theta - distribution.log_mean.double()).cpu().numpy()
    count, theta = value.double().floor().cpu().numpy(), log_theta.exp().cpu().numpy()
    more = np.maximum(count, 0) + 1
    return _from_zero(count, scipy.special.betainc(theta, more, chance), scipy.special.betaincc(theta, more, chance))


def _from_zero(count: np.ndarray, below: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nothing is below 0."""
    return np.where(count < 0, 0.0, below), np.where(count < 0, 1.0, above)


def _logs(below: np.ndarray, above: np.ndarray, like: Tensor) -> tuple[Tensor, Tensor]:
    pair = (torch.from_numpy(np.log(np.maximum(one, LEAST))).to(like.device) for one in (below, above))
    low, high = pair
    return low, high


def log_mass_between(distribution: Any, low: Tensor, high: Tensor) -> Tensor:
    """log P(low_j < x_j ≤ high_j) of each feature, (n, d) float64; ends may be infinite, NaN where nothing is asked."""
    start, end = _tails(distribution, low), _tails(distribution, high)
    # Differences of the smaller tails lose the least.
    lower = _log_difference(end[0], start[0])
    upper = _log_difference(start[1], end[1])
    return torch.where(start[0] < start[1], lower, upper)


def drawn_between(distribution: Any, low: Tensor, high: Tensor, uniform: Tensor, columns: int) -> Tensor:
    """x_j given that low_j < x_j ≤ high_j, by uniform numbers (n, d): (n, d); anything where nothing is asked.

    Numbers are the first of the ``columns``, so that their features stand where their columns do.
    """
    start, end = _tails(distribution, low), _tails(distribution, high)
    below = start[0].exp() + uniform * (end[0].exp() - start[0].exp())
    above = start[1].exp() - uniform * (start[1].exp() - end[1].exp())
    noise = torch.where(start[0] < start[1], torch.special.ndtri(below), -torch.special.ndtri(above))
    found = drawn_cells(distribution, noise.nan_to_num(0.0, 0.0, 0.0)[..., :columns]).double()
    return torch.minimum(torch.maximum(found, low), high)


def _tails(distribution: Any, value: Tensor) -> tuple[Tensor, Tensor]:
    below, above = log_tails(distribution, value.clamp(-1e30, 1e30))
    below = torch.where(value == torch.inf, 0.0, torch.where(value == -torch.inf, -torch.inf, below))
    above = torch.where(value == torch.inf, -torch.inf, torch.where(value == -torch.inf, 0.0, above))
    return below, above


def _log_difference(large: Tensor, small: Tensor) -> Tensor:
    """log(exp(large) − exp(small)), at least the logarithm of the least number."""
    gap = (small - large).clamp_max(0.0)
    found = large + torch.log(-torch.expm1(gap))
    return torch.where(found.isnan(), -torch.inf, found)
