"""Dates and datetimes whose weekdays and hours are uneven."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from isthmus.core.errors import InputError
from isthmus.data.calendar import CalendarCurve, calendar_curve
from isthmus.data.columns import Columns
from isthmus.data.datetimes import DAY, TimeType
from isthmus.data.schema import Schema
from isthmus.estimators.autoencoder import Autoencoder

MONDAY = pd.Timestamp("2022-01-03")
BERLIN = TimeType("datetime", "us", "Europe/Berlin")


def office_hours(n: int, step: int, zone: str | None = None, weeks: int = 104) -> pd.Series:
    """Moments from Monday to Friday, from nine to six."""
    rng = np.random.default_rng(0)
    days = rng.integers(0, weeks, n) * 7 + rng.integers(0, 5, n)
    seconds = np.clip(rng.normal(13, 2, n), 9, 17.99) * 3600 // step * step
    moments = pd.Series(MONDAY + pd.to_timedelta(days, unit="D") + pd.to_timedelta(seconds, unit="s")).dt.as_unit("us")
    return moments if zone is None else moments.dt.tz_localize(zone)


def share_outside(moments: pd.Series) -> float:
    return float(((moments.dt.day_of_week >= 5) | (moments.dt.hour < 9) | (moments.dt.hour >= 18)).mean())


def seconds_of(moments: pd.Series) -> np.ndarray:
    return np.sort(moments.astype("int64").to_numpy() / 1e6)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize(("n", "step", "parts"), [(300, 60, 168), (2000, 3600, 672), (2000, 1, 672)])
def test_numbers_drawn_evenly_become_moments_in_the_hours_of_the_data(
    n: int, step: int, parts: int, zone: str | None
) -> None:
    table = pd.DataFrame({"when": office_hours(n, step, zone)})
    schema = Schema.learn(table, missing="model")
    curve = schema.columns.curves[0]
    assert isinstance(curve, CalendarCurve)
    assert len(curve.shares) == parts
    values = schema.encode(table).values
    back = schema.decode(values)["when"]
    assert back.dtype == table["when"].dtype
    # float32 leaves a few seconds of two years; rounding to whole minutes and hours takes them away.
    assert (back - table["when"]).abs().max() <= pd.Timedelta(seconds=0 if step > 1 else 6)
    even = torch.linspace(float(values.min()), float(values.max()), 5000).unsqueeze(1)
    drawn = schema.decode(even)["when"]
    assert share_outside(drawn) < 0.002
    plain = Schema.learn(table, scaling="column", missing="model").decode(even)["when"]
    assert share_outside(plain) > 0.6
    found, expected = (one.dt.hour.value_counts(normalize=True) for one in (drawn, table["when"]))
    assert np.abs(found.sub(expected, fill_value=0)).max() < 0.02


def test_days_of_the_week_that_the_data_do_not_have_are_not_drawn() -> None:
    for unit, days in (("date", office_hours(500, DAY).dt.date), ("datetime", office_hours(500, DAY).dt.normalize())):
        table = pd.DataFrame({"day": days})
        schema = Schema.learn(table, missing="model")
        assert len(schema.columns.curves[0].shares) == 7, unit
        values = schema.encode(table).values
        assert (schema.decode(values)["day"] == table["day"]).all()
        drawn = schema.decode(torch.linspace(float(values.min()), float(values.max()), 3000).unsqueeze(1))["day"]
        assert (pd.to_datetime(drawn).dt.day_of_week >= 5).mean() < 0.002


def test_the_map_is_increasing_and_undone_where_clocks_change() -> None:
    curve = calendar_curve(seconds_of(office_hours(2000, 60, "Europe/Berlin")), BERLIN, 60.0)
    assert curve is not None
    for change in ("2022-03-27T01:00", "2022-10-30T01:00"):
        around = pd.Timestamp(change, tz="UTC").timestamp() + np.arange(-4, 4, 1 / 60) * 3600
        mapped = curve.forward(around)
        assert (np.diff(mapped) > 0).all()
        assert np.diff(mapped).max() < 1e-6  # nights are short, and the hour that comes twice, or not, makes no jump
        assert np.abs(curve.inverse(mapped) - around).max() < 0.05
    moments = seconds_of(office_hours(500, 1, "Europe/Berlin"))
    assert np.abs(curve.inverse(curve.forward(moments)) - moments).max() < 1e-5
    noon = pd.Timestamp("2022-07-04T12:00", tz="Europe/Berlin").timestamp()
    winter = pd.Timestamp("2022-12-05T12:00", tz="Europe/Berlin").timestamp()
    # From noon to noon by the clocks on the wall, though these went back an hour between.
    assert curve.forward(np.array([winter]))[0] - curve.forward(np.array([noon]))[0] == pytest.approx(22, abs=1e-5)


def test_slopes_are_the_derivative_and_missing_moments_stay_missing() -> None:
    curve = CalendarCurve(np.array([0.1, 0.2, 0.3, 0.1, 0.1, 0.15, 0.05]), 1.0, 0.5)
    days = np.array([-3.2, 0.1, 1.9, 3.4, 19000.7])
    numeric = (curve.forward(days + 1e-4) - curve.forward(days - 1e-4)) / 2e-4
    assert np.exp(curve.log_slope(days)) == pytest.approx(numeric, rel=1e-6)
    # Half a day before midnight the first part begins: day 0, the first of the era, lies in its middle.
    assert curve.forward(np.array([0.0, 0.5, 1.0])) == pytest.approx([0.05, 0.1, 0.2])
    gone = np.array([np.nan, 2.0])
    assert np.isnan(curve.forward(gone)).tolist() == [True, False]
    table = pd.DataFrame({"when": office_hours(300, 60)}).mask(lambda one: one.index.to_series() % 5 == 0, axis=0)
    schema = Schema.learn(table, missing="model")
    restored = schema.decode(schema.features(schema.encode(table)), restore_missing=True)
    pd.testing.assert_frame_equal(restored, table)


def test_even_times_and_too_few_need_nothing() -> None:
    hourly = np.arange(3000) * 3600.0
    plain = TimeType("datetime", "us")
    assert calendar_curve(hourly, plain, 3600.0) is None
    assert calendar_curve(np.arange(700.0), TimeType("date", "D"), 1.0) is None
    rng = np.random.default_rng(0)
    assert calendar_curve(np.sort(rng.uniform(0, 3e7, 2000)), plain, 0.0) is None
    rush = np.sort(np.concatenate([rng.uniform(0, 3e7, 500), rng.uniform(9, 17, 1500) * 3600]))
    assert calendar_curve(rush, plain, 0.0) is None  # a single day's hours are no habit
    office = seconds_of(office_hours(300, 60))
    assert calendar_curve(office, plain, 60.0) is not None
    assert calendar_curve(office[:90], plain, 60.0) is None
    assert calendar_curve(seconds_of(office_hours(300, 60, weeks=1)), plain, 60.0) is None
    assert calendar_curve(office % DAY, TimeType("time", "us"), 60.0) is None


def test_curves_are_written_exactly_and_nothing_else_is_read() -> None:
    table = pd.DataFrame({"when": office_hours(300, 60, "Europe/Berlin")})
    schema = Schema.learn(table, missing="model")
    again = Schema.from_json(json.loads(json.dumps(schema.to_json())))
    assert torch.equal(again.encode(table).values, schema.encode(table).values)
    described = schema.columns.to_json()
    curve: dict[str, Any] = described["curves"]["0"]
    wrong: list[dict[str, Any]] = [
        {"shares": curve["shares"][:-1]},
        {"shares": [0.0, *curve["shares"][1:]]},
        {"shares": "1"},
        {"shares": [True] * 7},
        {"day": 2.0},
        {"offset": -1.0},
        {"zone": 3},
        {"more": 1},
    ]
    for change in wrong:
        with pytest.raises(InputError, match="is no curve"):
            Columns.from_json({**described, "curves": {"0": {**curve, **change}}}, np.arange(1))
    with pytest.raises(InputError, match=r"zone 'Mars/Olympus', which is not known here.*tzdata"):
        Columns.from_json({**described, "curves": {"0": {**curve, "zone": "Mars/Olympus"}}}, np.arange(1))


def test_a_model_draws_office_hours() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"when": office_hours(400, 60, "Europe/Berlin"), "x": rng.normal(size=400)})
    model = Autoencoder(latent_dim=2, max_epochs=3, random_state=0).fit(table)
    drawn = model.sample(1000, random_state=0)["when"]
    assert drawn.dtype == table["when"].dtype
    assert share_outside(drawn) < 0.02
    assert (drawn.dt.second == 0).all()
    column = next(one for one in model.schema_.describe() if one["name"] == "when")
    assert column["curve"] == "calendar"
