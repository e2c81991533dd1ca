"""From statistics to kinds: one for a whole array, one per column of a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .columns import Columns
from .kinds import AFFINE
from .matrix import ColumnType
from .statistics import ColumnStatistics, Floats


def infer_columns(
    statistics: ColumnStatistics,
    requested: Sequence[str],
    types: Sequence[ColumnType],
    *,
    homogeneous: bool,
    images: bool,
    scaling: str,
) -> tuple[list[str], Columns]:
    """The kind of each column that is a number (in encoded order) and the columns.

    ``Columns.source`` is their place among the columns that the statistics are of. A homogeneous array gets one kind
    from the whole matrix. Columns of a frame are judged one by one, and grouped by kind.
    """
    scaling = "column" if scaling == "auto" else scaling
    if homogeneous:
        kinds = [_matrix_kind(statistics, requested[0], images)] * len(requested)
        source = np.arange(len(requested))
    else:
        kinds = _column_kinds(statistics, requested, types)
        source = np.array([place for name in AFFINE for place, kind in enumerate(kinds) if kind == name])
        kinds = [kinds[place] for place in source]
    statistics = statistics.columns(source)
    shift, scale, low, high = (np.empty(len(kinds)) for _ in range(4))
    for name in dict.fromkeys(kinds):
        inside = np.flatnonzero([kind == name for kind in kinds])
        some, kind = statistics.columns(inside), AFFINE[name]
        if images and name == "unit-interval" and types[0].numpy == "uint8":
            bounds: tuple[Floats, Floats] = np.zeros(len(inside)), np.full(len(inside), 255.0)
        else:
            bounds = kind.bounds(some, homogeneous)
        low[inside], high[inside] = bounds
        shift[inside], scale[inside] = kind.affine(some, *bounds, scaling)
    constant, integer = statistics.constant, statistics.integer
    return kinds, Columns(source.astype(np.int64), shift, scale, low, high, statistics.mean, integer, constant)


def _matrix_kind(statistics: ColumnStatistics, requested: str, images: bool) -> str:
    if requested != "auto":
        return requested
    if AFFINE["binary"].fits_matrix(statistics):
        return "binary"
    if images:
        return "unit-interval"
    return next(name for name, kind in AFFINE.items() if kind.fits_matrix(statistics))


def _column_kinds(statistics: ColumnStatistics, requested: Sequence[str], types: Sequence[ColumnType]) -> list[str]:
    fitting = {name: kind.fits_columns(statistics) for name, kind in AFFINE.items()}
    # A column of booleans is binary by its type, whether or not both values were seen.
    fitting["binary"] = fitting["binary"] | np.array([one.numpy == "bool" for one in types])
    return [
        next(name for name, fits in fitting.items() if fits[place]) if asked == "auto" else asked
        for place, asked in enumerate(requested)
    ]
