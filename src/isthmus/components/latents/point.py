"""A deterministic code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.registry import register
from isthmus.distributions import PointMass

from .base import Latent, LatentModule


@register("latent", "point")
@dataclass(frozen=True)
class Point(Latent):
    """The encoder's output is the code: the latent of plain autoencoders.

    Examples
    --------
    >>> Point().parameter_shape(8)
    8
    """

    stochastic: ClassVar[bool] = False

    def parameter_shape(self, latent_dim: int) -> int:
        return latent_dim

    def build(self, latent_dim: int) -> PointLatent:
        return PointLatent()


class PointLatent(LatentModule):
    """Encoder output (n, latent_dim) -> a point mass on it."""

    def forward(self, parameters: Tensor) -> PointMass:
        return PointMass(parameters)
