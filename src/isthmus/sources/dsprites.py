"""Sprites with known factors of variation, after dSprites: a shape, its size, its angle and its place.

The 737,280 images of dSprites (Matthey, Higgins, Hassabis & Lerchner 2017,
https://github.com/google-deepmind/dsprites-dataset) are all combinations of 3 shapes, 6 scales, 40 orientations and
32 × 32 positions. Here they are drawn anew: the same factors with the same values in the same order, 64 × 64 pixels
that are black or white, without smoothed edges. Sizes and outlines are our own, so the pixels differ from the
original's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import ArrayLike

from isthmus.core.errors import InputError

SIZE = 64
WHITE = 255
SHAPES = ("square", "ellipse", "heart")
FACTORS = ("shape", "scale", "orientation", "position x", "position y")
COUNTS = (3, 6, 40, 32, 32)
ROWS = math.prod(COUNTS)
VALUES = (
    np.arange(1.0, 4.0),
    np.linspace(0.5, 1, 6),
    np.linspace(0, 2 * np.pi, 40),
    np.linspace(0, 1, 32),
    np.linspace(0, 1, 32),
)

# In pixels, at scale 1. No outline passes through the centre of a pixel, whatever the grid's scale and orientation,
# and nearly every turn by a grid step (of a square modulo 90 degrees: 2.3) moves at least one pixel.
SQUARE_HALF_SIDE = 11.04
ELLIPSE_HALF_AXES = (15.6, 7.8)
HEART_UNIT = 12.5
# The heart (x² + y² − 1)³ = x² y³ turns about the middle of its smallest enclosing circle.
HEART_CENTRE = 0.25

# The centre of a sprite moves from the middle of pixel 16 to the middle of pixel 47, one pixel per grid step; no
# shape reaches farther than 16 pixels from it.
FIRST_CENTRE = 16.5
TRAVEL = 31.0
REACH = 16
CHUNK = 256


def render(
    shape: ArrayLike | str,
    scale: ArrayLike = 1.0,
    orientation: ArrayLike = 0.0,
    position_x: ArrayLike = 0.5,
    position_y: ArrayLike = 0.5,
) -> np.ndarray:
    """Images of sprites with the given values of the factors, which need not lie on the grid.

    A pixel is white if its middle lies inside the shape.

    Parameters
    ----------
    shape : str, number or array-like
        "square", "ellipse", "heart", or 1, 2, 3.
    scale : float or array-like in (0, 1]
        1 is a square with a side of 22 pixels, an ellipse of 31 × 16 and a heart of 28 × 28.
    orientation : float or array-like
        Radians, counter-clockwise.
    position_x, position_y : float or array-like in [0, 1]
        0 is left and top, 1 right and bottom; the centre travels over 31 pixels.
        All arguments are broadcast against each other.

    Returns
    -------
    ndarray of uint8, shape (n, 64, 64)
        0 is black, 255 white; n is 1 if all arguments are single values.

    Raises
    ------
    InputError
        For an unknown shape, and values outside of their range.

    Examples
    --------
    >>> images = render("heart", orientation=[0.0, 0.5, 1.0])
    >>> images.shape, images.dtype
    ((3, 64, 64), dtype('uint8'))
    """
    given = [
        _shape_numbers(shape),
        _checked(scale, "scale", np.nextafter(0, 1), 1.0),
        _checked(orientation, "orientation", -np.inf, np.inf),
        _checked(position_x, "position_x", 0.0, 1.0),
        _checked(position_y, "position_y", 0.0, 1.0),
    ]
    lengths = {len(values) for values in given} - {1}
    if len(lengths) > 1 or any(values.ndim > 1 for values in given):
        raise InputError(
            f"The factors have the shapes {', '.join(str(values.shape) for values in given)}; expected single values, "
            "and one value per image, shape (n,)."
        )
    factors = np.broadcast_arrays(*given)
    images = np.empty((len(factors[0]), SIZE, SIZE), dtype=np.uint8)
    middles = np.arange(SIZE) + 0.5
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        kinds, scales, angles, x, y = (factor[part] for factor in factors)
        across = middles - (FIRST_CENTRE + TRAVEL * x[:, None])
        down = middles - (FIRST_CENTRE + TRAVEL * y[:, None])
        images[part] = _drawn(kinds, scales, angles, across, down)
    return images


def images_at(rows: ArrayLike) -> np.ndarray:
    """The images of the full set that stand at the given rows, (n,) -> (n, 64, 64) uint8."""
    classes = classes_at(rows)
    templates = _templates()[np.ravel_multi_index(tuple(classes[:, :3].T), COUNTS[:3])]
    images = np.zeros((len(classes), SIZE, SIZE), dtype=np.uint8)
    window = np.arange(2 * REACH + 1)
    down, across = classes[:, 4, None] + window, classes[:, 3, None] + window
    images[np.arange(len(classes))[:, None, None], down[:, :, None], across[:, None, :]] = templates
    return images


def images_of(sprite: int) -> np.ndarray:
    """One shape, scale and orientation (number 0 to 719) at all positions: (1024, 64, 64) uint8, y varies fastest."""
    template = _templates()[sprite]
    images = np.zeros((*COUNTS[3:], SIZE, SIZE), dtype=np.uint8)
    by_x, by_y, by_row, by_pixel = images.strides
    # A step to the right is an image row's neighbour, a step down the next row: one assignment fills all 1,024.
    places = as_strided(images, (*COUNTS[3:], *template.shape), (by_x + by_pixel, by_y + by_row, by_row, by_pixel))
    places[...] = template
    return images.reshape(-1, SIZE, SIZE)


def classes_at(rows: ArrayLike) -> np.ndarray:
    """The number of each factor's value at the given rows of the full set, (n,) -> (n, 5) int64."""
    return np.stack(np.unravel_index(np.asarray(rows, dtype=np.int64), COUNTS), axis=1).astype(np.int64)


