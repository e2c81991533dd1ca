"""Cells that the encoder is not shown, and knows that it is not shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import MISSING, Block
from isthmus.core.constraints import Constraint
from isthmus.core.registry import register

from .base import Corruption, columns_of, per_feature
from .chance import RATE


@register("corruption", "hiding")
@dataclass(frozen=True)
class Hiding(Corruption):
    """In some rows the encoder sees some of the cells only: it learns what any subset of them tells of the code.

    In a row with hidden cells, each column is hidden with the same probability u, and u is uniform between 0 and 1:
    from almost nothing to almost everything is hidden equally often. The encoder gets a flag for each column that says
    whether it sees it. A stochastic code is trained on the bound of the cells that it sees, as if the others were
    missing at random: its posterior tends to p(z | these cells) whatever they are, which is what filling holes and
    sampling with some columns given need. A deterministic code is asked about all cells: it learns to fill in what it
    does not see. Like the masks of Nazábal, Olmos, Ghahramani & Valera (2020), Handling incomplete heterogeneous data
    using VAEs, arXiv:1807.03653, and of Ivanov, Figurnov & Vetrov (2019), Variational autoencoder with arbitrary
    conditioning, arXiv:1806.02382.

    It is what ``corruption="auto"`` stands for in tables with holes. The indicator of a missing cell is hidden along
    with it: a hidden cell may be there or not.

    Parameters
    ----------
    share : float
        The probability that a row has hidden cells.

    Examples
    --------
    The first number of a row says whether cells are hidden, and how many; the others say which:

    >>> rows, noise = torch.ones(2, 3), torch.tensor([[-0.5, -2.0, 0.1, 2.0], [0.5, -2.0, 0.1, 2.0]])
    >>> Hiding().visible(noise, [Block("binary", 0, 3, (3,))])
    tensor([[ True,  True,  True],
            [False, False,  True]])
    """

    share: float = 0.5

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"share": RATE}

    def noise_width(self, blocks: Sequence[Block]) -> int:
        return 1 + columns_of([block for block in blocks if block.kind != MISSING])

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        return torch.where(per_feature(self.visible(noise, blocks), blocks), features, 0.0)

    def visible(self, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        # Below the share, where cells are hidden, a uniform number over the share is uniform, too.
        uniform = torch.special.ndtr(-noise[:, :1])
        rate = torch.where(uniform < self.share, uniform / max(self.share, 1e-30), 0.0)
        seen = noise[:, 1:] >= torch.special.ndtri(rate)
        indicators = [seen[:, list(block.of)] for block in blocks if block.kind == MISSING]
        return torch.cat([seen, *indicators], 1) if indicators else seen
