"""What a column's picture shows: the share of real and of drawn rows in each bin, or of each level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.tables.columns import ComparedColumn

FEWEST_BINS, MOST_BINS, MOST_LEVELS = 10, 40, 10
TAIL = 0.005
SKEWED = 10.0
OTHER = "other"
DAY_NANOSECONDS = 86400e9

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ColumnShares:
    """How one column is distributed in two tables.

    Attributes
    ----------
    name : str
    family : str
        "number", "whole" (numbers), "levels", or of times "date", "datetime", "duration", "time".
    real, drawn : ndarray, shape (bins,)
        Shares of the cells that are not missing; each sums to 1 unless there are none.
    edges : ndarray, shape (bins + 1,), or None
        Of numbers and times (nanoseconds). The first and the last bin also hold what lies beyond.
    levels : tuple of str or None
        The name of each level; the last one may be all the others.
    logarithmic : bool
        The bins are equally wide on a logarithmic axis.
    missing_real, missing_drawn : float
        The shares of cells that are missing.
    """

    name: str
    family: str
    real: Floats
    drawn: Floats
    edges: Floats | None
    levels: tuple[str, ...] | None
    logarithmic: bool
    missing_real: float
    missing_drawn: float


def column_shares(column: ComparedColumn, family: str | None = None) -> ColumnShares:
    """The shares of a column of two tables, real and drawn; ``family`` if it holds times."""
    missing = [float(column.missing(table).mean()) for table in (0, 1)]
    real, drawn = column.present(0), column.present(1)
    if not column.is_number:
        return _of_levels(column.name, real, drawn, column.levels or (), missing)
    unit = DAY_NANOSECONDS if family == "date" else 1.0
    edges, whole, logarithmic = _edges(real / unit, drawn / unit)
    edges = edges * unit
    shares = [_shares(np.histogram(np.clip(some, edges[0], edges[-1]), edges)[0]) for some in (real, drawn)]
    family = family or ("whole" if whole else "number")
    return ColumnShares(column.name, family, shares[0], shares[1], edges, None, logarithmic, missing[0], missing[1])


def _shares(counts: NDArray[np.integer]) -> Floats:
    return counts / max(1, int(counts.sum()))


def _of_levels(
    name: str,
    real: NDArray[np.integer],
    drawn: NDArray[np.integer],
    levels: tuple[Any, ...],
    missing: list[float],
) -> ColumnShares:
    """The most frequent levels, of numbers in their order, and the rest together."""
    shares = [_shares(np.bincount(some, minlength=len(levels))) for some in (real, drawn)]
    many = len(levels) > MOST_LEVELS
    kept = np.argsort(-np.maximum(*shares), kind="stable")[: MOST_LEVELS - many]
    if all(isinstance(level, int | float) for level in levels):
        kept = kept[np.argsort([float(levels[at]) for at in kept], kind="stable")]
    else:
        kept = kept[np.argsort(-shares[0][kept], kind="stable")]
    names = [str(levels[at]) for at in kept]
    found = [some[kept] for some in shares]
    if many:
        names.append(f"{len(levels) - len(kept):,} {OTHER}")
        rests = [max(0.0, float(some.sum() - part.sum())) for some, part in zip(shares, found, strict=True)]
        found = [np.append(part, rest) for part, rest in zip(found, rests, strict=True)]
    return ColumnShares(name, "levels", found[0], found[1], None, tuple(names), False, missing[0], missing[1])


def _edges(real: Floats, drawn: Floats) -> tuple[Floats, bool, bool]:
    """The edges of bins that both share, whether the numbers are whole, and whether the axis is logarithmic."""
    every = np.concatenate([real, drawn])
    if not len(every):
        return np.array([0.0, 1.0]), False, False
    whole = bool((every == np.rint(every)).all())
    # The bins of Rice's rule: of few rows narrow bins would show chance alone.
    rows = min(len(some) for some in (real, drawn) if len(some))
    bins = int(np.clip(2 * np.cbrt(rows), FEWEST_BINS, MOST_BINS))
    found = [np.quantile(some, [TAIL, 1 - TAIL]) for some in (real, drawn) if len(some)]
    low, high = float(min(some[0] for some in found)), float(max(some[1] for some in found))
    if low == high:
        low, high = float(every.min()), float(every.max())
    if low == high:
        return np.array([low - 0.5, high + 0.5]), whole, False
    middle = float(np.median(every))
    if low > 0 and high - middle > SKEWED * (middle - low) and high > 100 * low:
        return np.geomspace(low, high, bins + 1), whole, True
    if whole and high - low < 2**50:
        low, high = np.floor(low), np.ceil(high)
        width = 1.0 if high - low < 2 * bins else np.ceil((high - low + 1) / bins)
        return np.arange(low - 0.5, high + 0.5 + width, width), True, False
    return np.linspace(low, high, bins + 1), whole, False
