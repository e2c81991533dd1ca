"""Columns that share a bounded range, such as pixels: mapped to [0, 1]."""

from __future__ import annotations

import numpy as np

from ..statistics import ColumnStatistics, Flags, Floats
from .kind import AffineKind

LARGEST_LEVEL = 255
FEWEST_FULL_COLUMNS = 3


class UnitInterval(AffineKind):
    """Values in a bounded range that means something: fractions in [0, 1], or grey levels 0 … 255 at most."""

    name = "unit-interval"
    is_density = True

    def fits_matrix(self, statistics: ColumnStatistics) -> bool:
        """All values lie in [0, 1]; or they are grey levels.

        Grey levels are whole numbers from 0 to at most 255 whose largest is shared: at least half of the columns
        that vary, and at least three (a column or two always reach their own maximum), go up to it.
        """
        low, high = statistics.low.min(), statistics.high.max()
        if low < 0:
            return False
        if high <= 1:
            return True
        full = int(((statistics.high == high) & ~statistics.constant).sum())
        varying = int((~statistics.constant).sum())
        return bool(
            statistics.integer.all() and high <= LARGEST_LEVEL and full >= FEWEST_FULL_COLUMNS and 2 * full >= varying
        )

    def fits_columns(self, statistics: ColumnStatistics) -> Flags:
        """None: that one column happens to lie in [0, 1] is no evidence that it must."""
        return np.zeros(len(statistics.low), dtype=bool)

    def bounds(self, statistics: ColumnStatistics, shared: bool) -> tuple[Floats, Floats]:
        if not shared:
            fraction = (statistics.low >= 0) & (statistics.high <= 1)
            return np.where(fraction, 0.0, statistics.low), np.where(fraction, 1.0, statistics.high)
        low, high = float(statistics.low.min()), float(statistics.high.max())
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        elif self.fits_matrix(statistics):
            low = 0.0
        return np.full_like(statistics.low, low), np.full_like(statistics.high, high)

    def affine(self, statistics: ColumnStatistics, low: Floats, high: Floats, scaling: str) -> tuple[Floats, Floats]:
        with np.errstate(over="ignore"):
            width = high - low
        # A range too wide or too narrow for float64's reciprocal keeps a finite, if inexact, scale.
        width = np.clip(width, np.finfo(np.float64).tiny, np.finfo(np.float64).max)
        return low.copy(), np.where(high > low, 1.0 / width, 1.0)

    def restore(self, values: Floats, low: Floats, high: Floats) -> Floats:
        return np.clip(values, low, high)
