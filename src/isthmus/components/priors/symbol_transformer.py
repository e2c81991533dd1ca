"""A transformer over symbols as prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions.causal_transformer import CausalTransformer
from isthmus.distributions.symbol_sequence import SymbolSequence

from .base import Encode, Prior, PriorModule

COUNT: tuple[Constraint, ...] = (Interval(1, None, integer=True),)


@register("prior", "symbol-transformer")
@dataclass(frozen=True)
class SymbolTransformer(Prior):
    """p(s) = Π_t p(s_t | s_1 … s_{t−1}): each symbol of a code given those before it, by a small causal transformer.

    The second stage of van den Oord, Vinyals & Kavukcuoglu (2017, arXiv:1711.00937), who used a PixelCNN, with the
    network of Esser, Rombach & Ommer (2021), Taming transformers for high-resolution image synthesis, arXiv:2012.09841.
    It is meant to be fitted to the symbols after training.

    Parameters
    ----------
    heads, head_width : int
        How many heads of attention there are, and how many numbers each compares; their product is the width of the
        vectors that stand for symbols.
    layers : int

    Examples
    --------
    >>> SymbolTransformer(heads=2, head_width=4).build(8, levels=(5, 2))().draw(4).shape
    torch.Size([4, 2])
    """

    code_space: ClassVar[str] = "symbols"
    learnt: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = dict.fromkeys(("heads", "head_width", "layers"), COUNT)

    heads: int = 4
    head_width: int = 32
    layers: int = 2

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> SymbolTransformerPrior:
        return SymbolTransformerPrior(
            CausalTransformer(levels, self.heads * self.head_width, self.heads, self.layers), len(levels)
        )


class SymbolTransformerPrior(PriorModule):
    """The network, as a distribution."""

    def __init__(self, network: CausalTransformer, places: int) -> None:
        super().__init__()
        self.network, self.places = network, places

    def describe(self) -> str:
        return f"transformer over {self.places} symbols as prior"

    def forward(self, encode: Encode | None = None) -> SymbolSequence:
        network = self.network
        return SymbolSequence(network, self.places, network.symbols.device, network.one_by_one)
