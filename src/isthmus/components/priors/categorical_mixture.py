"""A latent class model of symbols as prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions.symbol_mixture import SymbolMixture

from .base import Encode, Prior, PriorModule


@register("prior", "categorical-mixture")
@dataclass(frozen=True)
class CategoricalMixture(Prior):
    """p(s) = Σ_k w_k Π_t p_kt(s_t): classes, within which the symbols of a code are independent.

    The latent class model of Lazarsfeld & Henry (1968). One class is a product of independent categoricals. It is meant
    to be fitted to the symbols after training.

    Parameters
    ----------
    n_components : int

    Examples
    --------
    >>> CategoricalMixture(n_components=3).build(8, levels=(5, 2))().draw(4).shape
    torch.Size([4, 2])
    """

    learnt: ClassVar[bool] = True
    code_space: ClassVar[str] = "symbols"
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"n_components": (Interval(1, None, integer=True),)}

    n_components: int = 10

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> CategoricalMixturePrior:
        return CategoricalMixturePrior(self.n_components, levels)


class CategoricalMixturePrior(PriorModule):
    """Weights and probabilities as parameters; ``initialise`` draws the latter around equal ones.

    Parameters
    ----------
    n_components : int
    levels : tuple of int
        How many symbols there are at each place.
    """

    known: Tensor

    def __init__(self, n_components: int, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = levels
        most = max(levels, default=1)
        self.weight_logits = nn.Parameter(torch.zeros(n_components))
        self.logits = nn.Parameter(torch.zeros(n_components, len(levels), most))
        known = torch.arange(most) < torch.tensor(levels).reshape(-1, 1)
        self.register_buffer("known", known, persistent=False)

    def initialise(self, generator: Generator) -> None:
        """Draw the logits: components that begin at one place would never part."""
        nn.init.normal_(self.logits, generator=generator)

    @torch.no_grad()
    def assign(self, weights: Tensor, probabilities: Sequence[Tensor]) -> None:
        """Take over fitted weights (k,), and the probabilities (k, levels) of each place."""
        self.weight_logits.copy_(weights.double().clamp_min(1e-30).log())
        self.logits.zero_()
        for place, table in enumerate(probabilities):
            self.logits[:, place, : table.shape[-1]] = table.double().clamp_min(1e-30).log().to(self.logits)

    def describe(self) -> str:
        return f"mixture of {len(self.weight_logits)} products of categoricals as prior"

    def forward(self, encode: Encode | None = None) -> SymbolMixture:
        log_probs = self.logits.masked_fill(~self.known, -torch.inf).log_softmax(-1)
        return SymbolMixture(self.weight_logits.log_softmax(0), log_probs)
