"""Additive noise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Boolean, Constraint, Interval
from isthmus.core.registry import register

from .addressed import addressed
from .base import Corruption

KINDS = ("continuous", "unit-interval")


@register("corruption", "gaussian-noise")
@dataclass(frozen=True)
class GaussianNoise(Corruption):
    """x̃ = x + scale · ε with ε ~ N(0, I): the corruption under which denoising learns the score of the data.

    Vincent et al. (2010), Stacked denoising autoencoders, JMLR 11. The best reconstruction is then
    x̃ + scale² · ∇ log p(x̃), with the density p of damaged rows: Vincent (2011), A connection between score matching
    and denoising autoencoders. It damages continuous and unit-interval columns, and leaves others as they are.

    Parameters
    ----------
    scale : float
        The standard deviation of the noise in encoded units: those of standardised columns, or of the unit interval.
    clip : bool
        Keep damaged unit-interval columns in [0, 1], as noisy images in files are: a model that is to clean such images
        learns from what it will be given. The two results above are about noise that is not clipped.

    Raises
    ------
    ParameterError
        By :meth:`noise_width`, for data without columns to damage.

    Examples
    --------
    >>> rows, noise = torch.zeros(1, 2), torch.tensor([[1.0, -2.0]])
    >>> GaussianNoise(scale=0.5).corrupt(rows, noise, [Block("continuous", 0, 2, (2,))])
    tensor([[ 0.5000, -1.0000]])
    >>> GaussianNoise(scale=0.5, clip=True).corrupt(rows, noise, [Block("unit-interval", 0, 2, (2,))])
    tensor([[0.5000, 0.0000]])
    """

    scale: float = 0.1
    clip: bool = False

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"scale": (Interval(0, None),), "clip": (Boolean(),)}

    def noise_width(self, blocks: Sequence[Block]) -> int:
        return self._addressed(blocks)[-1][1].stop

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        found = self._addressed(blocks)
        if noise.shape == features.shape:
            damaged = torch.add(features, noise, alpha=self.scale)
        else:
            damaged = features.clone()
            for block, place in found:
                damaged[:, block.start : block.stop].add_(noise[:, place], alpha=self.scale)
        if self.clip:
            for block, _ in found:
                if block.kind == "unit-interval":
                    damaged[:, block.start : block.stop].clamp_(0, 1)
        return damaged

    def _addressed(self, blocks: Sequence[Block]) -> list[tuple[Block, slice]]:
        return addressed("GaussianNoise", blocks, KINDS, "Use Masking() or SwapNoise().")
