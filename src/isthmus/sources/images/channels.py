"""How many channels an image file has, whatever way it stores them, and the way from one number to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isthmus.core.errors import InputError

from .pillow import pillow

if TYPE_CHECKING:
    from PIL.Image import Image

CHANNELS = {
    **dict.fromkeys(("1", "L", "I;16", "I;16L", "I;16B", "I;16N"), 1),
    **dict.fromkeys(("P", "RGB", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"), 3),
    **dict.fromkeys(("LA", "La", "PA", "RGBA", "RGBa"), 4),
}
"""Pillow's mode -> number of channels."""

WORDS = {1: "grey", 3: "colour", 4: "colour with transparency"}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_KEYED = ("1", "L", "P", "RGB")


def channels_of(image: Image) -> int:
    """1 for grey, 3 for colour, 4 for anything with transparency; known from the header.

    Raises
    ------
    InputError
        For 32-bit integers and floats, which say nothing about what is black and white.
    """
    if image.mode not in CHANNELS:
        raise InputError(
            f"holds pixels of type {image.mode}, whose range is not known; expected black and white, grey (8 or 16 "
            "bits) or colour. Save it with 8 bits per channel, or pass the numbers as .npy."
        )
    return 4 if _has_colour_key(image) else CHANNELS[image.mode]


def with_channels(image: Image, channels: int) -> Image:
    """The same picture in 8 bits per channel: grey, RGB or RGBA.

    16-bit grey is rounded to 8 bits (65535 is white). What loses its transparency is laid over white, as on a page.
    """
    if CHANNELS[image.mode] == 1 and image.mode.startswith("I;16"):
        wide = np.asarray(image).astype(np.uint32)
        image = pillow().fromarray(((wide + 128) // 257).astype(np.uint8))
    transparent = _has_colour_key(image) or CHANNELS[image.mode] == 4
    if image.mode == _MODES[channels] and not (transparent and channels < 4):
        return image
    if transparent:
        image = image.convert("RGBA")
        if channels < 4:
            page = pillow().new("RGBA", image.size, "white")
            page.alpha_composite(image)
            image = page.convert("RGB")
    elif CHANNELS[image.mode] == 3:
        image = image.convert("RGB")  # some modes reach the others only by this one
    return image.convert(_MODES[channels])


def _has_colour_key(image: Image) -> bool:
    """Some colours or palette entries stand for transparency."""
    return image.mode in _KEYED and image.info.get("transparency") is not None
