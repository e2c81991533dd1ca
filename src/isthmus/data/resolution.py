"""How finely the columns of frames are measured: decimals of numbers, whole days or seconds of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .datetimes import DAY, TimeType, from_the_wall, on_the_wall
from .matrix import ColumnType
from .statistics import Flags, Floats

DECIMAL_STEPS = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6)
TIME_STEPS = (float(DAY), 3600.0, 60.0, 1.0, 1e-3, 1e-6)
STEPS = frozenset({0.0, *DECIMAL_STEPS, *TIME_STEPS})
"""The steps that a column may have; 0: none that is known, or that its type does not ensure by itself."""

# What rounding to the column's type leaves of a decimal, in its units in the last place; and how far from whole
# a number of steps may be, so that every number near 1e12 is not taken for one of few decimals.
_ROUNDINGS = 2.0
_LARGEST_SLACK = 0.05


@dataclass(frozen=True)
class Resolution:
    """The coarsest step that all values of a column seen so far are multiples of, as its place among those tried.

    Attributes
    ----------
    places : ndarray of int, shape (d,)
        In ``DECIMAL_STEPS``, or in ``TIME_STEPS`` for datetimes, durations and times of day; their length if no step
        fits.
    """

    places: NDArray[np.int64]

    @classmethod
    def of(cls, rows: np.ndarray, types: Sequence[ColumnType], known: Resolution | None = None) -> Resolution:
        """Of rows (n, d), NaN where cells are missing; ``known`` spares looking for steps that did not fit before."""
        places = np.zeros(len(types), dtype=np.int64) if known is None else known.places.copy()
        times, clocks, fractional, slack = _measured(tuple(types))
        places[~fractional] = len(DECIMAL_STEPS)
        for steps, inside in ((DECIMAL_STEPS, fractional & ~clocks), (TIME_STEPS, clocks)):
            for place, step in enumerate(steps):
                trying = np.flatnonzero(inside & (places == place))
                if len(trying):
                    values = _walls(rows[:, trying].astype(np.float64), [times[column] for column in trying])
                    # No moment is kept more finely than float64 tells apart.
                    finest = steps is TIME_STEPS and step == steps[-1]
                    fits = _are_multiples(values, step, slack[trying], in_doubt=finest)
                    places[trying[~fits]] += 1
        return cls(places)

    def merged(self, other: Resolution) -> Resolution:
        """Of both sets of rows together."""
        return Resolution(np.maximum(self.places, other.places))

    def steps(self, types: Sequence[ColumnType]) -> Floats:
        """The step of each column; 0 where none fits, and for integers and booleans, whose type ensures it."""
        found = np.zeros(len(types))
        for column, one in enumerate(types):
            time = TimeType.of(one.native)
            tried = DECIMAL_STEPS if time is None or time.family == "date" else TIME_STEPS
            if one.dtype.kind == "f" and self.places[column] < len(tried):
                found[column] = tried[self.places[column]]
        return found


@lru_cache(maxsize=8)
def _measured(types: tuple[ColumnType, ...]) -> tuple[list[TimeType | None], Flags, Flags, Floats]:
    """Which columns hold times, which of them clocks, which fractions, and how far those may be off: for each chunk."""
    times = [TimeType.of(one.native) for one in types]
    dtypes = [one.dtype for one in types]
    clocks = np.array([time is not None and time.family != "date" for time in times])
    slack = np.array([_ROUNDINGS * np.finfo(one).eps if one.kind == "f" else 0.0 for one in dtypes])
    return times, clocks, slack > 0, slack


def rounded(values: Floats, step: float, time: TimeType | None = None) -> Floats:
    """Values (n,) as the nearest multiples of a step; those of a datetime with a zone as its clocks show them."""
    if time is None or time.zone is None:
        return _nearest(values, step)
    return from_the_wall(_nearest(on_the_wall(values, time.zone), step), values, time.zone)


def _nearest(values: Floats, step: float) -> Floats:
    if step >= 1:
        return np.rint(values / step) * step
    # Dividing by a power of ten rounds to the very float that the decimal is written as.
    per_one = round(1 / step)
    with np.errstate(over="ignore"):
        scaled = values * per_one
    return np.where(np.isfinite(scaled), np.rint(scaled) / per_one, values)


def _walls(values: Floats, times: Sequence[TimeType | None]) -> Floats:
    for column, time in enumerate(times):
        if time is not None and time.zone is not None:
            values[:, column] = on_the_wall(values[:, column], time.zone)
    return values


def _are_multiples(values: Floats, step: float, slack: Floats, in_doubt: bool) -> Flags:
    """Which columns hold multiples of the step only, ``in_doubt`` also of cells that are too large to tell.

    NaN is one of any.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = values / step if step >= 1 else values * round(1 / step)
        off = np.abs(scaled - np.rint(scaled))
        allowed = np.abs(scaled) * slack if step < 1 else np.zeros_like(scaled)
        cannot_tell = (allowed > _LARGEST_SLACK) | np.isinf(scaled)
        bad = (off > allowed) & ~cannot_tell
        return np.asarray(~(bad if in_doubt else bad | cannot_tell).any(axis=0))
