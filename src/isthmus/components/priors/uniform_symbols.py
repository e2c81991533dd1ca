"""The uniform prior over symbols."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.registry import register
from isthmus.distributions import UniformCodes

from .base import Encode, Prior, PriorModule


@register("prior", "uniform-symbols")
@dataclass(frozen=True)
class UniformSymbols(Prior):
    """Every sequence of symbols is equally likely: T symbols from K cost T ln K nats, whatever they are.

    van den Oord, Vinyals & Kavukcuoglu (2017), Neural discrete representation learning, arXiv:1711.00937. Its draws are
    symbols, of which the latent's ``vectors`` makes codes.

    Examples
    --------
    >>> UniformSymbols().build(8, levels=(256, 256))().draw(3).shape
    torch.Size([3, 2])
    """

    code_space: ClassVar[str] = "symbols"

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> UniformSymbolsPrior:
        return UniformSymbolsPrior(levels)


class UniformSymbolsPrior(PriorModule):
    """Symbols on the device of the model.

    Parameters
    ----------
    levels : tuple of int
        How many there are at each place.
    """

    anchor: torch.Tensor

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = levels
        # An empty buffer follows .to(device): symbols are drawn where the model lives.
        self.register_buffer("anchor", torch.empty(0), persistent=False)

    def forward(self, encode: Encode | None = None) -> UniformCodes:
        return UniformCodes(sum(map(math.log, self.levels)), self.levels, _themselves, self.anchor.device)

    def describe(self) -> str:
        return "uniform prior over symbols"

    def extra_repr(self) -> str:
        return f"levels={self.levels}"


def _themselves(symbols: Tensor) -> Tensor:
    return symbols
