"""Cells that are hidden."""

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
from .chance import RATE, happens


@register("corruption", "masking")
@dataclass(frozen=True)
class Masking(Corruption):
    """Each cell becomes 0 with probability ``rate``: the others must tell what it was.

    Vincent et al. (2008), Extracting and composing robust features with denoising autoencoders. In encoded units 0 is
    the mean of a standardised column, black in an image, no event of a count; of a categorical column all indicators
    become 0 together, so that it has no level. What is left is not scaled up.

    Parameters
    ----------
    rate : float
        The probability that a cell is hidden.

    Examples
    --------
    >>> rows, noise = torch.ones(1, 3), torch.tensor([[0.1, -2.0, 1.0]])
    >>> Masking(rate=0.25).corrupt(rows, noise, [Block("binary", 0, 3, (3,))])
    tensor([[1., 0., 1.]])
    """

    rate: float = 0.25

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"rate": RATE}

    def noise_width(self, blocks: Sequence[Block]) -> int:
        return columns_of(blocks)

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        return torch.where(per_feature(happens(noise, self.rate), blocks), 0.0, features)
