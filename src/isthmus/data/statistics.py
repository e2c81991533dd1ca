"""What is learnt of each column: statistics that merge, so that chunks, streams and processes give the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Squares outside this range lose digits to underflow or overflow: such columns are computed again, scaled.
SQUARES = (1e-250, 1e290)


@dataclass(frozen=True)
class ColumnStatistics:
    """Statistics of ``count`` cells, one entry per column.

    Attributes
    ----------
    count : int, or ndarray of int, shape (d,)
        The cells that are there; per column if some are missing. A column without any has mean 0, deviation 0, and a
        range from inf to -inf.
    mean : ndarray, shape (d,)
    deviation : ndarray, shape (d,)
        The population standard deviation. Kept instead of the sum of squares, which overflows at 1e154.
    low, high : ndarray, shape (d,)
        The observed range; NaN if a cell was NaN that must not be.
    integer : ndarray of bool, shape (d,)
        All values seen are whole numbers.
    """

    count: int | NDArray[np.int64]
    mean: Floats
    deviation: Floats
    low: Floats
    high: Floats
    integer: Flags

    @classmethod
    def of(cls, rows: np.ndarray, maybe_integer: Flags | None = None, allow_missing: bool = False) -> ColumnStatistics:
        """Statistics of rows ``(n, d)`` of any real type.

        ``maybe_integer`` marks the columns for which whole numbers are still worth looking for. NaN cells are left out
        if ``allow_missing``. If another cell is not finite, mean and deviation are NaN (see :attr:`finite`).
        """
        with np.errstate(all="ignore"):
            values = rows.astype(np.float64, order="C", copy=False)
            low, high = values.min(axis=0), values.max(axis=0)
            if allow_missing and np.isnan(low).any():
                return cls._of_present(values, np.isnan(values))
            if not (np.isfinite(low).all() and np.isfinite(high).all()):
                nothing = np.full(len(low), np.nan)
                return cls(len(values), nothing, nothing, low, high, np.zeros(len(low), dtype=bool))
            mean, deviation = _moments(values)
            reach = np.maximum(np.abs(low), np.abs(high))
            variance = deviation * deviation
            doubtful = (low != high) & ~((variance > SQUARES[0]) & (variance * len(values) < SQUARES[1]))
            doubtful |= reach * len(values) > SQUARES[1]
            if doubtful.any():
                exponent = np.frexp(reach[doubtful])[1]
                mean[doubtful], deviation[doubtful] = _scaled_moments(values[:, doubtful], exponent)
            constant = low == high
            mean[constant], deviation[constant] = low[constant], 0.0
        is_integer = rows.dtype.kind in "biu"
        integer = np.ones(len(low), dtype=bool) if is_integer else _integers(values, maybe_integer)
        return cls(len(values), mean, deviation, low, high, integer)

    @classmethod
    def _of_present(cls, values: Floats, missing: Flags) -> ColumnStatistics:
        """Statistics of the cells of ``values`` that are not ``missing``, all of the same columns."""
        count = len(values) - missing.sum(axis=0)
        low, high = np.where(missing, np.inf, values).min(axis=0), np.where(missing, -np.inf, values).max(axis=0)
        if np.isposinf(high).any() or np.isneginf(low).any():
            nothing = np.full(len(low), np.nan)
            return cls(count, nothing, nothing, low, high, np.zeros(len(low), dtype=bool))
        mean, deviation, integer = np.zeros(len(low)), np.zeros(len(low)), np.ones(len(low), dtype=bool)
        whole = count == len(values)
        if whole.any():
            some = cls.of(values[:, whole])
            mean[whole], deviation[whole], integer[whole] = some.mean, some.deviation, some.integer
        holed = np.flatnonzero(~whole & (count > 0))
        if len(holed):
            mean[holed], deviation[holed] = _moments_of_present(values[:, holed], missing[:, holed], count[holed])
            squares = deviation[holed] ** 2
            reach = np.maximum(np.abs(low[holed]), np.abs(high[holed])) * count[holed]
            fits = (squares > SQUARES[0]) & (squares * count[holed] < SQUARES[1]) & (reach <= SQUARES[1])
            # Rare, and not worth a form of its own: one column at a time, without its holes.
            for column in holed[~fits]:
                one = cls.of(values[~missing[:, column], column][:, None])
                mean[column], deviation[column] = one.mean[0], one.deviation[0]
            integer[holed] = ((np.rint(values[:, holed]) == values[:, holed]) | missing[:, holed]).all(axis=0)
        return cls(count, mean, deviation, low, high, integer)

    def merged(self, other: ColumnStatistics) -> ColumnStatistics:
        """The statistics of both sets of rows together (Chan, Golub & LeVeque 1983, in a scale that fits)."""
        if isinstance(self.count, np.ndarray) or isinstance(other.count, np.ndarray):
            return self._merged_by_column(other)
        return self._merged(other)

    def _merged_by_column(self, other: ColumnStatistics) -> ColumnStatistics:
        """The same where columns have other numbers of cells, and some perhaps none."""
        mine, theirs = (np.broadcast_to(one.count, len(self.mean)) for one in (self, other))
        both = (mine > 0) & (theirs > 0)
        taken = [np.where(mine > 0, a, b) for a, b in zip(self._parts(), other._parts(), strict=True)]
        if both.any():
            where = np.flatnonzero(both)
            some = replace(self.columns(where), count=mine[where])
            merged = some._merged(replace(other.columns(where), count=theirs[where]))
            for into, part in zip(taken, merged._parts(), strict=True):
                into[where] = part
        return ColumnStatistics(mine + theirs, *taken)

    def _parts(self) -> tuple[np.ndarray, ...]:
        return self.mean, self.deviation, self.low, self.high, self.integer

    def _merged(self, other: ColumnStatistics) -> ColumnStatistics:
        reach = np.maximum.reduce([np.abs(self.low), np.abs(self.high), np.abs(other.low), np.abs(other.high)])
        spread = np.maximum.reduce([self.deviation, other.deviation, np.abs(other.mean / 2 - self.mean / 2)])
        count = self.count + other.count
        share = other.count / count
        with np.errstate(under="ignore"):
            # Halving first keeps the difference of two huge means finite.
            exponent = np.frexp(spread)[1]
            step = 2 * np.ldexp(other.mean / 2 - self.mean / 2, -exponent)
            squares = (
                (1 - share) * np.ldexp(self.deviation, -exponent) ** 2
                + share * np.ldexp(other.deviation, -exponent) ** 2
                + share * (1 - share) * step**2
            )
            deviation = np.ldexp(np.sqrt(squares), exponent)
            mean = (1 - share) * self.mean + share * other.mean
            # The difference form is exact where the two means nearly agree, which is the usual case.
            close = reach < 1e307
            mean[close] = self.mean[close] + share * (other.mean[close] - self.mean[close])
        return ColumnStatistics(
            count,
            mean,
            deviation,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.integer & other.integer,
        )

    @property
    def finite(self) -> bool:
        """No cell was infinite, or NaN where it must not be."""
        there = self.count > 0 if isinstance(self.count, np.ndarray) else slice(None)
        return bool(np.isfinite(self.low[there]).all() and np.isfinite(self.high[there]).all())

    @property
    def constant(self) -> Flags:
        """The columns that do not vary beyond what float64 resolves around their mean."""
        return (self.low == self.high) | (self.deviation <= 8 * np.finfo(np.float64).eps * np.abs(self.mean))

    def columns(self, index: NDArray[np.integer]) -> ColumnStatistics:
        """The statistics of some columns, in that order."""
        return ColumnStatistics(
            self.count[index] if isinstance(self.count, np.ndarray) else self.count,
            self.mean[index],
            self.deviation[index],
            self.low[index],
            self.high[index],
            self.integer[index],
        )


def _moments(values: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation in two passes; the second corrects the rounding of the first."""
    mean = values.mean(axis=0)
    residual = values - mean
    correction = residual.mean(axis=0)
    np.multiply(residual, residual, out=residual)
    variance = residual.mean(axis=0) - correction * correction
    return mean + correction, np.sqrt(np.maximum(variance, 0.0))


