"""The standard normal prior."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from isthmus.core.registry import register
from isthmus.distributions import StandardNormal as StandardNormalDistribution

from .base import Encode, Prior, PriorModule


@register("prior", "standard-normal")
@dataclass(frozen=True)
class StandardNormal(Prior):
    """p(z) = N(0, I).

    Examples
    --------
    >>> StandardNormal().build(2)().draw(3).shape
    torch.Size([3, 2])
    """

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> StandardNormalPrior:
        return StandardNormalPrior(latent_dim)


class StandardNormalPrior(PriorModule):
    """N(0, I) on the device and in the precision of the model."""

    anchor: torch.Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        # An empty buffer follows .to(device): samples are drawn where the model lives.
        self.register_buffer("anchor", torch.empty(0), persistent=False)

    def forward(self, encode: Encode | None = None) -> StandardNormalDistribution:
        return StandardNormalDistribution(self.latent_dim, self.anchor.device, self.anchor.dtype)

    def describe(self) -> str:
        return "N(0, I) prior"

    def extra_repr(self) -> str:
        return f"latent_dim={self.latent_dim}"
