"""The model's numbers back to the user's: units, range, whole numbers, data type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isthmus.core.blocks import Block

from .columns import Columns
from .kinds import KINDS
from .statistics import Floats


def in_users_units(features: Floats, columns: Columns, blocks: Sequence[Block]) -> Floats:
    """Features (m, d) as float64 in the user's units, each within the range of its kind; still in encoded order."""
    with np.errstate(over="ignore", under="ignore"):
        values = features / columns.scale
        values += columns.shift
    for block in blocks:
        inside = slice(block.start, block.stop)
        values[:, inside] = KINDS[block.kind].restore(values[:, inside], columns.low[inside], columns.high[inside])
    return values


def as_dtype(values: Floats, dtype: np.dtype) -> np.ndarray:
    """``values`` in the user's data type: whole numbers are rounded, and what does not fit goes to the limit."""
    if dtype.kind == "b":
        return values >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # The limits of 64-bit integers are not floats: round towards zero, so that the cast cannot overflow.
        low, high = (_towards_zero(limit) for limit in (limits.min, limits.max))
        return np.clip(np.rint(values), low, high).astype(dtype)
    if dtype.itemsize >= 8:
        return np.clip(values, *_float_limits(np.dtype(np.float64))).astype(dtype)
    return np.clip(values, *_float_limits(dtype)).astype(dtype)


def _towards_zero(limit: int) -> float:
    nearest = float(limit)
    return float(np.nextafter(nearest, 0.0)) if abs(int(nearest)) > abs(limit) else nearest


def _float_limits(dtype: np.dtype) -> tuple[float, float]:
    limits = np.finfo(dtype)
    return float(limits.min), float(limits.max)
