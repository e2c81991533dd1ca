"""What is learnt of the columns of frames beside their moments: how finely they are measured, and their quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .matrix import ColumnType
from .quantiles import QuantileSketch
from .resolution import Resolution
from .statistics import Floats


@dataclass(frozen=True)
class ColumnDetails:
    """Details of columns that are numbers; they merge, as statistics do. Missing cells are NaN.

    ``sketch`` is there only if curves are to be chosen.
    """

    resolution: Resolution
    sketch: QuantileSketch | None

    @classmethod
    def of(
        cls, rows: np.ndarray, types: Sequence[ColumnType], known: ColumnDetails | None, quantiles: bool
    ) -> ColumnDetails:
        """Of rows (n, d), together with those ``known`` before; the rows must not be changed afterwards."""
        resolution = Resolution.of(rows, types, None if known is None else known.resolution)
        if not quantiles:
            return cls(resolution, None)
        before = QuantileSketch() if known is None or known.sketch is None else known.sketch
        return cls(resolution, before.updated(rows))

    def merged(self, other: ColumnDetails) -> ColumnDetails:
        """Of both sets of rows together."""
        both = None if self.sketch is None or other.sketch is None else self.sketch.merged(other.sketch)
        return ColumnDetails(self.resolution.merged(other.resolution), both)

    def ordered(self, column: int) -> Floats:
        """The column's values in order (see :meth:`QuantileSketch.ordered`); none without a sketch."""
        return np.empty(0) if self.sketch is None else self.sketch.ordered(column)
