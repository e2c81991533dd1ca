"""A mixture of products of categoricals: sequences of symbols in classes."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .base import Distribution
from .divergence import register_kl
from .quantised import QuantisedPosterior


class SymbolMixture(Distribution):
    """Σ_k w_k Π_t p_kt(s_t) over symbols s (n, T), shared by all rows.

    Parameters
    ----------
    log_weights : Tensor, shape (k,)
        Normalised log-weights.
    log_probs : Tensor, shape (k, T, K)
        The logarithms of p_kt, normalised over the last axis; −inf for symbols that a place does not have.

    Examples
    --------
    >>> import torch
    >>> p = SymbolMixture(torch.zeros(1), torch.tensor([[[0.25, 0.75], [0.5, 0.5]]]).log())
    >>> p.log_prob(torch.tensor([[1, 0]])).exp()
    tensor([0.3750])
    """

    __slots__ = ("log_probs", "log_weights")

    def __init__(self, log_weights: Tensor, log_probs: Tensor) -> None:
        self.log_weights, self.log_probs = log_weights, log_probs

    def component_log_prob(self, symbols: Tensor) -> Tensor:
        """log w_k + Σ_t log p_kt(s_t): symbols (..., n, T) -> (..., n, k)."""
        total = self.log_weights.expand(*symbols.shape[:-1], -1)
        for place, chosen in enumerate(symbols.unbind(-1)):
            total = total + self.log_probs[:, place].T[chosen]
        return total

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.logsumexp(self.component_log_prob(value), -1)

    def responsibilities(self, value: Tensor) -> Tensor:
        """The probability that each class made the row: (..., n, T) -> (..., n, k), rows that sum to 1."""
        return self.component_log_prob(value).softmax(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        component = torch.multinomial(self.log_weights.exp(), rows, replacement=True, generator=generator)
        probabilities = self.log_probs.exp()
        columns = [
            torch.multinomial(probabilities[component, place], 1, generator=generator)
            for place in range(probabilities.shape[1])
        ]
        return torch.cat(columns, -1)


@register_kl(QuantisedPosterior, SymbolMixture)
def _quantised_symbol_mixture(q: QuantisedPosterior, p: SymbolMixture) -> Tensor:
    """What the chosen symbols cost: the entropy of a point is 0."""
    return -p.log_prob(q.symbols)