def values_of(classes: np.ndarray) -> np.ndarray:
    """The factors' values, (n, 5) int64 -> (n, 5) float64: what :func:`render` takes."""
    return np.stack([values[column] for values, column in zip(VALUES, classes.T, strict=True)], axis=1)


@lru_cache(maxsize=1)
def _templates() -> np.ndarray:
    """Every shape, scale and orientation of the grid about its centre, (720, 33, 33)."""
    kinds, scales, angles = (grid.ravel() for grid in np.meshgrid(*VALUES[:3], indexing="ij"))
    offsets = np.broadcast_to(np.arange(-REACH, REACH + 1.0), (len(kinds), 2 * REACH + 1))
    templates = _drawn(kinds, scales, angles, offsets, offsets)
    templates.flags.writeable = False
    return templates


def _drawn(
    kinds: np.ndarray, scales: np.ndarray, angles: np.ndarray, across: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """Pixels whose offsets from the centre, turned and scaled back, lie inside the shape."""
    cosine, sine = (wave(angles)[:, None, None] for wave in (np.cos, np.sin))
    right, up = across[:, None, :], -down[:, :, None]
    u = (cosine * right + sine * up) / scales[:, None, None]
    v = (cosine * up - sine * right) / scales[:, None, None]
    inside = np.empty(u.shape, dtype=bool)
    for number, holds in enumerate((_in_square, _in_ellipse, _in_heart), start=1):
        chosen = kinds == number
        inside[chosen] = holds(u[chosen], v[chosen])
    return inside.astype(np.uint8) * np.uint8(WHITE)


def _in_square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) <= SQUARE_HALF_SIDE


def _in_ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return (u / ELLIPSE_HALF_AXES[0]) ** 2 + (v / ELLIPSE_HALF_AXES[1]) ** 2 <= 1


def _in_heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    x, y = u / HEART_UNIT, v / HEART_UNIT + HEART_CENTRE
    beyond = x * x + y * y - 1
    return beyond * beyond * beyond <= x * x * y * y * y


def _shape_numbers(shape: ArrayLike | str) -> np.ndarray:
    names: Sequence[object] = [shape] if isinstance(shape, str) else np.atleast_1d(np.asarray(shape)).tolist()
    numbers = []
    for name in names:
        if isinstance(name, str) and name in SHAPES:
            numbers.append(SHAPES.index(name) + 1)
        elif isinstance(name, int | float) and name in (1, 2, 3):
            numbers.append(int(name))
        else:
            raise InputError(f"No sprite has the shape {name!r}. Expected {', '.join(map(repr, SHAPES))}, or 1, 2, 3.")
    return np.array(numbers)


def _checked(values: ArrayLike, name: str, low: float, high: float) -> np.ndarray:
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(f"The sprites' {name} must be a number or numbers; got {values!r:.80}.") from error
    wrong = ~(np.isfinite(array) & (array >= low) & (array <= high))
    if wrong.any():
        span = "finite" if high == np.inf else f"in {'[' if low == 0 else '('}0, {high:g}]"
        raise InputError(f"The sprites' {name} must be {span}; got {array[wrong][0]}.")
    return array
