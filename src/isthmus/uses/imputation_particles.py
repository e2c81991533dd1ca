"""Codes of rows with holes, drawn from p(z|x_observed) by importance sampling and Metropolis steps.

Proposals are draws of the density of codes, and of normals around several modes of the posterior. Mattei & Frellsen
(2018), Leveraging the exact likelihood of deep latent variable models, arXiv:1802.04826, and (2019) MIWAE,
arXiv:1812.02633, propose from the encoder; one that never saw rows with holes misses most of the posterior's mass, so
here it only says where to look for modes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .imputation_target import LOG_2_PI, CodeTarget

ROUNDS = 6
DAMPING = 1e-2
# A round that would gain fewer nats than this is not needed.
LEAST_GAIN = 1e-6
# Where the posterior is this near to a normal, in nats at every draw, it is taken to be one.
AS_GOOD_AS_NORMAL = 2e-3

Proposal = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Normals:
    """N(center, (L Lᵀ)⁻¹) of each row and mode.

    Attributes
    ----------
    center : Tensor, shape (k, n, q)
    factor : Tensor, shape (k, n, q, q)
        L, lower-triangular.
    """

    center: Tensor
    factor: Tensor

    def place(self, noise: Tensor) -> Tensor:
        """Standard normal noise (..., k, n, q) as draws."""
        return self.center + self.spread(noise)

    def spread(self, noise: Tensor) -> Tensor:
        """The same without the center."""
        factor = self.factor.mT.expand(*noise.shape, -1)
        return torch.linalg.solve_triangular(factor, noise.unsqueeze(-1), upper=True).squeeze(-1)

    def log_prob(self, y: Tensor) -> Tensor:
        """The log-density of points (m, n, q) under each mode: (k, m, n)."""
        centred = (y - self.center[:, None]).unsqueeze(-2)  # (k, m, n, 1, q)
        whitened = (centred * self.factor.mT[:, None]).sum(-1)
        log_det = self.factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return log_det[:, None] - 0.5 * (whitened.square().sum(-1) + y.shape[-1] * LOG_2_PI)


@dataclass(frozen=True, eq=False)
class Particles:
    """Weighted codes of rows, in the coordinates of their target.

    Attributes
    ----------
    y : Tensor, shape (m, n, q)
    weights : Tensor, shape (m, n)
        Each row's sum to 1.
    normals : Normals
        Of the modes that were found.
    """

    y: Tensor
    weights: Tensor
    normals: Normals

    def chosen(self, uniform: Tensor) -> Tensor:
        """Particles resampled by uniform numbers (k, n): (k, n, q)."""
        index = chosen(self.weights, uniform)
        return self.y.gather(0, index.unsqueeze(-1).expand(-1, -1, self.y.shape[-1]))


def chosen(weights: Tensor, uniform: Tensor) -> Tensor:
    """Positions drawn by weights (m, n) that sum to 1 and uniform numbers (k, n): (k, n)."""
    reached = weights.cumsum(0)
    return (uniform[:, None] * reached[-1] > reached[:-1]).sum(1)


def find_modes(target: CodeTarget, y: Tensor) -> Normals:
    """The normals around the modes that Gauss & Newton's method, damped as Levenberg & Marquardt do, finds from y."""
    value = target.log_joint(y)
    damping = torch.full_like(value, DAMPING)
    active = torch.ones_like(value, dtype=torch.bool)
    gradient, precision = target.quadratic(y)
    for _ in range(ROUNDS):
        damped = precision + (damping[..., None] * precision.diagonal(dim1=-2, dim2=-1)).diag_embed()
        step = torch.cholesky_solve(gradient.unsqueeze(-1), _factor(damped)).squeeze(-1)
        active = active & ((gradient * step).sum(-1) > LEAST_GAIN)
        if not bool(active.any()):
            break
        trial = y + step
        reached = target.log_joint(trial)
        better = active & (reached > value)
        y, value = torch.where(better[..., None], trial, y), torch.where(better, reached, value)
        damping = damping * torch.where(better, 0.1, 10.0)
        found = target.quadratic(y)
        gradient = torch.where(better[..., None], found[0], gradient)
        precision = torch.where(better[..., None, None], found[1], precision)
    return Normals(y, _factor(precision))


