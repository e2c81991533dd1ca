"""Any table: encoded and decoded again, it has the same columns, order, types, categories, holes and values."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, date, datetime, timedelta

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.core.errors import DataWarning, InputError
from isthmus.data import Schema

ROWS = 12
WORDS = ["", "a", "B", "ü", "名", "-1", "nan", "None", "x" * 50]
BERLIN = "Europe/Berlin"
FAMILIES = ["float", "int", "bool", "text", "category", "ordered", "codes"]
TIMES = ["datetime", "zoned", "date", "duration", "time", "decimal"]


def some(cells, holes, mark=None):
    return [mark if hole else cell for cell, hole in zip(cells, holes, strict=True)]


@st.composite
def columns(draw):
    """A column's family, its cells, and where it has holes."""
    family = draw(st.sampled_from([*FAMILIES, *TIMES]))
    # Whole minutes: float32 does not tell the seconds of three years apart.
    moment = st.datetimes(datetime(2000, 1, 1), datetime(2003, 1, 1)).map(
        lambda one: one.replace(second=0, microsecond=0)
    )
    cell = {
        "datetime": moment,
        "zoned": moment.map(lambda one: one.replace(tzinfo=UTC)),
        "date": st.dates(date(1950, 1, 1), date(2050, 1, 1)),
        "duration": st.integers(-5000, 5000).map(lambda minutes: timedelta(minutes=minutes)),
        "time": st.times().map(lambda one: one.replace(second=0, microsecond=0)),
        "decimal": st.decimals(-999, 999, places=2),
        "float": st.floats(-1e3, 1e3).map(lambda x: round(x, 3)),
        "int": st.integers(-(2**20), 2**20),
        "bool": st.booleans(),
        "codes": st.sampled_from([3, 1, 7]),
    }.get(family, st.sampled_from(WORDS))
    cells = draw(st.lists(cell, min_size=ROWS, max_size=ROWS))
    share = draw(st.sampled_from(["none", "some", "some", "all"]))
    holes = {
        "none": [False] * ROWS,
        "some": draw(st.lists(st.booleans(), min_size=ROWS, max_size=ROWS)),
        "all": [True] * ROWS,
    }[share]
    return family, cells, holes


