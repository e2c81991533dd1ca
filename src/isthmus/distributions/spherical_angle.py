"""The angle between a von Mises–Fisher draw and its direction: normaliser, moments and quantiles by quadrature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

_PANELS = 16
_LEGENDRE = np.polynomial.legendre.leggauss(8)
_NODES = torch.from_numpy(0.5 * (_LEGENDRE[0] + 1))  # on [0, 1]
_WEIGHTS = torch.from_numpy(0.5 * _LEGENDRE[1])
_DROP = 35.0  # The range ends where the density has fallen to exp(-35) of its peak.
_NEWTON_STEPS = 3


class SphericalAngle:
    """The density exp(κ (cos θ − 1)) sin^{d−2} θ / Z over 0 ≤ θ ≤ π, one κ per row.

    For z from a von Mises–Fisher distribution on the sphere in d dimensions, θ is the angle to its direction. As a
    density of θ it is smooth for every d ≥ 2 and κ ≥ 0, so that composite Gauss–Legendre quadrature over the range that
    holds its mass is exact to 1e-12 up to d = 64, whatever κ is. It works in float64, where the device has that.

    Parameters
    ----------
    concentration : Tensor, shape (n,)
        κ.
    dim : int
        d, at least 2.

    Attributes
    ----------
    log_normaliser : Tensor, shape (n,)
        log Z, differentiable in κ.
    mean_versine : Tensor, shape (n,)
        E[cos θ] − 1, differentiable in κ.
    """

    __slots__ = ("_low", "_mass", "_versine", "_width", "concentration", "dim", "log_normaliser", "mean_versine")

    def __init__(self, concentration: Tensor, dim: int) -> None:
        precise = torch.float32 if concentration.device.type == "mps" else torch.float64
        self.concentration, self.dim = concentration.to(precise), dim
        with torch.no_grad():  # Where the nodes lie changes no integral, hence no gradient.
            low, high, peak = self._range()
            width = (high - low) / _PANELS
            steps = torch.arange(_PANELS).unsqueeze(-1) + _NODES
            theta = torch.addcmul(low[:, None], width[:, None], steps.flatten().to(low))
            versine = _cosine_minus_one(theta)  # (n, panels · nodes)
            fixed = width.log() - peak
            fixed = fixed[:, None] + _WEIGHTS.log().repeat(_PANELS).to(low)
            if dim > 2:
                fixed.add_(_log_squared_sine(versine), alpha=0.5 * (dim - 2))
        weighted = torch.addcmul(fixed, self.concentration[:, None], versine).exp()
        total = weighted.sum(-1)
        self.log_normaliser = total.log() + peak
        self._mass = weighted / total[:, None]
        self.mean_versine = (self._mass * versine).sum(-1)
        self._low, self._width, self._versine = low, width, versine

    def _range(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where the mass lies, and the greatest unnormalised log-density: low, high, peak, each (n,)."""
        kappa, excess = self.concentration.clamp_min(1e-12), self.dim - 2
        root = 2 / (excess + (excess**2 + 4 * kappa.square()).sqrt())
        cosine, squared_sine = kappa * root, excess * root  # At the mode, κ sin² θ = (d − 2) cos θ.
        versine = -squared_sine / (1 + cosine)
        # Left of the mode the curvature of the log-density is at least that at the mode, κ cos θ + (d − 2) / sin² θ.
        low = torch.atan2(squared_sine.sqrt(), cosine) - (2 * _DROP / (kappa * cosine + 1 / root)).sqrt()
        # Right of it the density falls at least as a gamma density of κ (1 − cos θ), whose tail has a known bound.
        furthest = (_DROP + math.sqrt(_DROP * excess)) / kappa - versine
        high = 2 * (0.5 * furthest).clamp_max(1).sqrt().asin()
        return low.clamp_min(0), high, self._log_density(versine[:, None])[:, 0]

    def _log_density(self, versine: Tensor) -> Tensor:
        """The unnormalised log-density at cos θ − 1, (..., n, k)."""
        linear = self.concentration[:, None] * versine
        return linear if self.dim == 2 else linear.add_(_log_squared_sine(versine), alpha=0.5 * (self.dim - 2))

    @property
    def cosine_variance(self) -> Tensor:
        """The variance of cos θ, (n,)."""
        return (self._mass * (self._versine - self.mean_versine[:, None]).square()).sum(-1)

    @property
    def mean_squared_sine(self) -> Tensor:
        """E[sin² θ], (n,)."""
        return -(self._mass * self._versine * (2 + self._versine)).sum(-1)

    def quantile(self, noise: Tensor) -> Tensor:
        """θ with P(angle ≤ θ) = Φ(noise): (..., n) -> (..., n), once differentiable in κ and in the noise.

        The gradient is that of implicit reparameterisation, dθ/dκ = −∂_κF(θ) / p(θ): Figurnov, Mohamed & Mnih (2018),
        arXiv:1805.08498.
        """
        noise = noise.to(self.concentration.dtype)
        with torch.no_grad():
            theta, by_concentration, by_noise = self._solve(noise)
        result: Tensor = _Implicit.apply(self.concentration, noise, theta, by_concentration, by_noise)
        return result

    def _solve(self, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The quantile and its derivatives in κ and in the noise.

        Newton's method on the mass of the nearer tail, so that the relative precision is the same in both. Side 0 is
        the left tail, side 1 the right one; a tail's mass and the derivative of that in κ are summed from its end.
        """
        centred = self._versine - self.mean_versine[:, None]
        masses = _from_both_ends(self._mass)
        log_masses = masses.clamp_min(torch.finfo(masses.dtype).tiny).log()
        moments = _from_both_ends(self._mass * centred)

        side, row = (noise > 0).long(), torch.arange(len(centred), device=noise.device)
        target = torch.special.log_ndtr(-noise.abs())
        panel = (log_masses[:, :, 1:-1][side, row] <= target[..., None]).sum(-1)
        log_mass, moment = torch.stack([log_masses, moments], -1)[side, row, panel].unbind(-1)
        log_mass_after, inwards = log_masses[side, row, panel + 1], 1 - 2 * side
        end = torch.addcmul(self._low, _PANELS * side, self._width)
        near = torch.addcmul(end, inwards * panel, self._width)

        # A tail is about a power of the distance from its end: the start and Newton's steps are linear in logarithms.
        power = (log_mass_after - log_mass) / ((panel + 1) / panel).log()
        power = torch.where(panel == 0, self.dim - 1, power)
        log_distance = ((panel + 1) * self._width).log() + (target - log_mass_after) / power
        mass, log_scale = log_mass.exp(), self.log_normaliser[:, None]
        nodes = functional.pad(_NODES, (0, 1), value=1.0).to(noise)  # The last is θ itself,
        weights = functional.pad(_WEIGHTS, (0, 1)).to(noise)  # where the density is asked for.
        for _ in range(_NEWTON_STEPS + 1):
            distance = log_distance.exp()
            theta = torch.addcmul(end, inwards, distance)
            width = (theta - near)[..., None]
            versine = _cosine_minus_one(torch.addcmul(near[..., None], width, nodes))
            density = (self._log_density(versine) - log_scale).exp()
            part = density * (inwards[..., None] * width * weights)
            reached = mass + part.sum(-1)
            slope = density[..., -1] * distance / reached
            log_distance = log_distance - (reached.log() - target) / slope
        by_concentration = moment + (part * (versine - self.mean_versine[:, None])).sum(-1)
        normal = (-0.5 * noise.square()).exp() / math.sqrt(2 * math.pi)
        return theta, -inwards * by_concentration / density[..., -1], normal / density[..., -1]


class _Implicit(torch.autograd.Function):
    """The solution of an equation, with its derivatives in what the equation depends on."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor, noise: Tensor, *solution: Tensor) -> Tensor:
        theta, by_concentration, by_noise = solution
        ctx.save_for_backward(by_concentration, by_noise)
        ctx.shape = concentration.shape
        return theta.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        by_concentration, by_noise = ctx.saved_tensors
        return (gradient * by_concentration).sum_to_size(ctx.shape), gradient * by_noise, None, None, None


def _cosine_minus_one(theta: Tensor) -> Tensor:
    return (0.5 * theta).sin_().square_().mul_(-2)


def _log_squared_sine(versine: Tensor) -> Tensor:
    return (-versine * (2 + versine)).log_()


def _from_both_ends(parts: Tensor) -> Tensor:
    """The sum of the panels before each edge, seen from the left and from the right: (n, q) -> (2, n, panels + 1)."""
    panels = parts.unflatten(-1, (_PANELS, -1)).sum(-1)
    return functional.pad(torch.stack([panels, panels.flip(-1)]).cumsum(-1), (1, 0))
