"""How fast likelihoods and densities of codes fall: what proposals for the code of an incomplete row are made from.

Only proposals depend on it, whose errors importance weights make good: where the exact information has no closed form,
something near it will do.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from isthmus.distributions import (
    ContinuousBernoulli,
    DiagonalMixture,
    DiagonalNormal,
    DiscretisedLogisticMixture,
    FullNormal,
    IndependentBernoulli,
    IndependentCategorical,
    IndependentLaplace,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
    IsotropicNormal,
    Joint,
    NormalMixture,
    Observed,
    ZeroInflatedNegativeBinomial,
)

from .code_moments import moments

LEAST_VARIANCE = 1e-4
# Finer than any data: the mean of a discretised logistic then has a closed form, instead of one term for each level.
FINE_STEP = 2.0**-20


@singledispatch
def expectation(distribution: Any) -> Tensor:
    """E[x] of each feature, (..., d); cheap, and right to half a step for likelihoods of many levels."""
    mean: Tensor = distribution.mean
    return mean


@expectation.register
def _joint_expectation(distribution: Joint) -> Tensor:
    return torch.cat([expectation(part) for _, _, part in distribution.parts], -1)


@expectation.register
def _observed_expectation(distribution: Observed) -> Tensor:
    return expectation(distribution.distribution)


@expectation.register
def _grey_expectation(distribution: DiscretisedLogisticMixture) -> Tensor:
    d = distribution
    return DiscretisedLogisticMixture(d.mixture_logits, d.locations, d.log_scales, FINE_STEP).mean


def has_information(distribution: Any) -> bool:
    """Whether :func:`score_and_information` knows the kind of distribution."""
    if isinstance(distribution, Observed):
        return has_information(distribution.distribution)
    if isinstance(distribution, Joint):
        return all(has_information(part) for _, _, part in distribution.parts)
    return score_and_information.dispatch(type(distribution)) is not score_and_information.dispatch(object)


@singledispatch
def score_and_information(distribution: Any, value: Tensor) -> tuple[Tensor, Tensor]:
    """d log p(x_j) / dμ_j, and the Fisher information about μ_j, of each feature's mean μ_j: each (..., d).

    Exact for the exponential families in their mean.
    """
    raise TypeError(f"The information of {type(distribution).__name__} is not known")


@score_and_information.register
def _joint(distribution: Joint, value: Tensor) -> tuple[Tensor, Tensor]:
    found = [score_and_information(part, value[..., start:stop]) for start, stop, part in distribution.parts]
    return torch.cat([score for score, _ in found], -1), torch.cat([information for _, information in found], -1)


@score_and_information.register
def _observed(distribution: Observed, value: Tensor) -> tuple[Tensor, Tensor]:
    return score_and_information(distribution.distribution, value)


@score_and_information.register
def _isotropic(distribution: IsotropicNormal, value: Tensor) -> tuple[Tensor, Tensor]:
    residual = value - distribution.mean
    return residual / distribution.variance, torch.ones_like(residual) / distribution.variance


@score_and_information.register
def _diagonal(distribution: DiagonalNormal, value: Tensor) -> tuple[Tensor, Tensor]:
    residual = value - distribution.mean
    information = (-2 * distribution.log_std).exp().expand(residual.shape)
    return residual * information, information


@score_and_information.register
def _coins(distribution: IndependentBernoulli, value: Tensor) -> tuple[Tensor, Tensor]:
    chance = distribution.mean
    return _by_variance(value - chance, chance * (1 - chance))


@score_and_information.register
def _continuous_coins(distribution: ContinuousBernoulli, value: Tensor) -> tuple[Tensor, Tensor]:
    mean = distribution.mean
    return _by_variance(value - mean, mean * (1 - mean) / 3)  # exact for the uniform


@score_and_information.register
def _levels(distribution: IndependentCategorical, value: Tensor) -> tuple[Tensor, Tensor]:
    chance = distribution.mean
    return _by_variance(value - chance, chance)  # of the levels' probabilities, which sum to one


@score_and_information.register
def _laplace(distribution: IndependentLaplace, value: Tensor) -> tuple[Tensor, Tensor]:
    residual, scale = torch.broadcast_tensors(value - distribution.location, distribution.scale)
    return residual.sign() / scale, scale.square().reciprocal()


@score_and_information.register
def _student(distribution: IndependentStudentT, value: Tensor) -> tuple[Tensor, Tensor]:
    freedom = distribution.degrees_of_freedom
    residual, spread = torch.broadcast_tensors(value - distribution.location, distribution.scale.square())
    return (
        (freedom + 1) * residual / (freedom * spread + residual.square()),
        (freedom + 1) / ((freedom + 3) * spread),
    )


@score_and_information.register
def _poisson(distribution: IndependentPoisson, value: Tensor) -> tuple[Tensor, Tensor]:
    return _by_variance(value - distribution.mean, distribution.mean)


@score_and_information.register
def _dispersed(distribution: IndependentNegativeBinomial, value: Tensor) -> tuple[Tensor, Tensor]:
    mean = distribution.mean
    return _by_variance(value - mean, mean + (2 * distribution.log_mean - distribution.log_inverse_dispersion).exp())


@score_and_information.register
def _zero_inflated(distribution: ZeroInflatedNegativeBinomial, value: Tensor) -> tuple[Tensor, Tensor]:
    counts, lost = distribution.counts, torch.sigmoid(distribution.dropout_logits)
    rate = counts.mean
    variance = rate + (2 * counts.log_mean - counts.log_inverse_dispersion).exp() + lost * rate.square()
    return _by_variance(value - distribution.mean, (1 - lost) * variance)


@score_and_information.register
def _grey_levels(distribution: DiscretisedLogisticMixture, value: Tensor) -> tuple[Tensor, Tensor]:
    shares, locations = torch.softmax(distribution.mixture_logits, -1), distribution.locations
    scales = distribution.log_scales.clamp(-50, 10).exp()
    square = (shares * (math.pi**2 / 3 * scales.square() + locations.square())).sum(-1)
    mean = (shares * locations).sum(-1)
    return _by_variance(value - expectation(distribution), square - mean.square() + distribution.step**2 / 12)


def _by_variance(residual: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    information = variance.clamp_min(LEAST_VARIANCE).reciprocal().expand(residual.shape)
    return residual * information, information


@singledispatch
def local_normal(density: Any, z: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient (..., q) and precision (..., q, q) of a density of codes near z (..., q).

    Exact for normals. Of a mixture, the precision is the mean of its components', by their shares in z. Of others,
    that of the normal with their deviations.
    """
    mean, deviation = moments(density)
    precision = deviation.to(z).clamp_min(1e-12).square().reciprocal()
    return (mean.to(z) - z) * precision, precision.diag_embed().expand(*z.shape, -1)


