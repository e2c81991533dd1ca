"""What the encoder is shown of the features."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block


class EncoderInputs(nn.Module):
    """Features (n, d) as networks like them: counts as log(1 + x), over its typical size; the rest as it is.

    Parameters
    ----------
    blocks : sequence of Block
    """

    scale: Tensor

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.counts = [(block.start, block.stop) for block in blocks if block.kind == "count"]
        scale = torch.ones(sum(block.width for block in blocks))
        for block in blocks:
            if block.kind == "count":
                scale[block.start : block.stop] = math.log1p(block.mean + math.sqrt(block.variance)) or 1.0
        # Derived from the blocks alone, so that it need not be saved.
        self.register_buffer("scale", scale, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        if not self.counts:
            return features
        if len(self.counts) == 1 and self.counts[0] == (0, features.shape[-1]):
            return features.log1p() / self.scale
        pieces, end = [], 0
        for start, stop in self.counts:
            pieces += [features[..., end:start], features[..., start:stop].log1p() / self.scale[start:stop]]
            end = stop
        return torch.cat([*pieces, features[..., end:]], -1)
