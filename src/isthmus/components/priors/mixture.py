"""A mixture of full normals as prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions import NormalMixture

from .base import Encode, Prior, PriorModule


@register("prior", "mixture")
@dataclass(frozen=True)
class Mixture(Prior):
    """p(z) = Σ_k w_k N(m_k, L_k L_kᵀ), learnt with the model or fitted to its codes afterwards.

    Its divergence from a Gaussian posterior has no closed form: training uses the sampled estimate.

    Parameters
    ----------
    n_components : int

    Examples
    --------
    >>> Mixture(n_components=3).build(2)().means.shape
    torch.Size([3, 2])
    """

    learnt: ClassVar[bool] = True
    n_components: int = 10

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"n_components": (Interval(1, None, integer=True),)}

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> MixturePrior:
        return MixturePrior(self.n_components, latent_dim)


class MixturePrior(PriorModule):
    """Weights, means and Cholesky factors as parameters; ``initialise`` spreads the means by N(0, I)."""

    def __init__(self, n_components: int, latent_dim: int) -> None:
        super().__init__()
        self.weight_logits = nn.Parameter(torch.zeros(n_components))
        self.means = nn.Parameter(torch.zeros(n_components, latent_dim))
        self.log_diagonals = nn.Parameter(torch.zeros(n_components, latent_dim))
        self.lowers = nn.Parameter(torch.zeros(n_components, latent_dim, latent_dim))

    def initialise(self, generator: Generator) -> None:
        """Draw the means: components that begin at one place would never part."""
        nn.init.normal_(self.means, generator=generator)

    @torch.no_grad()
    def assign(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        """Take over fitted weights (k,), means (k, d) and covariances (k, d, d)."""
        factors = torch.linalg.cholesky(covariances.double())
        self.weight_logits.copy_(weights.double().clamp_min(1e-30).log())
        self.means.copy_(means)
        self.log_diagonals.copy_(factors.diagonal(dim1=-2, dim2=-1).log())
        self.lowers.copy_(factors.tril(-1))

    def describe(self) -> str:
        return f"mixture of {len(self.means)} Gaussians as prior"

    def forward(self, encode: Encode | None = None) -> NormalMixture:
        factors = self.lowers.tril(-1) + torch.diag_embed(self.log_diagonals.exp())
        return NormalMixture(self.weight_logits.log_softmax(0), self.means.view_as(self.means), factors)
