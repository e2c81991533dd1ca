"""What every metric asks of its arrays: rows first, numbers only, nothing missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError, InputTypeError

FloatArray = NDArray[np.float64]


def numeric_array(name: str, data: Any) -> NDArray[Any]:
    """``data`` as an array of numbers with at least one row; raises :class:`InputError` naming ``name``."""
    array = np.asarray(data)
    if array.dtype.kind not in "biuf":
        raise InputTypeError(f"`{name}` must hold numbers; got an array of dtype {array.dtype}.")
    if array.ndim == 0 or array.shape[0] == 0:
        raise InputError(f"`{name}` must have at least one row; got shape {array.shape}.")
    return array


def finite_rows(name: str, data: Any) -> FloatArray:
    """``data`` as float64 of shape (n, d), trailing axes flattened; refuses NaN and infinities by row and column."""
    array = numeric_array(name, data).astype(np.float64)
    rows = array.reshape(array.shape[0], -1)
    bad = ~np.isfinite(rows)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"`{name}` must be finite; row {row}, column {column} is {rows[row, column]}. "
            "Remove or fill such cells before measuring."
        )
    return rows


def row_labels(name: str, labels: Any, n_rows: int) -> NDArray[Any]:
    """``labels`` as a vector with one entry for each of ``n_rows`` rows."""
    array = np.asarray(labels)
    if array.ndim != 1 or len(array) != n_rows:
        raise InputError(f"`{name}` must hold one label per row: expected shape ({n_rows},); got {array.shape}.")
    return array