def _moments_of_present(values: Floats, missing: Flags, count: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """The same over the cells that are not ``missing``, at least one in every column."""
    mean = np.where(missing, 0.0, values).sum(axis=0) / count
    residual = np.where(missing, 0.0, values - mean)
    correction = residual.sum(axis=0) / count
    np.multiply(residual, residual, out=residual)
    variance = residual.sum(axis=0) / count - correction * correction
    return mean + correction, np.sqrt(np.maximum(variance, 0.0))


def _scaled_moments(values: Floats, exponent: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """The same for columns whose squares would over- or underflow: in units of a power of two, then of the spread."""
    scaled = np.ldexp(values, -exponent)
    mean = scaled.mean(axis=0)
    residual = scaled - mean
    spread = np.abs(residual).max(axis=0)
    spread[spread == 0] = 1.0
    residual /= spread
    deviation = spread * np.sqrt((residual * residual).mean(axis=0))
    return np.ldexp(mean, exponent), np.ldexp(deviation, exponent)


def _integers(values: Floats, maybe_integer: Flags | None) -> Flags:
    candidates = np.rint(values[0]) == values[0]
    if maybe_integer is not None:
        candidates &= maybe_integer
    if candidates.all():
        return (np.rint(values) == values).all(axis=0)
    found = np.zeros(values.shape[1], dtype=bool)
    if candidates.any():
        some = values[:, candidates]
        found[candidates] = (np.rint(some) == some).all(axis=0)
    return found
