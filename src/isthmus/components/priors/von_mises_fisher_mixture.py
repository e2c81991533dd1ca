"""A mixture of von Mises–Fisher distributions as prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions.spherical_mixture import SphericalMixture

from .base import Encode, Prior, PriorModule


@register("prior", "von-mises-fisher-mixture")
@dataclass(frozen=True)
class VonMisesFisherMixture(Prior):
    """p(z) = Σ_k w_k vMF(m_k, κ_k) on the unit sphere, learnt with the model or fitted to its codes afterwards.

    Banerjee et al. (2005), Clustering on the unit hypersphere using von Mises–Fisher distributions, JMLR 6. Training
    uses the sampled estimate of its divergence.

    Parameters
    ----------
    n_components : int

    Examples
    --------
    >>> VonMisesFisherMixture(n_components=3).build(2).directions.shape
    torch.Size([3, 2])
    """

    learnt: ClassVar[bool] = True
    code_space: ClassVar[str] = "sphere"
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"n_components": (Interval(1, None, integer=True),)}

    n_components: int = 10

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> VonMisesFisherMixturePrior:
        return VonMisesFisherMixturePrior(self.n_components, latent_dim)


class VonMisesFisherMixturePrior(PriorModule):
    """Weights, directions and concentrations as parameters; ``initialise`` spreads the directions, with κ = 1."""

    def __init__(self, n_components: int, latent_dim: int) -> None:
        super().__init__()
        self.weight_logits = nn.Parameter(torch.zeros(n_components))
        self.directions = nn.Parameter(torch.ones(n_components, latent_dim))
        self.log_concentrations = nn.Parameter(torch.zeros(n_components))

    def initialise(self, generator: Generator) -> None:
        """Draw the directions: components that begin at one place would never part."""
        nn.init.normal_(self.directions, generator=generator)

    @torch.no_grad()
    def assign(self, weights: Tensor, directions: Tensor, concentrations: Tensor) -> None:
        """Take over fitted weights (k,), unit vectors (k, d) and concentrations (k,)."""
        self.weight_logits.copy_(weights.double().clamp_min(1e-30).log())
        self.directions.copy_(directions)
        self.log_concentrations.copy_(concentrations.double().clamp_min(1e-30).log())

    def describe(self) -> str:
        return f"mixture of {len(self.directions)} von Mises–Fisher distributions as prior"

    def forward(self, encode: Encode | None = None) -> SphericalMixture:
        return SphericalMixture(
            self.weight_logits.log_softmax(0),
            functional.normalize(self.directions, dim=-1),
            self.log_concentrations.exp(),
        )
