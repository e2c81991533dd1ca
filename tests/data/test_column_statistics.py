"""Statistics against numpy in one piece, and against exact arithmetic where float64 is at its limits."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.data.statistics import ColumnStatistics

BOUNDED = st.floats(-1e6, 1e6, allow_subnormal=False)


def exact_deviation(column: list[float]) -> float:
    values = [Fraction(value) for value in column]
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / len(values)
    scale = max((abs(value) for value in values), default=Fraction(1)) or Fraction(1)
    return float(scale) * float(variance / scale**2) ** 0.5


@settings(max_examples=40, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=BOUNDED), st.integers(1, 29))
def test_merging_two_parts_is_the_whole(rows, cut):
    cut = min(cut, len(rows) - 1)
    merged = ColumnStatistics.of(rows[:cut]).merged(ColumnStatistics.of(rows[cut:]))
    size = np.abs(rows).max(axis=0)
    assert merged.count == len(rows)
    np.testing.assert_allclose(merged.mean, rows.mean(axis=0), rtol=1e-12, atol=1e-13 * size.max() + 1e-300)
    exact = [exact_deviation(column) for column in rows.T.tolist()]  # numpy's own squares underflow
    assert (np.abs(merged.deviation - exact) <= 1e-11 * np.array(exact) + 1e-14 * size).all()
    np.testing.assert_array_equal(merged.low, rows.min(axis=0))
    np.testing.assert_array_equal(merged.high, rows.max(axis=0))
    np.testing.assert_array_equal(merged.integer, (rows == np.rint(rows)).all(axis=0))


@pytest.mark.parametrize("column", [[1e300, -1e300, 5e299], [1e-310, 3e-310, 2e-310], [1.7e308, -1.7e308], [1e-160, 0]])
def test_columns_whose_squares_overflow_or_underflow(column):
    whole = ColumnStatistics.of(np.array(column)[:, None])
    parts = ColumnStatistics.of(np.array(column[:1])[:, None]).merged(
        ColumnStatistics.of(np.array(column[1:])[:, None])
    )
    for statistics in (whole, parts):
        assert statistics.deviation[0] == pytest.approx(exact_deviation(column), rel=1e-12)
        assert np.isfinite(statistics.mean[0])


def test_a_small_spread_on_a_large_mean_keeps_its_digits():
    values = 1e9 + np.random.default_rng(0).normal(size=(10_000, 1)) * 1e-3
    merged = ColumnStatistics.of(values[:17])
    for start in range(17, 10_000, 500):
        merged = merged.merged(ColumnStatistics.of(values[start : start + 500]))
    assert merged.deviation[0] == pytest.approx(np.std(values - 1e9), rel=1e-6)


def test_constant_columns_are_those_without_resolvable_spread():
    column = np.array([1.0, np.nextafter(1.0, 2), 1.0])
    rows = np.stack([np.full(3, 0.1), column, np.array([0.0, 1e-12, 0.0]), np.array([1e12, 1e12 + 10, 1e12])], axis=1)
    assert ColumnStatistics.of(rows).constant.tolist() == [True, True, False, False]


def test_a_cell_that_is_not_finite_is_seen():
    for bad in (np.nan, np.inf, -np.inf):
        rows = np.ones((4, 3))
        rows[2, 1] = bad
        assert not ColumnStatistics.of(rows).finite
    assert ColumnStatistics.of(np.ones((4, 3))).finite


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", "f2", "f4", "f8", ">f8", "longdouble"])
def test_any_type_gives_the_same_statistics(dtype):
    rows = np.array([[0, 1], [1, 1], [1, 0]])
    statistics = ColumnStatistics.of(rows.astype(dtype))
    np.testing.assert_allclose(statistics.mean, [2 / 3, 2 / 3], rtol=1e-15)
    assert statistics.integer.all()
