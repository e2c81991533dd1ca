"""Rows that are images: their shape, and the parameter that gives it for rows that come flat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import Block
from .constraints import Interval, SequenceOf
from .errors import ParameterError
from .spec import Spec


class ImageShape:
    """The constraint on a shape: (height, width) or (height, width, channels)."""

    def accepts(self, value: Any) -> bool:
        return SequenceOf(Interval(1, None, integer=True)).accepts(value) and len(value) in (2, 3)

    def describe(self) -> str:
        return "(height, width) or (height, width, channels) in pixels"


def image_shape(blocks: Sequence[Block]) -> tuple[int, int, int] | None:
    """(height, width, channels) of rows that are one image; None for other rows.

    >>> image_shape([Block("unit-interval", 0, 63, (9, 7))])
    (9, 7, 1)
    """
    if len(blocks) != 1 or len(blocks[0].shape) == 1:
        return None
    height, width, *channels = blocks[0].shape
    return height, width, channels[0] if channels else 1


def row_words(blocks: Sequence[Block]) -> str:
    """What a row is made of, for messages.

    >>> row_words([Block("continuous", 0, 2, (2,)), Block("binary", 2, 3, (1,))])
    '2 continuous features and 1 binary feature'
    """
    if len(blocks) == 1 and len(blocks[0].shape) > 1:
        return f"images of {' × '.join(map(str, blocks[0].shape))}"
    return " and ".join(f"{block.width} {block.kind} feature{'s' * (block.width > 1)}" for block in blocks)


def shape_for(owner: Spec, shape: str | Sequence[int], blocks: Sequence[Block], remedy: str) -> tuple[int, int, int]:
    """(height, width, channels) of the images that ``owner`` is to work on: its ``shape``, or "auto", and the rows.

    Raises
    ------
    ParameterError
        The rows are no images, or not of that shape; the message names both, and ends with ``remedy``.
    """
    name, found = type(owner).__name__, image_shape(blocks)
    if isinstance(shape, str):
        if found is None:
            raise ParameterError(
                f"{owner.axis} {name} needs rows that are images; these are {row_words(blocks)}. Pass uint8 images "
                "(n, height, width) or (n, height, width, channels), or other numbers of that shape with "
                f"schema='images'; say {name}(shape=(height, width)) if the rows are flat images; or {remedy}."
            )
        return found
    height, width, channels = shape if len(shape) == 3 else (*shape, 1)
    pixels = height * width * channels
    one_kind = len(blocks) == 1 and blocks[0].cardinality == 0
    if not one_kind or blocks[0].width != pixels or found not in (None, (height, width, channels)):
        raise ParameterError(
            f"{owner.axis} {name}: `shape`={shape} is {height} × {width} × {channels} = {pixels} features of one kind; "
            f"the rows are {row_words(blocks)}. Leave `shape` at 'auto' for images, or {remedy}."
        )
    return height, width, channels
