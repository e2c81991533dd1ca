"""Images in grey, with red where something is hot."""

from __future__ import annotations

import numpy as np

from .layout import as_pixels

RED = np.array([215.0, 25.0, 28.0])
# How light the image becomes, so that red shows on black as well as on white.
LIGHT, DARK = 245.0, 90.0


def marked(images: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Each image faintly in grey, and red where its heat is: fully where it is hottest, not at all at 0 and below.

    Parameters
    ----------
    images : ndarray, shape (n, h, w) or (n, h, w, c)
        As :func:`~.layout.as_pixels` takes them.
    heat : ndarray, shape (n, h, w)

    Returns
    -------
    uint8 ndarray, shape (n, h, w, 3)

    Examples
    --------
    >>> marked(np.zeros((1, 1, 3)), np.array([[[0.0, 1.0, 2.0]]]))[0, 0].tolist()
    [[90, 90, 90], [152, 58, 59], [215, 25, 28]]
    """
    grey = as_coloured(as_pixels(images)).mean(-1, keepdims=True)
    faint = DARK + (LIGHT - DARK) * grey / 255
    hottest = heat.max((1, 2), keepdims=True)
    share = np.clip(heat / np.where(hottest > 0, hottest, 1.0), 0.0, 1.0)[..., None]
    return np.rint((1 - share) * faint + share * RED).astype(np.uint8)


def as_coloured(pixels: np.ndarray) -> np.ndarray:
    """Grey, coloured or transparent pixels in three colours, what is transparent on white: (n, h, w, 3) uint8.

    Examples
    --------
    >>> as_coloured(np.array([[[[0, 0, 0, 0], [9, 9, 9, 255]]]], dtype=np.uint8))[0, 0].tolist()
    [[255, 255, 255], [9, 9, 9]]
    """
    if pixels.ndim == 3:
        return pixels[..., None].repeat(3, axis=-1)
    if pixels.shape[-1] == 3:
        return pixels
    opaque = pixels[..., 3:].astype(np.float64) / 255
    return np.rint(opaque * pixels[..., :3] + (1 - opaque) * 255).astype(np.uint8)
