"""Normal distributions: standard, diagonal, isotropic around a decoded mean, and full.

Log-densities are those of Bishop (2006), Pattern Recognition and Machine Learning, eq. 2.43.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from .base import Distribution, Posterior

LOG_2_PI = math.log(2 * math.pi)


class StandardNormal(Distribution):
    """N(0, I) in ``dim`` dimensions."""

    __slots__ = ("device", "dim", "dtype")

    def __init__(self, dim: int, device: torch.device | None = None, dtype: torch.dtype | None = None) -> None:
        self.dim, self.device, self.dtype = dim, device, dtype

    def log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * (value.square().sum(-1) + self.dim * LOG_2_PI)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return torch.randn(rows, self.dim, generator=generator, device=self.device, dtype=self.dtype)

    def sample_shared(self, noise: Tensor) -> Tensor:
        return noise[..., :-1]


class DiagonalNormal(Posterior):
    """N(mean, diag(exp(log_std))²), one per row.

    Parameters
    ----------
    mean : Tensor, shape (n, d)
    log_std : Tensor, shape (n, d), or (d,) for all rows
    """

    __slots__ = ("log_std", "mean")

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        self.mean, self.log_std = mean, log_std

    @property
    def code(self) -> Tensor:
        return self.mean

    @property
    def mode(self) -> Tensor:
        return self.mean

    @property
    def stddev(self) -> Tensor:
        """The standard deviations, (n, d)."""
        return self.log_std.exp()

    def sample(self, noise: Tensor) -> Tensor:
        return torch.addcmul(self.mean, self.log_std.exp(), noise)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        shape = (rows, self.mean.shape[-1])
        return self.sample(torch.randn(shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        standardised = (value - self.mean) * (-self.log_std).exp()
        return -(0.5 * standardised.square() + self.log_std).sum(-1) - 0.5 * self.mean.shape[-1] * LOG_2_PI

    def entropy(self) -> Tensor:
        """The differential entropy of each row in nats, (n,)."""
        return self.log_std.sum(-1) + 0.5 * self.mean.shape[-1] * (LOG_2_PI + 1)


class IsotropicNormal(Distribution):
    """N(mean, variance · I): one mean per row, one variance for all.

    Parameters
    ----------
    mean : Tensor, shape (n, d)
    variance : Tensor, scalar
    """

    __slots__ = ("_measured", "mean", "variance")

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        self.mean, self.variance = mean, variance
        self._measured: tuple[Tensor, Tensor] | None = None

    @property
    def mode(self) -> Tensor:
        return self.mean

    def squared_error(self, value: Tensor) -> Tensor:
        """‖value − mean‖² of each row, (n,). Remembered: a step asks for the density, and then for the noise scale."""
        if self._measured is None or self._measured[0] is not value:
            self._measured = value, (value - self.mean).square().sum(-1)
        return self._measured[1]

    def log_prob(self, value: Tensor) -> Tensor:
        # -SE / 2 variance - d/2 log(2 pi variance), with one operation on (n,) after the reduction: steps are many.
        constant = (self.variance.log() + LOG_2_PI).mul(-0.5 * self.mean.shape[-1])
        return torch.addcmul(constant, self.squared_error(value), self.variance.reciprocal().mul(-0.5))

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        shape = (rows, self.mean.shape[-1])
        noise = torch.randn(shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + self.variance.sqrt() * noise


class FullNormal(Distribution):
    """N(mean, L Lᵀ) with a lower-triangular L, shared by all rows.

    Parameters
    ----------
    mean : Tensor, shape (d,)
    scale_tril : Tensor, shape (d, d)
        L, with a positive diagonal.
    """

    __slots__ = ("mean", "scale_tril")

    def __init__(self, mean: Tensor, scale_tril: Tensor) -> None:
        self.mean, self.scale_tril = mean, scale_tril

    def log_prob(self, value: Tensor) -> Tensor:
        # One system with a column for each row: a system per row would copy the factor as often.
        centred = (value - self.mean).reshape(-1, self.mean.shape[-1])
        whitened = torch.linalg.solve_triangular(self.scale_tril, centred.T, upper=False).T.reshape(value.shape)
        log_det = self.scale_tril.diagonal().log().sum()
        return -0.5 * (whitened.square().sum(-1) + self.mean.shape[-1] * LOG_2_PI) - log_det

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        shape = (rows, self.mean.shape[-1])
        noise = torch.randn(shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + noise @ self.scale_tril.T

    def sample_shared(self, noise: Tensor) -> Tensor:
        return self.mean + noise[..., :-1] @ self.scale_tril.T
