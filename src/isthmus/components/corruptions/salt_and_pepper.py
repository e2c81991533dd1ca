"""Cells that go to one end of their range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint
from isthmus.core.registry import register

from .addressed import addressed
from .base import Corruption
from .chance import RATE, happens

KINDS = ("binary", "unit-interval", "continuous", "count")
DEVIATIONS = 2.0


@register("corruption", "salt-and-pepper")
@dataclass(frozen=True)
class SaltAndPepper(Corruption):
    """Each cell becomes the lowest or the highest value with probability ``rate``: each with half of it.

    Vincent et al. (2010), Stacked denoising autoencoders, JMLR 11. Lowest and highest are 0 and 1 for binary and
    unit-interval columns. Continuous columns have no natural ends: they go to ±2 standard deviations around 0, their
    mean (unless the schema does not scale them); counts to 0, or to their mean plus two standard deviations.
    Categorical columns have no order, and are left as they are.

    Parameters
    ----------
    rate : float
        The probability that a cell is damaged.

    Raises
    ------
    ParameterError
        By :meth:`noise_width`, for data that has categorical columns only.

    Examples
    --------
    >>> rows, noise = torch.full((1, 3), 0.5), torch.tensor([[-2.0, 0.1, 2.0]])
    >>> SaltAndPepper(rate=0.2).corrupt(rows, noise, [Block("unit-interval", 0, 3, (3,))])
    tensor([[0.0000, 0.5000, 1.0000]])
    """

    rate: float = 0.1

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"rate": RATE}

    def noise_width(self, blocks: Sequence[Block]) -> int:
        return self._addressed(blocks)[-1][1].stop

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        pieces, end = [], 0
        for block, place in self._addressed(blocks):
            low, high = ends_of(block)
            cells, chance = features[:, block.start : block.stop], noise[:, place]
            salted = torch.where(happens(-chance, 0.5 * self.rate), high, cells)
            pieces += [features[:, end : block.start], torch.where(happens(chance, 0.5 * self.rate), low, salted)]
            end = block.stop
        return torch.cat([*pieces, features[:, end:]], 1)

    def _addressed(self, blocks: Sequence[Block]) -> list[tuple[Block, slice]]:
        return addressed("SaltAndPepper", blocks, KINDS, "Use Masking() or SwapNoise().")


def ends_of(block: Block) -> tuple[float, float]:
    """The lowest and the highest value that damaged cells of a block take, in encoded units."""
    if block.kind in ("binary", "unit-interval"):
        return 0.0, 1.0
    far = DEVIATIONS * math.sqrt(block.variance)
    return (0.0, float(round(block.mean + far))) if block.kind == "count" else (-far, far)
