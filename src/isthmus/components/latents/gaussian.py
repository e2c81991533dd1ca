"""The reparameterised Gaussian of variational autoencoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.registry import register
from isthmus.distributions import DiagonalNormal

from .base import Latent, LatentModule

LARGEST_LOG_STD = 10.0
"""Of a fitted model's codes: rows far beyond the training data have finite scores."""


@register("latent", "gaussian")
@dataclass(frozen=True)
class GaussianLatent(Latent):
    """q(z|x) = N(μ(x), diag σ(x)²), sampled as z = μ + σ·ε with ε ~ N(0, I).

    Kingma & Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114. The encoder gives the mean and the
    logarithm of the standard deviation of each dimension.

    Examples
    --------
    >>> GaussianLatent().parameter_shape(8)
    16
    """

    stochastic: ClassVar[bool] = True

    def parameter_shape(self, latent_dim: int) -> int:
        return 2 * latent_dim

    def build(self, latent_dim: int) -> GaussianLatentModule:
        return GaussianLatentModule(latent_dim)


class GaussianLatentModule(LatentModule):
    """Encoder output (n, 2·latent_dim) -> q(z|x): means first, then log standard deviations."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def forward(self, parameters: Tensor) -> DiagonalNormal:
        mean, log_std = parameters.split(self.latent_dim, -1)
        return DiagonalNormal(mean, log_std if self.training else log_std.clamp_max(LARGEST_LOG_STD))

    def extra_repr(self) -> str:
        return f"latent_dim={self.latent_dim}"
