"""The uniform prior over the unit sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from isthmus.core.registry import register
from isthmus.distributions import UniformSphere as UniformSphereDistribution

from .base import Encode, Prior, PriorModule


@register("prior", "uniform-sphere")
@dataclass(frozen=True)
class UniformSphere(Prior):
    """p(z) is the same for all unit vectors.

    Davidson et al. (2018), Hyperspherical variational auto-encoders, arXiv:1804.00891.

    Examples
    --------
    >>> UniformSphere().build(2)().draw(3).square().sum(1).round(decimals=4)
    tensor([1., 1., 1.])
    """

    code_space: ClassVar[str] = "sphere"

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> UniformSpherePrior:
        return UniformSpherePrior(latent_dim)


class UniformSpherePrior(PriorModule):
    """The sphere on the device and in the precision of the model."""

    anchor: torch.Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        # An empty buffer follows .to(device): samples are drawn where the model lives.
        self.register_buffer("anchor", torch.empty(0), persistent=False)

    def forward(self, encode: Encode | None = None) -> UniformSphereDistribution:
        return UniformSphereDistribution(self.latent_dim, self.anchor.device, self.anchor.dtype)

    def describe(self) -> str:
        return "uniform prior on the sphere"

    def extra_repr(self) -> str:
        return f"latent_dim={self.latent_dim}"