def typed(family, style):
    """An Arrow type for dates, times and decimals."""
    unit = ["s", "ms", "us", "ns"][style % 4]
    return {
        "datetime": pa.timestamp(unit),
        "zoned": pa.timestamp(unit, tz=[BERLIN, "UTC", "+02:00"][style % 3]),
        "date": [pa.date32(), pa.date64()][style % 2],
        "duration": pa.duration(unit),
        "time": [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")][style % 4],
        "decimal": pa.decimal128(7, 2),
    }[family]


def in_pandas(family, cells, holes, style):
    holed = some(cells, holes)
    if family in TIMES:
        if style % 2 and family in ("date", "time", "decimal"):
            return pd.Series(holed, dtype=object)
        if style % 2 and not all(holes):
            native = pd.Series(pd.to_timedelta(holed) if family == "duration" else pd.to_datetime(holed)).dt
            native = native.as_unit(["s", "ms", "us", "ns"][style % 4])
            return native.dt.tz_convert(BERLIN) if family == "zoned" else native
        return pd.Series(pd.array(holed, dtype=pd.ArrowDtype(typed(family, style))))
    if family == "float":
        dtype = ["float64", "Float64", "float64[pyarrow]"][style % 3]
        return pd.Series(some(cells, holes, np.nan) if style % 3 == 0 else pd.array(holed, dtype=dtype), dtype=dtype)
    if family == "int":
        if not any(holes) and style % 4 == 0:
            return pd.Series(cells, dtype="int32")
        return pd.Series(pd.array(holed, dtype=["Int32", "int64[pyarrow]", "Int64"][style % 3]))
    if family == "bool":
        if not any(holes) and style % 4 == 0:
            return pd.Series(cells, dtype=bool)
        if style % 3 == 0:
            return pd.Series(holed, dtype=object)
        return pd.Series(pd.array(holed, dtype=["boolean", "bool[pyarrow]"][style % 2]))
    if family == "text":
        return pd.Series(holed, dtype=["str", "string", object, "string[pyarrow]"][style % 4])
    categories = [1, 3, 7, 9] if family == "codes" else sorted(WORDS, reverse=True)
    return pd.Series(pd.Categorical(holed, categories=categories, ordered=family == "ordered"))


def in_polars(family, cells, holes, style):
    holed = some(cells, holes)
    if family in TIMES:
        dtype = {
            "datetime": pl.Datetime(["ms", "us", "ns"][style % 3]),
            "zoned": pl.Datetime("us", BERLIN),
            "date": pl.Date,
            "duration": pl.Duration(["ms", "us", "ns"][style % 3]),
            "time": pl.Time,
            "decimal": pl.Decimal(7, 2),
        }[family]
        return pl.Series(holed, dtype=pl.Datetime("us", "UTC") if family == "zoned" else dtype).cast(dtype)
    if family in ("category", "text"):
        return pl.Series(holed, dtype=[pl.String, pl.Categorical][style % 2])
    if family == "ordered":
        return pl.Series(holed, dtype=pl.Enum(sorted(WORDS, reverse=True)))
    if family == "float":
        return pl.Series(some(cells, holes, float("nan")) if style % 2 else holed, dtype=pl.Float64)
    return pl.Series(holed, dtype=pl.Boolean if family == "bool" else [pl.Int64, pl.Int32][style % 2])


def in_arrow(family, cells, holes, style):
    holed = some(cells, holes)
    if family in TIMES:
        return pa.array(holed, type=typed(family, style))
    if family in ("category", "ordered"):
        array = pa.array(holed, type=pa.string()).dictionary_encode()
        kind = pa.dictionary(pa.int32(), pa.string(), ordered=family == "ordered")
        return pa.DictionaryArray.from_arrays(array.indices, array.dictionary, ordered=kind.ordered)
    kinds = {
        "float": [pa.float64()],
        "int": [pa.int64(), pa.int32()],
        "codes": [pa.int8(), pa.uint16()],
        "bool": [pa.bool_()],
        "text": [pa.string(), pa.large_string()],
    }[family]
    return pa.array(holed, type=kinds[style % len(kinds)])


def round_trip(frame):
    """The frame after encoding and decoding; None if nothing in it varies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        try:
            schema = Schema.learn(frame, missing="model")
        except InputError as error:
            assert "constant" in str(error) or "No column is left" in str(error)  # noqa: PT017 - some tables hold nothing
            return None
    described = json.dumps(schema.to_json(), allow_nan=False)
    again = Schema.from_json(json.loads(described))
    assert json.dumps(again.to_json()) == described
    batch = again.encode(frame)
    check_any_features(again, frame)
    return again.decode(again.features(batch), restore_missing=True)


def check_any_features(schema, frame):
    """Whatever a model says comes back in the frame's types, within its levels and its range."""
    features = np.random.default_rng(0).normal(scale=3, size=(7, schema.n_encoded))
    drawn = schema.decode(features)
    kept = [one for one in schema.describe() if one.get("why") not in ("identifier", "text", "levels")]
    names = list(drawn.column_names if isinstance(drawn, pa.Table) else drawn.columns)
    assert names == [one["name"] for one in kept]
    was, now = (nw.from_native(one, eager_only=True) for one in (frame, drawn))
    for one in kept:
        before, after = was[one["name"]], now[one["name"]]
        assert after.dtype == before.dtype
        if one["kind"] == "categorical":
            assert set(after.to_list()) <= set(before.to_list())
        elif one["kind"] == "continuous":
            held, found = ([cell for cell in cells.drop_nulls().to_list() if cell == cell]
                           for cells in (before, after))  # fmt: skip
            assert min(held) <= min(found)
            assert max(found) <= max(held)


DRAWN = {
    "drawn": st.lists(columns(), min_size=1, max_size=6),
    "styles": st.lists(st.integers(0, 11), min_size=6, max_size=6),
}
FEW = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@FEW
@given(**DRAWN)
def test_pandas_tables(drawn, styles):
    frame = pd.DataFrame({f"c{place}": in_pandas(*column, styles[place]) for place, column in enumerate(drawn)})
    again = round_trip(frame)
    if again is None:
        return
    pd.testing.assert_frame_equal(again, frame, rtol=1e-5, atol=1e-2)
    for name in frame:
        assert again[name].isna().tolist() == frame[name].isna().tolist()
        for cell, was in zip(again[name], frame[name], strict=True):
            if was is None or isinstance(was, str | bool):
                assert type(cell) is type(was)


@FEW
@given(**DRAWN)
def test_polars_tables(drawn, styles):
    frame = pl.DataFrame({f"c{place}": in_polars(*column, styles[place]) for place, column in enumerate(drawn)})
    again = round_trip(frame)
    if again is None:
        return
    assert again.schema == frame.schema
    for name in frame.columns:
        was, now = frame[name], again[name]
        if now.dtype == pl.Float64:
            if was.is_null().all() or was.is_nan().all():
                continue
            assert now.is_nan().to_list() == was.is_nan().to_list()
            was, now = was.fill_nan(None), now.fill_nan(None)
            assert now.to_list() == [None if x is None else pytest.approx(x, rel=1e-5, abs=1e-2) for x in was]
        else:
            assert now.to_list() == was.to_list()


@FEW
@given(**DRAWN)
def test_arrow_tables(drawn, styles):
    arrays = {f"c{place}": in_arrow(*column, styles[place]) for place, column in enumerate(drawn)}
    table = pa.table(arrays)
    again = round_trip(table)
    if again is None:
        return
    assert again.schema.equals(table.schema)
    for name in table.column_names:
        was, now = table.column(name), again.column(name)
        assert now.is_null().to_pylist() == was.is_null().to_pylist()
        if was.type == pa.float64():
            assert now.to_pylist() == [
                None if x is None else pytest.approx(x, rel=1e-5, abs=1e-2) for x in was.to_pylist()
            ]
        else:
            assert now.to_pylist() == was.to_pylist()


@pytest.mark.parametrize("library", ["pandas", "arrow"])
def test_an_empty_column_of_no_category_is_written_and_read(library):
    frame = pd.DataFrame({"x": [1.0, 2.5, 3.0], "gone": pd.Categorical([None] * 3)})
    words = pa.array([None] * 3, pa.string()).dictionary_encode()
    again = round_trip(frame if library == "pandas" else pa.table({"x": [1.0, 2.5, 3.0], "gone": words}))
    empty = again["gone"].isna().tolist() if library == "pandas" else again.column("gone").is_null().to_pylist()
    assert empty == [True] * 3
