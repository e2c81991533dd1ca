"""Columns of real numbers without a known range."""

from __future__ import annotations

import numpy as np

from ..statistics import ColumnStatistics, Flags, Floats
from .kind import AffineKind


class Continuous(AffineKind):
    """Any real number: centred, and scaled as the schema was told.

    "column" gives every column unit variance; "common" divides all by one number, the root of the mean variance, so
    that the columns keep their relative spread; "none" leaves the values as they are.
    """

    name = "continuous"
    is_density = True

    def fits_matrix(self, statistics: ColumnStatistics) -> bool:
        return True

    def fits_columns(self, statistics: ColumnStatistics) -> Flags:
        return np.ones(len(statistics.low), dtype=bool)

    def bounds(self, statistics: ColumnStatistics, shared: bool) -> tuple[Floats, Floats]:
        return statistics.low.copy(), statistics.high.copy()

    def affine(self, statistics: ColumnStatistics, low: Floats, high: Floats, scaling: str) -> tuple[Floats, Floats]:
        if scaling == "none":
            return np.zeros_like(low), np.ones_like(low)
        varying = ~statistics.constant
        deviation = statistics.deviation
        if scaling == "common" and varying.any():
            largest = deviation[varying].max()
            with np.errstate(under="ignore"):
                common = largest * np.sqrt(np.mean((deviation[varying] / largest) ** 2))
            return statistics.mean.copy(), np.full_like(low, _reciprocal(common))
        return statistics.mean.copy(), np.where(varying, _reciprocal(deviation), 1.0)

    def restore(self, values: Floats, low: Floats, high: Floats) -> Floats:
        return values


def _reciprocal(deviation: Floats | float) -> Floats:
    # A subnormal deviation has no finite reciprocal; its column stays finite, with less than unit variance.
    return 1.0 / np.maximum(deviation, np.finfo(np.float64).tiny)
