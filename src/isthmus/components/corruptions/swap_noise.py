"""Cells from other rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint
from isthmus.core.registry import register

from .base import Corruption, columns_of, per_feature
from .chance import RATE


@register("corruption", "swap-noise")
@dataclass(frozen=True)
class SwapNoise(Corruption):
    """Each cell becomes, with probability ``rate``, that of the same column in another random row of the batch.

    Every damaged value is one that the column really takes, whatever its kind and scale, which suits mixed tables.
    Jahrer (2017), winning solution of the Porto Seguro safe driver competition, Kaggle. All indicators of a
    categorical column come from one row. A batch of one row has no others, and stays as it is.

    Parameters
    ----------
    rate : float
        The probability that a cell is replaced.

    Examples
    --------
    >>> rows, noise = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[-2.0, 1.0], [1.0, 1.0]])
    >>> SwapNoise(rate=0.1).corrupt(rows, noise, [Block("continuous", 0, 2, (2,))])
    tensor([[3., 2.],
            [3., 4.]])
    """

    rate: float = 0.1

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"rate": RATE}

    def noise_width(self, blocks: Sequence[Block]) -> int:
        return columns_of(blocks)

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        others = features.shape[0] - 1
        if not others or not self.rate:
            return features
        # Where a uniform number is below the rate, its share of the rate is uniform too, and says which other row.
        share = torch.special.ndtr(noise) / self.rate
        distance = 1 + (share * others).long()
        own = torch.arange(others + 1, device=features.device)[:, None]
        source = torch.where(share < 1, (own + distance) % (others + 1), own)
        return features.gather(0, per_feature(source, blocks))
