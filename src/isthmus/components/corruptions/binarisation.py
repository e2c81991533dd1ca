"""Grey levels that are drawn as black or white anew in every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register

from .base import Corruption


@register("corruption", "binarisation")
@dataclass(frozen=True)
class Binarisation(Corruption):
    """Each value x in [0, 1] becomes 1 with probability x, for the encoder and for the likelihood alike.

    The protocol of likelihoods on "dynamically binarised" images: Salakhutdinov & Murray (2008), On the quantitative
    analysis of deep belief networks; Tomczak & Welling (2018), arXiv:1705.07120. The model is then one of data in
    {0, 1}, with a Bernoulli likelihood; rows to be scored should be binarised beforehand.

    Examples
    --------
    >>> rows, noise = torch.tensor([[0.0, 0.5, 1.0]]), torch.tensor([[-3.0, -0.1, 3.0]])
    >>> Binarisation().corrupt(rows, noise, [Block("unit-interval", 0, 3, (3,))])
    tensor([[0., 1., 1.]])
    """

    replaces_target: ClassVar[bool] = True

    def noise_width(self, blocks: Sequence[Block]) -> int:
        other = next((block.kind for block in blocks if block.kind not in ("unit-interval", "binary")), None)
        if other is not None:
            raise ParameterError(
                f"corruption Binarisation needs values in [0, 1], but the schema found {other} data. Leave the "
                "corruption out, or declare schema='unit-interval'."
            )
        return sum(block.width for block in blocks)

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        return (torch.special.ndtr(noise) < features).to(features.dtype)

    def blocks_after(self, blocks: Sequence[Block]) -> list[Block]:
        return [replace(block, kind="binary") for block in blocks]
