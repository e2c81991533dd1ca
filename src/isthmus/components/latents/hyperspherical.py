"""Codes on the unit sphere, with a von Mises–Fisher posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.errors import ParameterError
from isthmus.core.registry import register
from isthmus.distributions import VonMisesFisher

from .base import Latent, LatentModule

SHORT = 1e-30
# Beyond it the concentration stays finite, and the quadrature exact.
LARGEST = 12.0


@register("latent", "hyperspherical")
@dataclass(frozen=True)
class HypersphericalLatent(Latent):
    """q(z|x) = vMF(direction(x), κ(x)): unit vectors, for data whose structure is that of directions.

    Davidson et al. (2018), Hyperspherical variational auto-encoders, arXiv:1804.00891. The encoder gives a vector, of
    which the direction counts, and one number a more: κ = 1 + latent_dim · exp(a). (The authors' 1 + softplus(a) needs
    thousands of steps to the concentrations of hundreds that reconstruction asks for.) It needs at least two
    dimensions.

    Examples
    --------
    >>> HypersphericalLatent().parameter_shape(8)
    9
    """

    stochastic: ClassVar[bool] = True
    code_space: ClassVar[str] = "sphere"

    def parameter_shape(self, latent_dim: int) -> int:
        if latent_dim < 2:
            raise ParameterError(
                f"HypersphericalLatent: `latent_dim` must be at least 2; got {latent_dim}: the unit sphere of one "
                "dimension is two points. Use latent_dim=2 or more, or latent=GaussianLatent()."
            )
        return latent_dim + 1

    def suitable_dim(self, latent_dim: int) -> int:
        return max(2, latent_dim)

    def build(self, latent_dim: int) -> HypersphericalLatentModule:
        return HypersphericalLatentModule(latent_dim)


class HypersphericalLatentModule(LatentModule):
    """Encoder output (n, latent_dim + 1) -> q(z|x): the direction first, then the concentration."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim

    def describe(self) -> str:
        return "von Mises–Fisher"

    def forward(self, parameters: Tensor) -> VonMisesFisher:
        vector, log_ratio = parameters.split([self.latent_dim, 1], -1)
        length = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
        # The zero vector (an encoder whose units are all off) has no direction: the first axis stands in for it.
        axis = torch.zeros_like(vector[:1])
        axis[..., 0] = 1
        direction = torch.where(length > SHORT, vector / length.clamp_min(SHORT), axis)
        return VonMisesFisher(direction, 1 + self.latent_dim * log_ratio.clamp_max(LARGEST).exp())

    def extra_repr(self) -> str:
        return f"latent_dim={self.latent_dim}"
