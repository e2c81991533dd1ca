"""Decimals and ranges: what is decoded looks like what was learnt."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from isthmus.core.errors import InputError, ParameterError
from isthmus.core.named_columns import NamedColumns
from isthmus.data import Schema, SchemaBuilder
from isthmus.data.matrix import ColumnType
from isthmus.data.resolution import Resolution, rounded

GENERATOR = np.random.default_rng(3)
N = 60
FRAME = pd.DataFrame(
    {
        "price": np.round(GENERATOR.uniform(0, 90, N) * 20) / 20,
        "whole": GENERATOR.integers(-50, 50, N).astype(float),
        "fine": GENERATOR.normal(size=N),
        "six": np.round(GENERATOR.normal(size=N), 6),
        "small": np.round(GENERATOR.normal(size=N), 1).astype(np.float32),
        "huge": GENERATOR.normal(size=N) * 1e12,
        "flag": GENERATOR.integers(0, 2, N).astype(float),
        "int": GENERATOR.integers(0, 900, N),
    }
)
STEPS = {"price": 0.01, "whole": 1.0, "fine": 0.0, "six": 1e-6, "small": 0.1, "huge": 0.0, "flag": 0.0, "int": 0.0}


def steps(schema):
    names = [list(FRAME)[source] for source in schema.columns.source]
    return dict(zip(names, schema.columns.step.tolist(), strict=True))


def test_decimals_are_found_and_decoded():
    schema = Schema.from_json(json.loads(json.dumps(Schema.learn(FRAME).to_json())))
    assert steps(schema) == STEPS
    decoded = schema.decode(GENERATOR.normal(size=(300, 8)))
    assert (decoded.dtypes == FRAME.dtypes).all()
    for name, decimals in {"price": 2, "whole": 0, "six": 6, "small": 1}.items():
        values = decoded[name].to_numpy()
        # The very floats that the decimals are written as.
        assert (values == np.round(values.astype(float), decimals).astype(values.dtype)).all()
        assert len(np.unique(values)) > 20
    assert ((decoded["flag"] > 0) & (decoded["flag"] < 1)).any()
    assert (decoded["fine"] != decoded["fine"].round(6)).any()
    unrounded = schema.decode(GENERATOR.normal(size=(300, 8)), dtype="float64")
    assert (unrounded["whole"] != unrounded["whole"].round()).any()


def test_decoded_values_stay_within_the_range_unless_asked():
    features = GENERATOR.normal(size=(500, 8)) * 10
    decoded = Schema.learn(FRAME).decode(features)
    assert (decoded.min() >= FRAME.min()).all()
    assert (decoded.max() <= FRAME.max()).all()
    assert (decoded.min() == FRAME.min())[["price", "whole", "int"]].all()
    free = Schema.learn(FRAME, extrapolate=True)
    assert not free.within_range
    outside = free.decode(features)
    assert (outside[["price", "whole", "fine", "int"]].max() > FRAME[["price", "whole", "fine", "int"]].max()).all()
    assert ((outside["flag"] >= 0) & (outside["flag"] <= 1)).all()
    table = NamedColumns(tuple("ab"), FRAME[["fine", "price"]].to_numpy())
    assert Schema.learn(table).decode(features[:, :2]).values.max() == FRAME["price"].max()


def test_arrays_are_left_as_they_were():
    X = FRAME[["price", "whole"]].to_numpy()
    schema = Schema.learn(X)
    assert schema.columns.step is None
    assert not schema.within_range
    assert not {"within_range", "step", "curves"} & {*schema.to_json(), *schema.to_json()["columns"]}
    decoded = schema.decode(GENERATOR.normal(size=(300, 2)) * 10)
    assert decoded.max() > X.max()
    assert (decoded != decoded.round(3)).any()


def test_counts_stay_within_the_range_too():
    frame = pl.DataFrame({"visits": [0, 2, 9, 4], "x": [0.5, 1.25, 3.5, 2.0]})
    schema = Schema.learn(frame, kind={"visits": "count"})
    assert schema.decode(np.array([[1.0, 30.0], [1.0, -3.0]]))["visits"].to_list() == [9, 0]


def test_learning_in_chunks_finds_the_same_steps():
    streamed, merged = SchemaBuilder(), SchemaBuilder()
    for start in range(0, N, 7):
        streamed.update(FRAME[start : start + 7])
        merged.merge(SchemaBuilder().update(FRAME[start : start + 7]))
    for builder in (streamed, merged):
        assert steps(builder.finish()) == STEPS
    with pytest.raises(InputError, match=r"the same extrapolate: False against True"):
        SchemaBuilder().merge(SchemaBuilder(extrapolate=True))
    with pytest.raises(ParameterError, match=r"extrapolate"):
        Schema.learn(FRAME, extrapolate="yes")


def test_holes_do_not_count():
    rows = np.array([[0.5, np.nan, np.nan], [np.nan, 0.25, np.nan]])
    types = [ColumnType("float64")] * 3
    assert Resolution.of(rows, types).steps(types).tolist() == [0.1, 0.01, 1.0]


def test_rounding_is_to_the_written_decimal():
    values = np.array([0.1 + 0.2, 2.675000001, -0.049999, 1e300, 3.0])
    assert rounded(values, 0.01).tolist() == [0.3, 2.68, -0.05, 1e300, 3.0]
    assert rounded(np.array([89.0, 91.0]), 60.0).tolist() == [60.0, 120.0]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("step", 0.05, r"a step must be one of"),
        ("step", [0.1], r"`step` must have 8 entries"),
        ("curves", {"8": {"curve": "log", "offset": 0.0, "start": 1.0}}, r"`curves` must be by column"),
        ("curves", {"0": {"curve": "log", "offset": 0.0, "start": 0.0}}, r"is no curve"),
        ("curves", {"0": {"curve": "log", "offset": "1", "start": 0.0}}, r"is no curve"),
        ("curves", {"0": {"curve": "quantile", "values": [1, 1], "scores": [0, 1]}}, r"is no curve"),
        ("curves", {"0": {"curve": "quantile", "values": [1, 2], "scores": [1, 0]}}, r"is no curve"),
        ("curves", {"0": {"curve": "quantile", "values": [1], "scores": [1]}}, r"is no curve"),
        ("curves", {"0": {"curve": "spline"}}, r"is no curve"),
        ("curves", [], r"`curves` must be by column"),
    ],
)
def test_damaged_descriptions_are_refused(key, value, message):
    description = Schema.learn(FRAME).to_json()
    description["columns"][key] = value
    with pytest.raises(InputError, match=message):
        Schema.from_json(description)


def test_range_and_steps_are_for_frames():
    description = Schema.learn(FRAME.to_numpy()).to_json()
    with pytest.raises(InputError, match=r"within_range is for frames"):
        Schema.from_json({**description, "within_range": True})
    description["columns"]["step"] = 1.0
    with pytest.raises(InputError, match=r"steps or curves of an array"):
        Schema.from_json(description)
    frame = pd.DataFrame({"when": pd.to_datetime(["2020-01-01", "2020-01-02"]), "x": [1.0, 2.0]})
    description = Schema.learn(frame).to_json()
    for pair in (["int64", "datetime64[us]"], ["float64", "Datetime[us]"], ["float64", "datetime64[us, a b]"]):
        with pytest.raises(InputError, match=r"Not a schema: "):
            Schema.from_json({**description, "types": [pair, description["types"][1]]})
