"""Dates and times as numbers, and back in the same type."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from isthmus.core.errors import InputError
from isthmus.data import Schema
from isthmus.data.datetimes import TimeType, from_the_wall, on_the_wall, utc_offsets, zone_of
from isthmus.data.opening import open_matrix

UTC = dt.UTC
ZONES = (None, "UTC", "Europe/Berlin", "America/St_Johns", "+05:30")
NOISE = np.random.default_rng(0).normal(size=200)


def again(schema, frame):
    """What is decoded from features in float64, after a way through JSON: nothing is lost but what types lose."""
    schema = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    columns = schema.columns
    numbers = open_matrix(frame).read(slice(None), columns.source).astype(float)
    for place, curve in columns.curves.items():
        numbers[:, place] = curve.forward(numbers[:, place])
    return schema.decode((numbers - columns.shift) * columns.scale)


def pandas_name(unit, zone):
    return f"datetime64[{unit}]" if zone is None else f"datetime64[{unit}, {zone}]"


MOMENTS = st.lists(
    st.integers(-(10**15), 10**15).map(lambda ticks: dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=ticks)),
    min_size=3,
    max_size=8,
    unique=True,
)


@settings(max_examples=12, deadline=None)
@given(MOMENTS, st.sampled_from(("s", "ms", "us", "ns")), st.sampled_from(ZONES))
def test_datetimes_of_pandas_come_back_exactly(moments, unit, zone):
    series = pd.Series(np.array(moments, dtype=f"datetime64[{unit}]"))
    if zone is not None:
        series = series.dt.tz_localize("UTC").dt.tz_convert("UTC+05:30" if zone == "+05:30" else zone)
    frame = pd.DataFrame({"x": NOISE[: len(moments)], "when": series})
    decoded = again(Schema.learn(frame), frame)
    assert decoded["when"].dtype == series.dtype
    pd.testing.assert_series_equal(decoded["when"], frame["when"])


@settings(max_examples=12, deadline=None)
@given(MOMENTS, st.sampled_from(("ms", "us", "ns")), st.sampled_from(ZONES[:4]))
def test_times_of_polars_and_arrow_come_back_exactly(moments, unit, zone):
    gaps = [moment - moments[0] for moment in moments]
    frame = pl.DataFrame(
        {
            "when": pl.Series(moments).cast(pl.Datetime(unit)).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
            if zone
            else pl.Series(moments).cast(pl.Datetime(unit)),
            "day": [moment.date() for moment in moments],
            "hour": [moment.time() for moment in moments],
            "gap": pl.Series(gaps).cast(pl.Duration(unit)),
            "x": NOISE[: len(moments)],
        }
    )
    schema = Schema.learn(frame)
    assert {block.kind for block in schema.blocks} == {"continuous"}
    assert_frame_equal(again(schema, frame), frame)
    table = frame.to_arrow()
    table = table.append_column("old", table["day"].cast(pa.date64()))
    table = table.append_column(
        "clock", pa.array([moment.time().replace(microsecond=0) for moment in moments], pa.time32("s"))
    )
    decoded = again(Schema.learn(table), table)
    assert decoded.schema.equals(table.schema)
    assert_frame_equal(pl.from_arrow(decoded), pl.from_arrow(table))


def test_other_columns_of_pandas_come_back_in_their_types():
    days = [dt.date(2024, 2, 28) + dt.timedelta(days=step) for step in range(4)]
    hours = [dt.time(0), dt.time(23, 59, 59, 999999), dt.time(12, 30), dt.time(6)]
    prices = [Decimal("1.25"), Decimal("3.5"), Decimal("2"), Decimal("99.99")]
    frame = pd.DataFrame(
        {
            "day": days,
            "hour": hours,
            "price": prices,
            "gap": pd.to_timedelta([1, 2, 5, 7], unit="ns"),
            "arrow day": pd.array(days, dtype=pd.ArrowDtype(pa.date32())),
            "arrow when": pd.array([1, 10**9, 3, 4], dtype=pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo"))),
            "arrow hour": pd.array(hours, dtype=pd.ArrowDtype(pa.time64("ns"))),
            "arrow gap": pd.array([1, 2, 3, 9], dtype=pd.ArrowDtype(pa.duration("ms"))),
            "arrow price": pd.array(prices, dtype=pd.ArrowDtype(pa.decimal128(12, 3))),
        }
    )
    schema = Schema.learn(frame)
    decoded = again(schema, frame)
    pd.testing.assert_frame_equal(decoded, frame)
    assert [type(cell) for cell in decoded.iloc[0][:3]] == [dt.date, dt.time, Decimal]
    many = pl.DataFrame({"price": prices, "x": NOISE[:4]}, schema={"price": pl.Decimal(10, 2), "x": pl.Float64})
    assert_frame_equal(again(Schema.learn(many), many), many)
    table = many.to_arrow()
    assert again(Schema.learn(table), table)["price"].equals(table["price"])


@pytest.mark.parametrize("zone", [None, "America/Sao_Paulo", "Asia/Kolkata"])
@pytest.mark.parametrize(("step", "unit"), [("D", "ns"), ("h", "us"), ("min", "us"), ("s", "ms"), ("ms", "us")])
def test_decoded_moments_are_as_coarse_as_those_seen(zone, step, unit):
    generator = np.random.default_rng(1)
    stamps = pd.to_datetime(generator.integers(1.2e9, 1.6e9, 50), unit="s").as_unit("ns")
    stamps = (stamps + pd.to_timedelta(generator.integers(0, 10**6, 50), unit="us")).floor(step).as_unit(unit)
    frame = pd.DataFrame({"when": stamps, "x": NOISE[:50]})
    if zone is not None:
        frame["when"] = frame["when"].dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    schema = Schema.learn(frame)
    decoded = schema.decode(generator.normal(size=(400, 2)))["when"]
    assert decoded.dtype == frame["when"].dtype
    walls = decoded if zone is None else decoded.dt.tz_localize(None)
    # Clocks of Sao Paulo went forward at midnight: days then begin at one o'clock, and are no multiples of days.
    whole = walls == walls.dt.floor(step)
    assert whole.mean() > (0.99 if step == "D" and zone == "America/Sao_Paulo" else 0.999)
    assert decoded.between(frame["when"].min(), frame["when"].max()).all()
    assert decoded.nunique() > 50


def test_two_days_are_no_truth_values_and_early_days_no_smaller():
    frame = pd.DataFrame({"day": pd.to_datetime(["1970-01-01", "1970-01-02"] * 100), "x": NOISE})
    frame["skewed"] = pd.to_datetime("2020-01-01") + pd.to_timedelta((np.exp(3 * NOISE) * 86400).astype(int), unit="s")
    frame["gap"] = pd.to_timedelta((np.exp(3 * NOISE) * 1e6).astype(int), unit="s")
    schema = Schema.learn(frame)
    assert [(block.kind, block.width) for block in schema.blocks] == [("continuous", 4)]
    assert list(schema.columns.curves) == [3]
    assert schema.columns.step.tolist() == [86400.0, 0.0, 1.0, 1.0]


def test_missing_moments_are_named():
    frame = pd.DataFrame({"x": [1.0, 2.0], "when": pd.to_datetime(["2020-01-01", None])})
    with pytest.raises(InputError, match=r"1 cell, first at row 1, column 'when'"):
        Schema.learn(frame, missing="error")
    for native in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        assert np.isnan(open_matrix(native).read(slice(None))[1, 1])


def test_another_type_than_in_training_is_refused_by_name():
    frame = pd.DataFrame({"x": [1.0, 2.0], "when": pd.to_datetime(["2020-01-01", "2020-01-02"])})
    schema = Schema.learn(frame)
    # The unit and the library do not matter.
    expected = schema.encode(frame).values
    assert (schema.encode(frame.assign(when=frame["when"].astype("datetime64[s]"))).values == expected).all()
    assert (schema.encode(pl.from_pandas(frame)).values == expected).all()
    for other, words in {
        "zone": (frame["when"].dt.tz_localize("UTC"), r"datetime in training, and is datetime with a zone now"),
        "number": ([1.0, 2.0], r"datetime in training, and is float64 now"),
        "gap": (pd.to_timedelta([1, 2], unit="s"), r"datetime in training, and is duration now"),
    }.values():
        with pytest.raises(InputError, match=f"^Column 'when' was of the type {words}. Convert it"):
            schema.encode(frame.assign(when=other))
    with pytest.raises(InputError, match=r"Column 'x' was of the type float64 in training, and is datetime now"):
        schema.encode(frame.assign(x=frame["when"]))


def test_dates_can_be_levels_and_conditions():
    frame = pl.DataFrame({"x": NOISE[:6], "day": [dt.date(2020, 1, 1), dt.date(2020, 1, 8)] * 3})
    levels = Schema.learn(frame, kind={"day": "categorical"})
    assert_frame_equal(levels.decode(levels.features(levels.encode(frame))), frame, abs_tol=1e-5)
    known = Schema.learn(frame, kind={"day": "condition"})
    expected = known.encode(frame).condition
    for value in (dt.date(2020, 1, 8), "2020-01-08", np.datetime64("2020-01-08"), pd.Timestamp("2020-01-08")):
        assert (known.encode_condition({"day": value}, 1) == expected[1]).all()
    decoded = known.decode(known.encode(frame).values, carried=known.carried(frame))
    assert decoded["day"].equals(frame["day"])
    with pytest.raises(InputError, match=r"`given` for column 'day': 'soon' is|Invalid isoformat string: 'soon'"):
        known.encode_condition({"day": "soon"}, 1)


def test_numbers_of_moments():
    berlin = TimeType("datetime", "us", "Europe/Berlin")
    assert berlin.number("1970-01-01 01:00") == 0.0
    assert berlin.number(dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == 1.0
    assert berlin.number(5) == 5.0
    assert TimeType("datetime", "us").number(dt.date(1970, 1, 2)) == 86400.0
    assert TimeType("time", "us").number("01:00:00.5") == 3600.5
    assert TimeType("duration", "us").number(pd.Timedelta("2h")) == 7200.0
    with pytest.raises(ValueError, match=r"has a zone, and the column has none"):
        TimeType("datetime", "us").number(dt.datetime(1970, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match=r"True is no date"):
        TimeType("date", "D").number(True)


def test_the_type_of_a_name():
    assert TimeType.of("timestamp[us, tz=UTC][pyarrow]") == TimeType("datetime", "us", "UTC")
    assert TimeType.of("Duration[ns]") == TimeType("duration", "ns")
    assert TimeType.of("object[date]") == TimeType("date", "D")
    for name in ("datetime64[D]", "Datetime", "Date[us]", "time64[s]", "datetime64[ns, x y]", "int64", "date32[day]x"):
        assert TimeType.of(name) is None


def test_ticks_stay_within_what_types_hold():
    far = np.array([-np.inf, -1e30, 1e30, np.nan])
    assert TimeType("date", "D").ticks(far).view("datetime64[D]").astype(str).tolist()[:3] == [
        "0001-01-01", "0001-01-01", "9999-12-31",
    ]  # fmt: skip
    assert TimeType("datetime", "ns").ticks(far)[1] < -(2**62)
    assert TimeType("time", "us").ticks(np.array([-1.0, 90000.0])).tolist() == [0, 86400 * 10**6 - 1]
    assert TimeType("duration", "ns").ticks(far)[2] == 2**62 // 10**9 * 10**9
    # Microseconds are exact to the year 2241, nanoseconds for 12 days.
    us, ns = TimeType("datetime", "us"), TimeType("duration", "ns")
    ticks = np.random.default_rng(0).integers(-(2**33), 2**33, 2000) * 10**6 + np.arange(2000) * 499
    assert (us.ticks(us.numbers(ticks, np.zeros(2000, dtype=bool))) == ticks).all()
    ticks = np.random.default_rng(0).integers(-(2**20), 2**20, 2000) * 10**9 + np.arange(2000) * 499_999
    assert (ns.ticks(ns.numbers(ticks, np.zeros(2000, dtype=bool))) == ticks).all()


def test_text_for_people():
    assert TimeType("date", "ms").text(19844.2) == "2024-05-01"
    assert TimeType("datetime", "us").text(1714557600.5) == "2024-05-01T10:00:00.500"
    assert TimeType("datetime", "us", "UTC").text(0.0) == "1970-01-01T00:00:00Z"
    assert TimeType("time", "us").text(3661.0) == "01:01:01"
    assert TimeType("duration", "us").text(90061.5) == "90061.5 s"


def test_clocks_on_the_wall_are_those_of_the_zone():
    generator = np.random.default_rng(2)
    seconds = generator.integers(-2e9, 4e9, 300).astype(float)
    for name in ("Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Casablanca", "UTC+02:00"):
        zone = zone_of(name)
        expected = [dt.datetime.fromtimestamp(one, zone).utcoffset().total_seconds() for one in seconds]
        np.testing.assert_array_equal(utc_offsets(seconds, name), expected)
        wall = on_the_wall(seconds, name)
        np.testing.assert_array_equal(from_the_wall(wall, seconds, name), seconds)
    assert (utc_offsets(seconds, "Atlantis/Sunken") == 0).all()
    assert zone_of("../../etc/passwd") is None


def test_a_schema_describes_times_as_people_write_them():
    days = 3.5 * np.arange(40)
    frame = pd.DataFrame(
        {
            "when": pd.Timestamp("2024-05-01 12:00") + pd.to_timedelta(days, unit="D"),
            "took": pd.to_timedelta(3600 * (days - 7), unit="s"),
            "day": [dt.date(2024, 5, 1) + dt.timedelta(days=int(day)) for day in days],
            "clock": [dt.time(int(day) % 24, 30) for day in days],
            "number": days,
        }
    )
    rows = {row["name"]: row for row in Schema.learn(frame, kind={"*": "continuous"}).describe()}
    assert (rows["when"]["low"], rows["when"]["high"]) == ("2024-05-01T12:00:00", "2024-09-15T00:00:00")
    assert (rows["took"]["low"], rows["took"]["high"]) == ("-7:00:00", "5 days, 9:30:00")
    assert (rows["day"]["low"], rows["day"]["high"]) == ("2024-05-01", "2024-09-14")
    assert (rows["clock"]["low"], rows["clock"]["high"]) == ("00:30:00", "23:30:00")
    assert rows["day"]["mean"] == "2024-07-08"
    assert rows["number"]["high"] == 136.5
