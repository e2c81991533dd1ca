"""What the encoder is shown of the features."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block
from isthmus.core.expansion import Expansion


class EncoderInputs(nn.Module):
    """Features (n, d) as networks like them: counts as log(1 + x), over its typical size; the rest as it is.

    Cells that are not visible become 0. An encoder that is ``aware`` of them is told which ones they are: after the
    features it gets a flag for each encoded column, 1 where it sees the cell. Together with the indicator of missing
    cells, a column of its own, that makes three states: seen, known to be missing, unknown.

    Parameters
    ----------
    blocks : sequence of Block
    aware : bool
        Whether there are flags.

    Attributes
    ----------
    width : int
        How many numbers the encoder gets.
    """

    scale: Tensor

    def __init__(self, blocks: Sequence[Block], aware: bool = False) -> None:
        super().__init__()
        self.aware = aware
        self.counts = [(block.start, block.stop) for block in blocks if block.kind == "count"]
        self.expansion = Expansion(blocks)
        self.width = self.expansion.width + (self.expansion.columns if aware else 0)
        scale = torch.ones(self.expansion.width)
        for block in blocks:
            if block.kind == "count":
                scale[block.start : block.stop] = math.log1p(block.mean + math.sqrt(block.variance)) or 1.0
        # Derived from the blocks alone, so that it need not be saved.
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, features: Tensor, visible: Tensor | None = None) -> Tensor:
        """The encoder's input of features (n, d), of which it may see cells (n, columns); all of them for None."""
        shown = self._scaled(features)
        flags = None if visible is None else visible.to(shown.dtype)
        if flags is not None:
            # Floats are repeated and multiplied several times as fast as truth values are, and chosen by.
            shown = shown * self.expansion.per_feature(flags)
        if not self.aware:
            return shown
        if flags is None:
            flags = shown.new_ones(*shown.shape[:-1], self.expansion.columns)
        return torch.cat([shown, flags.expand(*shown.shape[:-1], -1)], -1)

    def _scaled(self, features: Tensor) -> Tensor:
        if not self.counts:
            return features
        if len(self.counts) == 1 and self.counts[0] == (0, features.shape[-1]):
            return features.log1p() / self.scale
        pieces, end = [], 0
        for start, stop in self.counts:
            pieces += [features[..., end:start], features[..., start:stop].log1p() / self.scale[start:stop]]
            end = stop
        return torch.cat([*pieces, features[..., end:]], -1)
