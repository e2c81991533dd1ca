"""Codes on the unit sphere: von Mises–Fisher around a direction, and the uniform distribution.

Davidson et al. (2018), Hyperspherical variational auto-encoders, arXiv:1804.00891.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from .base import Distribution, Posterior
from .divergence import register_kl
from .spherical_angle import SphericalAngle


def log_sphere_area(dim: int) -> float:
    """The logarithm of the area of the unit sphere in ``dim`` dimensions, 2 π^{d/2} / Γ(d/2).

    >>> import math
    >>> round(math.exp(log_sphere_area(3)) / math.pi, 12)
    4.0
    """
    return math.log(2) + 0.5 * dim * math.log(math.pi) - math.lgamma(0.5 * dim)


class VonMisesFisher(Posterior):
    """Density C_d(κ) exp(κ ⟨direction, z⟩) on the unit sphere in d ≥ 2 dimensions, one per row.

    Normaliser and moments come from quadrature in float64 (exact to 1e-12 up to d = 64, whatever κ is), without
    Bessel functions. Samples are an exact, reparameterised function of the noise, not accepted and rejected.

    Parameters
    ----------
    direction : Tensor, shape (n, d)
        Unit vectors.
    concentration : Tensor, shape (n, 1)
        κ ≥ 0; at 0 the distribution is uniform.

    Examples
    --------
    >>> import torch
    >>> q = VonMisesFisher(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[2.0]]))
    >>> q.mean  # coth κ − 1 / κ in three dimensions
    tensor([[0.0000, 0.0000, 0.5373]])
    """

    __slots__ = ("_angle", "concentration", "direction")

    def __init__(self, direction: Tensor, concentration: Tensor) -> None:
        self.direction, self.concentration = direction, concentration
        self._angle: SphericalAngle | None = None

    @property
    def angle(self) -> SphericalAngle:
        """The distribution of the angle between a draw and the direction. Kept: a step asks for it more than once."""
        if self._angle is None:
            self._angle = SphericalAngle(self.concentration.squeeze(-1), self.direction.shape[-1])
        return self._angle

    @property
    def code(self) -> Tensor:
        return self.direction

    @property
    def mode(self) -> Tensor:
        return self.direction

    @property
    def mean(self) -> Tensor:
        """A_d(κ) · direction, within the sphere, (n, d). A_d(κ) = I_{d/2}(κ) / I_{d/2−1}(κ)."""
        return (1 + self.angle.mean_versine)[:, None].to(self.direction.dtype) * self.direction

    @property
    def stddev(self) -> Tensor:
        """The standard deviation of each coordinate, (n, d)."""
        # w = ⟨direction, z⟩ varies along the direction; E[1 − w²] is shared by the d − 1 directions across it.
        along = self.angle.cosine_variance[:, None]
        across = (self.angle.mean_squared_sine / (self.direction.shape[-1] - 1))[:, None]
        squared = self.direction.square().to(along.dtype)
        return torch.lerp(across, along, squared).sqrt().to(self.direction.dtype)

    @property
    def log_normaliser(self) -> Tensor:
        """log C_d(κ) of each row, (n,)."""
        return (self._log_peak() - self.angle.concentration).to(self.direction.dtype)

    def _log_peak(self) -> Tensor:
        """The log-density at the direction, in the precision of the quadrature, (n,)."""
        return -self.angle.log_normaliser - log_sphere_area(self.direction.shape[-1] - 1)

    def sample(self, noise: Tensor) -> Tensor:
        """Standard normal ``noise`` (..., n, d) -> unit vectors of the same shape, differentiable in both parameters.

        The first column gives the angle by its inverse distribution function, the others the way to go.
        """
        theta = self.angle.quantile(noise[..., 0])[..., None]
        cosine, sine = theta.cos().to(noise.dtype), theta.sin().to(noise.dtype)
        return cosine * self.direction + sine * self._tangent(noise[..., 1:])

    def _tangent(self, noise: Tensor) -> Tensor:
        """Uniform unit vectors across the direction: (..., n, d − 1) -> (..., n, d).

        A unit vector across the first axis is reflected by the one of the two Householder reflections that take this
        axis to ± the direction whose mirror is well defined everywhere (so that no gradient blows up near the axis).
        """
        if noise.shape[-1] == 1:
            across = torch.where(noise < 0, -1.0, 1.0).to(noise.dtype)
        else:
            across = functional.normalize(noise, dim=-1)
        first, rest = self.direction[..., :1], self.direction[..., 1:]
        sign = torch.where(first < 0, -1.0, 1.0).to(first.dtype)
        along = (rest * across).sum(-1, keepdim=True)
        return torch.cat([along, sign * (rest * (along / (1 + first.abs())) - across)], -1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        shape = (rows, self.direction.shape[-1])
        return self.sample(
            torch.randn(shape, generator=generator, device=self.direction.device, dtype=self.direction.dtype)
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-density of unit vectors in nats with respect to the area of the sphere, (..., n)."""
        # ⟨m, z⟩ − 1 = −‖z − m‖² / 2 for unit vectors: no cancellation when κ is large.
        squared = (value - self.direction).square().sum(-1)
        return self._log_peak().to(squared.dtype) - 0.5 * self.concentration.squeeze(-1) * squared

    def entropy(self) -> Tensor:
        """The differential entropy of each row in nats, with respect to the area of the sphere, (n,)."""
        entropy = -self._log_peak() - self.angle.concentration * self.angle.mean_versine
        return entropy.to(self.direction.dtype)


class UniformSphere(Distribution):
    """The uniform distribution on the unit sphere in ``dim`` dimensions.

    >>> import math
    >>> import torch
    >>> round(math.exp(-UniformSphere(3).log_prob(torch.tensor([0.0, 0.0, 1.0]))) / math.pi, 5)
    4.0
    """

    __slots__ = ("device", "dim", "dtype")

    def __init__(self, dim: int, device: torch.device | None = None, dtype: torch.dtype | None = None) -> None:
        self.dim, self.device, self.dtype = dim, device, dtype

    def log_prob(self, value: Tensor) -> Tensor:
        return value.new_full(value.shape[:-1], -log_sphere_area(self.dim))

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        noise = torch.randn(rows, self.dim, generator=generator, device=self.device, dtype=self.dtype)
        return functional.normalize(noise, dim=-1)

    def sample_shared(self, noise: Tensor) -> Tensor:
        return functional.normalize(noise[..., :-1], dim=-1)


@register_kl(VonMisesFisher, UniformSphere)
def _von_mises_fisher_uniform(q: VonMisesFisher, p: UniformSphere) -> Tensor:
    """Davidson et al. (2018), section 3.2: the uniform distribution's entropy is the greatest."""
    return log_sphere_area(p.dim) - q.entropy()
