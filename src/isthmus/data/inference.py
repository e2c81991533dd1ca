"""From statistics to kinds: one for a whole array, one per column of a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .assignment import IGNORE
from .calendar import calendar_curve
from .columns import Columns
from .curves import Curve
from .datetimes import TimeType
from .details import ColumnDetails
from .kinds import AFFINE, Binary, Continuous, Count
from .matrix import ColumnType
from .scaling import chosen_curve
from .statistics import ColumnStatistics, Flags, Floats


def infer_columns(
    statistics: ColumnStatistics,
    requested: Sequence[str],
    types: Sequence[ColumnType],
    *,
    homogeneous: bool,
    images: bool,
    scaling: str,
    details: ColumnDetails | None = None,
) -> tuple[list[str], Columns]:
    """The kind of each column that is a number (in encoded order) and the columns.

    ``Columns.source`` is their place among the columns that the statistics are of. A homogeneous array gets one kind
    from the whole matrix. Columns of a frame are judged one by one, and grouped by kind; their ``details`` say how
    finely they are measured, and which curves they need. Columns to "ignore" are left out.
    """
    chooses = scaling == "auto"
    scaling = "column" if scaling == "auto" else scaling
    if homogeneous:
        source = np.flatnonzero([one != IGNORE for one in requested])
        kinds = [_matrix_kind(statistics.columns(source), requested[int(source[0])], images)] * len(source)
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
    step, curves = None, {}
    if details is not None:
        step = _steps(details, types, kinds, source)
        curves = _curves(details, types, kinds, source, constant, step) if chooses else {}
    for place, curve in curves.items():
        shift[place], scale[place] = _affine_of(curve, details.ordered(int(source[place])) if details else np.empty(0))
    source = source.astype(np.int64)
    return kinds, Columns(source, shift, scale, low, high, statistics.mean, integer, constant, step, curves)


def _steps(
    details: ColumnDetails, types: Sequence[ColumnType], kinds: Sequence[str], source: np.ndarray
) -> Floats | None:
    """The step of each column; what lies between two values of a binary one, or of counts, is an expectation."""
    expected = [kind in (Binary.name, Count.name) for kind in kinds]
    step = np.where(expected, 0.0, details.resolution.steps(types)[source])
    return step if step.any() else None


def _curves(
    details: ColumnDetails,
    types: Sequence[ColumnType],
    kinds: Sequence[str],
    source: np.ndarray,
    constant: Flags,
    steps: Floats | None,
) -> dict[int, Curve]:
    """What continuous columns need. Dates and datetimes: early ones are no smaller than late ones, but weekdays and
    hours may be unlike; times of day need nothing."""
    curves: dict[int, Curve] = {}
    for place, column in enumerate(source):
        if kinds[place] != Continuous.name or constant[place]:
            continue
        time, ordered = TimeType.of(types[column].native), details.ordered(int(column))
        if time is None or time.family == "duration":
            curve: Curve | None = chosen_curve(ordered)
        else:
            curve = calendar_curve(ordered, time, 0.0 if steps is None else float(steps[place]))
        if curve is not None:
            curves[place] = curve
    return curves


def _affine_of(curve: Curve, ordered: Floats) -> tuple[float, float]:
    mapped = curve.forward(ordered)
    return float(mapped.mean()), 1.0 / float(mapped.std())


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
    # Two neighbouring days, or seconds, are no truth values.
    are_times = np.array([TimeType.of(one.native) is not None for one in types])
    for name in fitting:
        if name != Continuous.name:
            fitting[name] = fitting[name] & ~are_times
    return [
        next(name for name, fits in fitting.items() if fits[place]) if asked == "auto" else asked
        for place, asked in enumerate(requested)
    ]
