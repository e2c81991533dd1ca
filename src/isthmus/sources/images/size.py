"""Images brought to a size: cropped, padded or stretched, and always antialiased."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

from isthmus.core.errors import ParameterError

from .pillow import pillow

if TYPE_CHECKING:
    from PIL.Image import Image

ASPECTS = ("crop", "pad", "stretch")
LARGEST_SIDE = 16_384

Size = int | tuple[int, int]


def parsed_size(size: Size | None) -> tuple[int, int] | None:
    """``size`` as (height, width); one number is both. Raises :class:`ParameterError` for anything else."""
    if size is None:
        return None
    sides = (size, size) if isinstance(size, Integral) else size
    if (
        not isinstance(sides, (tuple, list))
        or len(sides) != 2
        or not all(isinstance(side, Integral) and not isinstance(side, bool) for side in sides)
        or not all(1 <= side <= LARGEST_SIDE for side in sides)
    ):
        raise ParameterError(
            f"`size` must be an integer in [1, {LARGEST_SIDE}], or two of them (height, width); got {size!r}."
        )
    return int(sides[0]), int(sides[1])


def check_form(channels: int | None, aspect: str) -> None:
    """Raise :class:`ParameterError` for a number of channels or a way of resizing that there is not."""
    if channels not in (None, 1, 3, 4):
        raise ParameterError(
            f"`channels` must be 1 (grey), 3 (colour), 4 (with transparency) or None; got {channels!r}."
        )
    if aspect not in ASPECTS:
        raise ParameterError(f"`aspect` must be one of {', '.join(map(repr, ASPECTS))}; got {aspect!r}.")


def resized(image: Image, size: tuple[int, int], aspect: str) -> Image:
    """The image at (height, width); untouched if it has that size.

    ``aspect``, where the proportions differ: "crop" cuts off both ends of the longer side, "pad" adds black
    (transparent, if there is transparency) to both ends of the shorter one, "stretch" does neither.
    """
    height, width = size
    if (image.height, image.width) == size:
        return image
    kernel = pillow().Resampling.LANCZOS
    if aspect == "pad":
        scale = min(height / image.height, width / image.width)
        inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        page = pillow().new(image.mode, (width, height))
        page.paste(image.resize(inner, kernel), ((width - inner[0]) // 2, (height - inner[1]) // 2))
        return page
    box = None
    if aspect == "crop":
        scale = max(height / image.height, width / image.width)
        across, down = min(image.width, width / scale), min(image.height, height / scale)
        left, top = (image.width - across) / 2, (image.height - down) / 2
        box = (left, top, left + across, top + down)
    return image.resize((width, height), kernel, box=box)
