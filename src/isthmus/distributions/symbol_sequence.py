"""Sequences of symbols, each given those before it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from .base import Distribution
from .divergence import register_kl
from .quantised import QuantisedPosterior

Logits = Callable[[Tensor], Tensor]

SYMBOLS_AT_ONCE = 2**14


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
    one_by_one : callable, optional
        Gives a function that is called with symbols (n, 0), (n, 1), … and gives the logits (n, K) of the next place,
        the same as those of ``logits``: for networks that need not begin anew for each place.

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

    __slots__ = ("device", "logits", "one_by_one", "places")

    def __init__(
        self,
        logits: Logits,
        places: int,
        device: torch.device | str | None = None,
        one_by_one: Callable[[], Logits] | None = None,
    ) -> None:
        self.logits, self.places, self.device, self.one_by_one = logits, places, device, one_by_one

    def log_prob(self, value: Tensor) -> Tensor:
        symbols = value.long()
        if torch.is_grad_enabled():
            return self._log_prob(symbols)
        rows = symbols.reshape(-1, symbols.shape[-1])
        found = torch.cat([self._log_prob(piece) for piece in rows.split(rows_at_once(self.places))])
        return found.reshape(symbols.shape[:-1])

    def _log_prob(self, symbols: Tensor) -> Tensor:
        return self.logits(symbols).log_softmax(-1).gather(-1, symbols.unsqueeze(-1)).squeeze(-1).sum(-1)

    @torch.no_grad()
    def draw(self, rows: int, generator: Generator | None = None, temperature: float = 1.0) -> Tensor:
        """Symbols (rows, T), place after place; the logits are divided by ``temperature``."""
        most = rows_at_once(self.places)
        sizes = [min(most, rows - start) for start in range(0, rows, most)] or [0]
        return torch.cat([self._draw(size, generator, temperature) for size in sizes])

    def _draw(self, rows: int, generator: Generator | None, temperature: float) -> Tensor:
        following = self._following if self.one_by_one is None else self.one_by_one()
        symbols = torch.zeros(rows, 0, dtype=torch.int64, device=self.device)
        for _ in range(self.places):
            probabilities = (following(symbols) / temperature).softmax(-1)
            drawn = torch.multinomial(probabilities, 1, generator=generator)
            symbols = torch.cat([symbols, drawn], -1)
        return symbols

    def _following(self, symbols: Tensor) -> Tensor:
        # The symbol at the place itself is not looked at.
        return self.logits(torch.cat([symbols, symbols.new_zeros(len(symbols), 1)], -1))[:, -1]


def rows_at_once(places: int) -> int:
    """How many sequences a network sees at once: a power of two, of about 16,384 symbols in all.

    >>> rows_at_once(49), rows_at_once(1024), rows_at_once(10**6)
    (256, 16, 1)
    """
    return 1 << max(0, (SYMBOLS_AT_ONCE // places).bit_length() - 1)


@register_kl(QuantisedPosterior, SymbolSequence)
def _quantised_symbol_sequence(q: QuantisedPosterior, p: SymbolSequence) -> Tensor:
    """What the chosen symbols cost: the entropy of a point is 0."""
    return -p.log_prob(q.symbols)
