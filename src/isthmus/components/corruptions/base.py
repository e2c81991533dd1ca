"""The contract of corruptions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.spec import Spec


@dataclass(frozen=True)
class Corruption(Spec):
    """Damage to the encoder's input while training; the likelihood is still asked about the clean row.

    To add one: subclass, implement :meth:`noise_width` and :meth:`corrupt`, register it on the axis "corruption".
    Column counts are those of the user's columns: the indicators of one categorical column are damaged together.

    Attributes
    ----------
    replaces_target : bool
        The likelihood is asked about the damaged row: it is another draw of the same data, not damage.
    """

    replaces_target: ClassVar[bool] = False

    @abstractmethod
    def noise_width(self, blocks: Sequence[Block]) -> int:
        """How many standard normal numbers a row needs."""

    @abstractmethod
    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        """Damaged features (n, d) from clean ones and standard normal ``noise`` (n, noise_width); pure."""

    def applied(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> tuple[Tensor, Tensor]:
        """(target, seen), each (n, d): what the likelihood is asked about, and what the encoder is shown."""
        damaged = self.corrupt(features, noise, blocks)
        return (damaged if self.replaces_target else features), damaged

    def visible(self, noise: Tensor, blocks: Sequence[Block]) -> Tensor | None:
        """Which cells the encoder may see, bool (n, columns); None: all of them."""
        return None

    def blocks_after(self, blocks: Sequence[Block]) -> Sequence[Block]:
        """What the rows are made of afterwards, for the likelihood."""
        return blocks


def columns_of(blocks: Sequence[Block]) -> int:
    """The number of columns before encoding."""
    return sum(block.width // max(1, block.cardinality) for block in blocks)


def per_feature(columns: Tensor, blocks: Sequence[Block]) -> Tensor:
    """A value per column (n, columns) repeated over the column's features: (n, d)."""
    if all(block.cardinality <= 1 for block in blocks):
        return columns
    pieces, start = [], 0
    for block in blocks:
        repeats = max(1, block.cardinality)
        stop = start + block.width // repeats
        pieces.append(columns[:, start:stop].repeat_interleave(repeats, 1))
        start = stop
    return torch.cat(pieces, 1)
