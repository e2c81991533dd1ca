"""Tables as they are read to be compared; shares of bins and levels; missing cells."""

from __future__ import annotations

from datetime import date, time, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from isthmus.core.errors import InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.metrics.tables.columns import ComparedColumn
from isthmus.report.table_columns import TableColumns, time_text
from isthmus.report.table_missing import missing_cells
from isthmus.report.table_shares import column_shares


def test_columns_are_read_with_what_their_numbers_mean():
    cells = {
        "n": [1.0, None, 3.0],
        "flag": [0, 1, 1],
        "day": [date(1970, 1, 2), None, date(1969, 12, 31)],
        "clock": [time(0, 0, 1), time(1), None],
        "took": [timedelta(hours=1), None, timedelta(0)],
    }
    arrays = {name: np.array(some, dtype=object) for name, some in cells.items()}
    for table in (pl.DataFrame(cells), pd.DataFrame(cells), arrays):
        read = TableColumns.read(real=table, drawn=table)
        columns = {column.name: column for column in read.columns}
        assert read.families == {"day": "date", "clock": "time", "took": "duration"}
        assert columns["flag"].levels == (0, 1)
        assert columns["flag"].values[1].tolist() == [0, 1, 1]
        assert columns["n"].levels == (1, 3), "two values are levels"
        np.testing.assert_array_equal(columns["day"].values[0], [86400e9, np.nan, -86400e9])
        assert columns["clock"].values[0][:2].tolist() == [1e9, 3600e9]
        assert read.rows("drawn") == 3
    assert [time_text("date", 86400e9), time_text("time", 3600e9)] == ["1970-01-02", "01:00:00"]


def test_arrays_and_named_columns_take_names():
    values = np.arange(12.0).reshape(4, 3)
    read = TableColumns.read(real=values, drawn=NamedColumns(("x0", "x1", "x2"), values))
    assert [column.name for column in read.columns] == ["x0", "x1", "x2"]
    (one,) = read.of(("drawn", np.array([3, 0])), only=["x1"])
    assert one.values[0].tolist() == [10.0, 1.0]
    with pytest.raises(InputError, match=r"`real` must be a table; got an array of shape \(2, 2, 2\)"):
        TableColumns.read(real=np.zeros((2, 2, 2)))


# The shares that are drawn


def test_shares_of_whole_numbers_and_what_lies_beyond():
    real, drawn = np.repeat([0.0, 1.0, 2.0], [4, 4, 2]), np.repeat([0.0, 1.0, 2.0, np.nan], [1, 1, 6, 2])
    shares = column_shares(ComparedColumn("n", (real, drawn)))
    assert shares.family == "whole"
    assert shares.edges is not None
    assert shares.edges.tolist() == [-0.5, 0.5, 1.5, 2.5]
    assert shares.real.tolist() == [0.4, 0.4, 0.2]
    assert shares.drawn.tolist() == [0.125, 0.125, 0.75]
    assert (shares.missing_real, shares.missing_drawn) == (0.0, 0.2)
    far = np.append(np.linspace(0, 1, 1999), 1e6)
    cut = column_shares(ComparedColumn("n", (far, far)))
    assert cut.edges is not None
    assert cut.edges[-1] < 2
    assert cut.real.sum() == pytest.approx(1)
    assert not cut.logarithmic


def test_few_rows_get_few_bins_dates_whole_days_and_skewed_numbers_a_logarithm():
    rng = np.random.default_rng(0)
    small, large = (column_shares(ComparedColumn("n", (rng.normal(size=n),) * 2)) for n in (27, 100_000))
    assert (len(small.real), len(large.real)) == (10, 40)
    days = rng.integers(0, 1000, 500) * 86400e9
    edges = column_shares(ComparedColumn("d", (days, days)), "date").edges
    assert edges is not None
    assert (np.rint(edges / 86400e9 - 0.5) == edges / 86400e9 - 0.5).all()
    skewed = np.exp(3 * rng.normal(size=1000))
    logs = column_shares(ComparedColumn("x", (skewed, skewed)))
    assert logs.logarithmic
    assert logs.edges is not None
    np.testing.assert_allclose(np.diff(np.log(logs.edges)), np.log(logs.edges[1] / logs.edges[0]))
    constant = column_shares(ComparedColumn("c", (np.full(3, 7.5), np.full(2, 7.5))))
    assert constant.real.tolist() == constant.drawn.tolist() == [1.0]
    empty = column_shares(ComparedColumn("e", (np.full(3, np.nan), np.full(2, np.nan))))
    assert not empty.real.any()
    assert empty.missing_real == 1.0


def test_shares_of_levels_are_ordered_and_the_rest_is_together():
    words = column_shares(ComparedColumn("w", (np.array([1, 1, 0, -1]), np.array([0, 0, 0, 1])), ("a", "b")))
    assert words.levels == ("b", "a")
    assert (words.real.tolist(), words.drawn.tolist()) == ([2 / 3, 1 / 3], [0.25, 0.75])
    numbers = column_shares(ComparedColumn("k", (np.array([1, 1, 0]), np.array([0, 0, 0])), (3, 5)))
    assert numbers.levels == ("3", "5")
    many = np.repeat(np.arange(20), np.arange(20, 0, -1))
    cut = column_shares(ComparedColumn("m", (many, np.array([19])), tuple("abcdefghijklmnopqrst")))
    assert cut.levels is not None
    assert len(cut.levels) == 10
    assert cut.levels[-1] == "11 other"
    assert cut.levels[0] == "a"
    assert cut.real.sum() == pytest.approx(1)
    assert cut.drawn[cut.levels.index("t")] == 1.0


# Missing cells


def test_missing_rates_and_what_is_missing_together():
    nan = np.nan
    real = {"a": [nan, nan, 1.0, 1.0] * 5, "b": [nan, nan, 2.0, 3.0] * 5, "c": [1.0, 2.0, 3.0, 4.0] * 5}
    drawn = {"a": [nan, nan, 1.0, 1.0] * 5, "b": [1.0, nan, nan, 3.0] * 5, "c": [1.0, 2.0, 3.0, nan] * 5}
    tables = TableColumns.read(
        real={name: np.array(cells) for name, cells in real.items()},
        drawn={name: np.array(cells) for name, cells in drawn.items()},
    )
    rows = np.arange(20)
    missing = missing_cells(tables, rows, rows)
    assert missing.rates == {"a": (0.5, 0.5), "b": (0.5, 0.5), "c": (0.0, 0.25)}
    assert missing.worst_rate == ("c", 0.25)
    assert missing.together["a", "b"] == (pytest.approx(1.0), pytest.approx(0.0))
    assert np.isnan(missing.together["a", "c"][0])
    assert missing.worst_pair == (("a", "b"), pytest.approx(1.0))
    assert np.isnan(missing_cells(tables, rows[:19], rows).together["a", "b"][0])  # nine of 19 are there: too few
    nothing = missing_cells(tables, np.array([3]), np.array([0])[:0])
    assert nothing.rates == {}
    assert nothing.worst_rate[0] == ""
