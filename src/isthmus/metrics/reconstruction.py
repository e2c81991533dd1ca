"""How far the reconstructions are from the data, in the data's own units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .checked_arrays import FloatArray, numeric_array

# Differences are formed in float64 a slice at a time, so that a uint8 image stack need not fit in memory eight-fold.
_VALUES_PER_SLICE = 2_000_000


def squared_error(x: Any, x_hat: Any) -> float:
    """Mean over rows of the squared error summed over features.

    Parameters
    ----------
    x, x_hat : array-like, shape (n, ...)
        The rows and their reconstructions: a matrix, an image stack, any real dtype (uint8 does not wrap around).

    Returns
    -------
    float
        Squared units of the data, per row; computed in float64.

    Raises
    ------
    InputError
        The shapes differ, or a cell is not finite.

    Examples
    --------
    >>> squared_error([[0, 0], [3, 4]], [[0, 0], [0, 0]])
    12.5
    """
    return float(per_feature_squared_error(x, x_hat).sum())


def per_feature_squared_error(x: Any, x_hat: Any) -> FloatArray:
    """The squared error of each feature, averaged over rows.

    Returns
    -------
    ndarray of float64, shape of one row
        Its sum is :func:`squared_error`.

    Raises
    ------
    InputError
        The shapes differ, or a cell is not finite.

    Examples
    --------
    >>> per_feature_squared_error([[0, 0], [3, 4]], [[0, 0], [0, 0]])
    array([4.5, 8. ])
    """
    left, right = numeric_array("x", x), numeric_array("x_hat", x_hat)
    if left.shape != right.shape:
        raise InputError(f"`x` and `x_hat` must have the same shape; got {left.shape} and {right.shape}.")
    total = np.zeros(left.shape[1:], dtype=np.float64)
    for start, difference in _differences(left, right):
        if not np.isfinite(difference).all():
            row = start + int(np.argwhere(~np.isfinite(difference))[0][0])
            raise InputError(f"`x` and `x_hat` must be finite; row {row} is not. Compare only the cells that exist.")
        total += np.square(difference).sum(axis=0)
    return total / left.shape[0]


def _differences(left: NDArray[Any], right: NDArray[Any]) -> Iterator[tuple[int, FloatArray]]:
    rows = max(1, _VALUES_PER_SLICE // max(1, left[0].size))
    for start in range(0, left.shape[0], rows):
        part = slice(start, start + rows)
        yield start, left[part].astype(np.float64) - right[part].astype(np.float64)
