"""Sequences of symbols, each given those before it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from .base import Distribution
from .divergence import register_kl
from .quantised import QuantisedPosterior


class SymbolSequence(Distribution):
    """Π_t p(s_t | s_1 … s_{t−1}) over symbols s (n, T), shared by all rows.

    Parameters
    ----------
    logits : callable
        Symbols (..., n, t) -> (..., n, t, K): unnormalised log-probabilities of each place given the places before.
        What it is told of a place must not change the logits of that place, nor of earlier ones.
    places : int
        T.
    device : torch.device, optional
        Where symbols are drawn.

    Examples
    --------
    A coin that repeats itself three times out of four:

    >>> import torch
    >>> def logits(symbols):
    ...     same = torch.nn.functional.one_hot(symbols[..., :-1], 2) * 0.5 + 0.25
    ...     first = torch.full((*symbols.shape[:-1], 1, 2), 0.5)
    ...     return torch.cat([first, same], -2).log()
    >>> SymbolSequence(logits, 3).log_prob(torch.tensor([[0, 0, 1]])).exp()
    tensor([0.0938])
    """

    __slots__ = ("device", "logits", "places")

    def __init__(
        self, logits: Callable[[Tensor], Tensor], places: int, device: torch.device | str | None = None
    ) -> None:
        self.logits, self.places, self.device = logits, places, device

    def log_prob(self, value: Tensor) -> Tensor:
        chosen = value.long().unsqueeze(-1)
        return self.logits(value.long()).log_softmax(-1).gather(-1, chosen).squeeze(-1).sum(-1)

    @torch.no_grad()
    def draw(self, rows: int, generator: Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Symbols (rows, T), place after place; the logits are divided by ``temperature``."""
        symbols = torch.zeros(rows, 0, dtype=torch.int64, device=self.device)
        for _ in range(self.places):
            # The symbol at the place itself is not looked at.
            longer = torch.cat([symbols, symbols.new_zeros(rows, 1)], -1)
            probabilities = (self.logits(longer)[:, -1] / temperature).softmax(-1)
            drawn = torch.multinomial(probabilities, 1, generator=generator)
            symbols = torch.cat([symbols, drawn], -1)
        return symbols


@register_kl(QuantisedPosterior, SymbolSequence)
def _quantised_symbol_sequence(q: QuantisedPosterior, p: SymbolSequence) -> Tensor:
    """What the chosen symbols cost: the entropy of a point is 0."""
    return -p.log_prob(q.symbols)