@local_normal.register
def _full(density: FullNormal, z: Tensor) -> tuple[Tensor, Tensor]:
    precision = torch.cholesky_inverse(density.scale_tril)
    return _along(precision, density.mean - z), precision.expand(*z.shape, -1)


@local_normal.register
def _mixture(density: NormalMixture, z: Tensor) -> tuple[Tensor, Tensor]:
    return _shared(density, z, torch.cholesky_inverse(density.scale_trils))


@local_normal.register
def _diagonal_mixture(density: DiagonalMixture, z: Tensor) -> tuple[Tensor, Tensor]:
    return _shared(density, z, (-2 * density.log_stds).exp().diag_embed())


def _shared(density: NormalMixture | DiagonalMixture, z: Tensor, precisions: Tensor) -> tuple[Tensor, Tensor]:
    """``precisions`` (k, q, q) of the components."""
    gradient, precision = torch.zeros_like(z), z.new_zeros(*z.shape, z.shape[-1])
    shares = density.responsibilities(z)
    for share, mean, one in zip(shares.unbind(-1), density.means, precisions, strict=True):
        gradient += share[..., None] * _along(one, mean - z)
        precision += share[..., None, None] * one
    return gradient, precision


def _along(matrix: Tensor, vectors: Tensor) -> Tensor:
    """A symmetric matrix (q, q) times vectors (..., q)."""
    return (matrix * vectors.unsqueeze(-2)).sum(-1)
