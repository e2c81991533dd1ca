"""A corruption of one's own: images that are turned, sheared and moved a little, whose originals must be told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from isthmus.components.corruptions.base import Corruption
from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register

TURN, SHEAR, GROW, SHIFT = math.radians(8), 0.1, 0.08, 1.2


@register("corruption", "jitter")
@dataclass(frozen=True)
class Jitter(Corruption):
    """Each image under a random affine map, for the encoder only: the code must not depend on pose.

    Denoising with geometric in place of pixel noise. It works where images have a usual pose: digits are centred.

    Parameters
    ----------
    strength : float
        Standard deviations of 8 degrees, a shear of 0.1, 8 % of size and 1.2 pixels of shift, times this.
    side : int
        Images are side × side pixels.
    """

    strength: float = 0.25
    side: int = 28

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "strength": (Interval(0, None),),
        "side": (Interval(8, None, integer=True),),
    }

    def noise_width(self, blocks: Sequence[Block]) -> int:
        return 5  # angle, shear, size, and two shifts

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        angle, shear, size, *shifts = (self.strength * noise.clamp(-2, 2)).unbind(1)
        angle, shear, size = angle * TURN, shear * SHEAR, (size * GROW).exp()
        cosine, sine = size * angle.cos(), size * angle.sin()
        right, down = (shift * (2 * SHIFT / self.side) for shift in shifts)
        maps = torch.stack([cosine, shear * cosine - sine, right, sine, shear * sine + cosine, down], 1).view(-1, 2, 3)
        grid = functional.affine_grid(maps, [len(features), 1, self.side, self.side], align_corners=False)
        images = features.view(-1, 1, self.side, self.side)
        return functional.grid_sample(images, grid, align_corners=False).flatten(1)
