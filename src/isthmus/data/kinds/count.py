"""Columns of counts."""

from __future__ import annotations

import numpy as np

from ..statistics import ColumnStatistics, Flags, Floats
from .kind import AffineKind

LARGEST_COUNT = 2**24
"""Beyond it float32 skips whole numbers."""


class Count(AffineKind):
    """Whole numbers from 0 on, left as they are. Never inferred: a number of items looks like any other number."""

    name = "count"
    is_density = False
    expects_in_training = expects = "a whole number from 0 to 16777216 (2**24)"

    def fits_matrix(self, statistics: ColumnStatistics) -> bool:
        return False

    def fits_columns(self, statistics: ColumnStatistics) -> Flags:
        return np.zeros(len(statistics.low), dtype=bool)

    def bounds(self, statistics: ColumnStatistics, shared: bool) -> tuple[Floats, Floats]:
        return statistics.low.copy(), statistics.high.copy()

    def affine(self, statistics: ColumnStatistics, low: Floats, high: Floats, scaling: str) -> tuple[Floats, Floats]:
        return np.zeros_like(low), np.ones_like(low)

    def restore(self, values: Floats, low: Floats, high: Floats) -> Floats:
        return np.maximum(values, 0.0)

    def refuses(self, values: np.ndarray, training: bool) -> Flags:
        if values.dtype.kind == "b":
            return np.zeros(values.shape, dtype=bool)
        bad = (values < 0) | (values > LARGEST_COUNT)
        return bad | (values != np.rint(values)) if values.dtype.kind == "f" else bad