def _factor(precision: Tensor) -> Tensor:
    """The Cholesky factor; that of the diagonal where there is none."""
    factor, failed = torch.linalg.cholesky_ex(precision)
    diagonal = precision.diagonal(dim1=-2, dim2=-1).nan_to_num(1.0).clamp_min(1.0).sqrt().diag_embed()
    usable = (failed == 0) & torch.isfinite(factor).flatten(-2).all(-1)
    return torch.where(usable[..., None, None], factor, diagonal)


def weighted_particles(target: CodeTarget, from_density: Tensor, normals: Normals, noise: Tensor) -> Particles:
    """Draws of the density, (a, n, q), and of the normals by noise (b, k, n, q), with importance weights.

    All draws count against the mixture of all proposals, as often as each was used: the balance heuristic of Veach &
    Guibas (1995). A draw that any proposal finds likely cannot get an extreme weight then. The largest weights are cut
    at √m times their mean (Ionides 2008). Two cases are exact: a posterior that is normal (as of linear models) keeps
    the draws of the normals, which come in pairs of opposite signs; rows of which nothing is observed keep those of the
    density.
    """
    drawn = torch.cat([normals.place(noise), normals.place(-noise)]).flatten(0, 1)
    y = torch.cat([from_density, drawn])
    joint, near = target.log_joint(y), normals.log_prob(y).logsumexp(0)
    far = math.log(len(from_density)) + target.log_density(y)
    logs = joint - torch.logaddexp(far, math.log(2 * len(noise)) + near)
    weights = logs.nan_to_num(nan=-torch.inf, posinf=-torch.inf).softmax(0).nan_to_num(1 / len(y))
    weights = weights.minimum(weights.mean(0) * math.sqrt(len(y)))
    first = (torch.arange(len(y), device=y.device) < len(from_density)).to(weights)[:, None].expand_as(weights)
    weights = torch.where(_as_good_as_normal(joint, near, len(from_density)), 1 - first, weights)
    weights = torch.where(target.observed.any(-1), weights, first)
    return Particles(y, weights / weights.sum(0), normals)


def _as_good_as_normal(joint: Tensor, near: Tensor, others: int) -> Tensor:
    """Of which rows the normals have the shape of the posterior, at their own draws and at ``others``: (n,)."""
    gap = joint - near
    gap = (gap - gap[others:].mean(0)).abs()
    # float32 loses digits of what is very unlikely.
    return (gap <= AS_GOOD_AS_NORMAL * (1 + 1e-2 * (joint - joint.amax(0)).abs())).all(0)


def walked(target: CodeTarget, y: Tensor, normals: Normals, noise: Tensor, uniform: Tensor) -> Tensor:
    """Chains (m, n, q) after Metropolis steps in the shape of the nearest normal, which leave p(z|x_observed) as it is.

    Noise is (steps, m, n, q), uniform numbers (steps, m, n). The step size is that of Roberts, Gelman & Gilks (1997).
    """
    nearest = normals.log_prob(y).argmax(0)  # (m, n)
    rows = torch.arange(y.shape[1], device=y.device)
    shape = Normals(y, normals.factor[nearest, rows])
    scale = 2.38 / math.sqrt(y.shape[-1])
    value = target.log_joint(y)
    for one, chance in zip(noise, uniform, strict=True):
        trial = y + scale * shape.spread(one)
        reached = target.log_joint(trial)
        accepted = chance.log() < reached - value
        y, value = torch.where(accepted[..., None], trial, y), torch.where(accepted, reached, value)
    return y
