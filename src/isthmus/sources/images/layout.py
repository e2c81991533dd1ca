"""Stacks of images as pixels, and as sheets of pixels: enlarged, side by side, one above the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from isthmus.core.errors import InputError

GAP = 2
PAIR_GAP = 8
READABLE = 64
"""Images with a shorter side are enlarged in sheets and animations."""

_PAGE = 255


def as_pixels(images: Any) -> np.ndarray:
    """A stack (n, h, w) or (n, h, w, c) of uint8, booleans or floats in [0, 1] as uint8; one channel has no axis.

    Raises
    ------
    InputError
        For another shape or type, and for floats outside of [0, 1]; the message gives the range found.
    """
    array = np.asarray(images)
    if array.ndim == 2:
        array = array[None]
    if array.ndim not in (3, 4) or 0 in array.shape or (array.ndim == 4 and array.shape[-1] not in (1, 3, 4)):
        raise InputError(
            f"Images must have shape (n, height, width) or (n, height, width, channels) with 1, 3 or 4 channels; got "
            f"{array.shape}."
        )
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        raise InputError(f"Images must be uint8, or floats in [0, 1]; got {array.dtype}. Pass images.astype('uint8').")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise InputError(
            f"Float images must be in [0, 1]; found {low:g} to {high:g}. Pass images / 255 if 255 is white, "
            "(images + 1) / 2 if they go from -1 to 1, or images.clip(0, 1)."
        )
    return np.rint(array * 255).astype(np.uint8)


def enlargement(pixels: np.ndarray) -> int:
    """The whole number of screen pixels per pixel that makes small images readable; 1 for others."""
    return max(1, math.ceil(READABLE / min(pixels.shape[1:3])))


def enlarged(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Every pixel as a square of ``factor`` × ``factor``: larger, and as sharp as before."""
    return pixels if factor == 1 else pixels.repeat(factor, axis=1).repeat(factor, axis=2)


def columns_for(count: int, height: int, width: int) -> int:
    """How many tiles stand side by side: about a square of pixels, with a full last row where that is near.

    >>> [columns_for(n, 28, 28) for n in (1, 2, 5, 7, 9, 10, 12, 50, 64)]
    [1, 2, 3, 3, 3, 5, 4, 10, 8]
    """
    square = math.sqrt(count * height / width)
    least = min(count, max(1, math.ceil(square - 1e-9)))
    full = (columns for columns in range(least, min(count, math.floor(2 * square)) + 1) if count % columns == 0)
    return next(full, least)


def sheet(pixels: np.ndarray, columns: int | None = None, *, gap: int = GAP, row_gap: int | None = None) -> np.ndarray:
    """One picture of all images, row by row.

    Parameters
    ----------
    pixels : uint8 ndarray, shape (n, h, w) or (n, h, w, c)
    columns : int, optional
        How many stand side by side; None: see :func:`columns_for`.
    gap, row_gap : int
        Pixels between neighbours, and between rows (None: the same). They are white, or transparent if the images
        can be; so are the places behind the last image.

    Returns
    -------
    uint8 ndarray
        (rows * h + (rows - 1) * row_gap, columns * w + (columns - 1) * gap[, c])
    """
    count, height, width = pixels.shape[:3]
    across = min(count, columns or columns_for(count, height, width))
    down = -(-count // across)
    between = gap if row_gap is None else row_gap
    page = np.full(
        (down * (height + between) - between, across * (width + gap) - gap, *pixels.shape[3:]),
        0 if pixels.shape[3:] == (4,) else _PAGE,
        dtype=np.uint8,
    )
    for number, image in enumerate(pixels):
        top, left = number // across * (height + between), number % across * (width + gap)
        page[top : top + height, left : left + width] = image
    return page


def pairs(above: np.ndarray, below: np.ndarray, gap: int = GAP) -> np.ndarray:
    """Each image of one stack over its counterpart in the other: (n, 2 h + gap, w[, c])."""
    both = np.stack([above, below], axis=1)
    return np.stack([sheet(pair, 1, gap=gap) for pair in both])
