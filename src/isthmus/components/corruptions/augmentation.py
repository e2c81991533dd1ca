"""Images that are mirrored and moved anew in every step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Boolean, Constraint, Interval, OneOf
from isthmus.core.errors import ParameterError
from isthmus.core.image_shape import ImageShape, shape_for
from isthmus.core.registry import register

from .base import Corruption

AUTO = "auto"


@register("corruption", "augmentation")
@dataclass(frozen=True)
class Augmentation(Corruption):
    """Each image is moved by a few pixels and mirrored at random, for the encoder and for the likelihood alike.

    The padding, cropping and flipping that image classifiers have long been trained with (He et al. 2016,
    arXiv:1512.03385): more images of the same kind, where there are few. Use it where a mirrored image is as likely
    as the image itself: photos, not digits or letters (``flip=False`` for those). Denoising and other damage goes
    beside it with :class:`~isthmus.components.corruptions.chain.Chain`.

    Parameters
    ----------
    flip : bool
        Mirror left and right with probability 1/2.
    shift : int
        The image moves by up to this many pixels, vertically and horizontally, every distance equally often. What
        comes in from outside repeats the outermost pixels.
    shape : "auto" or tuple of int
        (height, width) or (height, width, channels) of the images; "auto" takes it from the data. Give it for images
        that come as flat rows.

    Raises
    ------
    ParameterError
        By :meth:`noise_width`, for rows that are not images, and images no larger than ``shift``.

    Examples
    --------
    >>> image, blocks = torch.arange(4.0)[None], [Block("unit-interval", 0, 4, (2, 2))]
    >>> Augmentation(shift=0).corrupt(image, torch.tensor([[-1.0]]), blocks)
    tensor([[1., 0., 3., 2.]])
    >>> Augmentation(flip=False, shift=1).corrupt(image, torch.tensor([[-3.0, 3.0]]), blocks)  # down, and to the left
    tensor([[1., 1., 1., 1.]])
    """

    replaces_target: ClassVar[bool] = True

    flip: bool = True
    shift: int = 2
    shape: str | tuple[int, ...] = AUTO

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "flip": (Boolean(),),
        "shift": (Interval(0, None, integer=True),),
        "shape": (OneOf(AUTO), ImageShape()),
    }

    def validate(self) -> None:
        super().validate()
        if not (self.flip or self.shift):
            raise ParameterError(
                "Augmentation: `flip`=False and `shift`=0 leave every image as it is. Set one, or leave the corruption "
                "out."
            )

    def noise_width(self, blocks: Sequence[Block]) -> int:
        height, width, _ = self._shape(blocks)
        if self.shift >= min(height, width):
            raise ParameterError(
                f"Augmentation: `shift`={self.shift} moves images of {height} × {width} pixels out of the picture. Use "
                f"a `shift` of at most {min(height, width) - 1}; a tenth of the size is usual."
            )
        return int(self.flip) + 2 * bool(self.shift)

    def corrupt(self, features: Tensor, noise: Tensor, blocks: Sequence[Block]) -> Tensor:
        height, width, channels = self._shape(blocks)
        # For each image, where its rows and its columns come from.
        rows = torch.arange(height, device=features.device).expand(len(features), -1)
        columns = torch.arange(width, device=features.device).expand(len(features), -1)
        if self.shift:
            choices = 2 * self.shift + 1
            moved = (torch.special.ndtr(noise[:, -2:]) * choices).long().clamp_max(choices - 1) - self.shift
            rows = (rows + moved[:, :1]).clamp(0, height - 1)
            columns = (columns + moved[:, 1:]).clamp(0, width - 1)
        if self.flip:
            columns = torch.where(noise[:, :1] < 0, columns.flip(1), columns)
        source = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)
        images = torch.arange(len(features), device=features.device)[:, None]
        return features.unflatten(1, (height * width, channels))[images, source].flatten(1)

    def _shape(self, blocks: Sequence[Block]) -> tuple[int, int, int]:
        return shape_for(self, self.shape, blocks, "leave the corruption out")
