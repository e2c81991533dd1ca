"""A normal prior with its own mean and covariance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.registry import register
from isthmus.distributions import FullNormal

from .base import Encode, Prior, PriorModule


@register("prior", "full-gaussian")
@dataclass(frozen=True)
class FullGaussian(Prior):
    """p(z) = N(m, L Lᵀ), learnt with the model or fitted to its codes afterwards.

    Examples
    --------
    >>> FullGaussian().build(2)().mean.tolist()
    [0.0, 0.0]
    """

    learnt: ClassVar[bool] = True

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> FullGaussianPrior:
        return FullGaussianPrior(latent_dim)


class FullGaussianPrior(PriorModule):
    """Mean and Cholesky factor as parameters; begins at N(0, I)."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(latent_dim))
        self.log_diagonal = nn.Parameter(torch.zeros(latent_dim))
        self.lower = nn.Parameter(torch.zeros(latent_dim, latent_dim))

    @torch.no_grad()
    def assign(self, mean: Tensor, covariance: Tensor) -> None:
        """Take over a fitted mean (d,) and covariance (d, d)."""
        factor = torch.linalg.cholesky(covariance.double())
        self.mean.copy_(mean)
        self.log_diagonal.copy_(factor.diagonal().log())
        self.lower.copy_(factor.tril(-1))

    def describe(self) -> str:
        return "full Gaussian prior"

    def forward(self, encode: Encode | None = None) -> FullNormal:
        factor = self.lower.tril(-1) + torch.diag_embed(self.log_diagonal.exp())
        return FullNormal(self.mean.view_as(self.mean), factor)
