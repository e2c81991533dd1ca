"""Columns that are left out: on request, or because they look like identifiers or free text."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from isthmus.core.errors import DataWarning, InputError
from isthmus.data import Schema, SchemaBuilder

RNG = np.random.default_rng(0)
N = 200
FRAME = pd.DataFrame(
    {
        "name": [f"person {row}" for row in range(N)],
        "x": RNG.normal(size=N),
        "notes": [f"{row % 150} and a long story about this row that goes on" for row in range(N)],
        "city": RNG.choice(["Rome", "Oslo", "Kyiv"], N),
        "row": RNG.permutation(N) + 1000,
        "flag": RNG.random(N) < 0.5,
    }
)


def through_json(schema):
    return Schema.from_json(json.loads(json.dumps(schema.to_json(), allow_nan=False)))


def quietly(data, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return Schema.learn(data, **parameters)


def why(schema):
    return {schema.labels[column.source]: column.why for column in schema.roles.ignored}


def test_identifiers_and_free_text_are_named_with_the_way_to_keep_them():
    with pytest.warns(DataWarning) as caught:
        schema = through_json(Schema.learn(FRAME))
    assert [str(one.message) for one in caught] == [
        "3 columns are left out of the model: 'name' (200 of 200 values are distinct, as in an identifier), 'notes' "
        "(free text of 47 characters on average), 'row' (whole numbers that are all distinct and close together, as "
        "row numbers are). Sampled rows will not have them. To model a column all the same, say what it is: "
        "schema={'name': \"categorical\"}; schema={'name': \"ignore\"} leaves it out without this warning."
    ]
    assert why(schema) == {"name": "identifier", "notes": "text", "row": "identifier"}
    assert [block.kind for block in schema.blocks] == ["binary", "continuous", "categorical"]
    assert schema.n_features == 6
    described = {one["name"]: (one["kind"], one.get("why")) for one in schema.describe()}
    assert described["notes"] == ("ignore", "text")
    assert described["city"] == ("categorical", None)
    asked = {"name": "ignore", "notes": "ignore", "row": "ignore"}
    with warnings.catch_warnings(action="error"):
        quiet = Schema.learn(FRAME, kind=asked)
    assert quiet.blocks == schema.blocks
    assert why(quiet) == dict.fromkeys(asked, "asked")
    kept = Schema.learn(FRAME, kind={"name": "categorical", "notes": "categorical", "row": "continuous"})
    assert (why(kept), kept.n_encoded) == ({}, 200 + 150 + 3 + 3)
    numbers = FRAME[["x", "row"]]
    with pytest.warns(
        DataWarning, match=r"^1 column is left out .*will not have it\..*schema=\{'row': \"continuous\"\}"
    ):
        Schema.learn(numbers)


def test_rows_come_with_and_without_them():
    schema = quietly(FRAME)
    features = schema.features(schema.encode(FRAME))
    decoded = schema.decode(features)
    assert list(decoded) == ["x", "city", "flag"]
    pd.testing.assert_frame_equal(decoded, FRAME[list(decoded)], rtol=1e-6)
    assert torch.equal(schema.features(schema.encode(decoded)), features)
    assert torch.equal(schema.features(schema.encode(decoded[["flag", "x", "city"]])), features)
    assert torch.equal(schema.features(schema.encode(FRAME.assign(name=3.5, notes=None))), features)
    pd.testing.assert_frame_equal(schema.decode(features, carried=schema.carried(FRAME)), FRAME, rtol=1e-6)
    some = schema.carried(FRAME).rows(np.array([5, 2]))
    pd.testing.assert_frame_equal(
        schema.decode(features[[5, 2]], carried=some), FRAME.iloc[[5, 2]].reset_index(drop=True), rtol=1e-6
    )
    with pytest.raises(InputError, match="Feature names seen at fit time, yet now missing:\n- x\n"):
        schema.encode(FRAME.drop(columns=["x", "name"]))
    with pytest.raises(InputError, match="expecting 6 features"):
        schema.encode(FRAME.drop(columns=["x", "name"]).set_axis(range(4), axis=1))


@pytest.mark.parametrize("convert", [pl.from_pandas, pa.Table.from_pandas], ids=["polars", "arrow"])
def test_other_libraries_carry_them_too(convert):
    frame = convert(FRAME)
    schema = quietly(frame)
    features = schema.features(schema.encode(frame))
    again = schema.decode(features[:7], carried=schema.carried(frame).rows(slice(0, 7)))
    assert again.schema == frame.schema
    wanted = frame.slice(0, 7)
    for name in ("name", "notes", "row", "city"):
        assert list(again[name]) == list(wanted[name])
    # A table of another library cannot give its own columns.
    assert schema.carried(FRAME).columns == {}


def test_arrays_ignore_by_position():
    rows = np.column_stack([RNG.normal(size=N), np.arange(N), RNG.normal(size=N)])
    schema = through_json(Schema.learn(rows, kind={1: "ignore"}))
    features = schema.features(schema.encode(rows))
    np.testing.assert_allclose(schema.decode(features), rows[:, [0, 2]], rtol=1e-5)
    assert torch.equal(schema.encode(rows[:, [0, 2]]).values, features)
    np.testing.assert_allclose(schema.decode(features, carried=schema.carried(rows)), rows, rtol=1e-5)
    assert Schema.learn(rows).n_encoded == 3  # an array's columns are of one kind: none is guessed away


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pd.Series([f"{row % 140}" for row in range(N)]), None),
        (pd.Series([f"{row % 160}" for row in range(N)]), "identifier"),
        (pd.Series([f"{row}" for row in range(N)], dtype="category"), None),
        (pd.Series(["a" * 1001] * (N - 1) + ["b"]), "text"),
        (pd.Series(np.arange(N) * 4), "identifier"),
        (pd.Series(np.arange(N) * 5), None),
        (pd.Series([*range(N - 1), 0]), None),
        (pd.Series(np.arange(N) * 1.0), None),
        (pd.Series(pd.array(np.arange(N), dtype="Int32")), "identifier"),
        (pd.Series(pd.date_range("2020-01-01", periods=N)), None),
    ],
)
def test_what_looks_like_an_identifier(column, reason):
    frame = pd.DataFrame({"x": FRAME["x"], "it": column})
    assert why(quietly(frame)) == ({} if reason is None else {"it": reason})


def test_nothing_is_concluded_from_few_rows():
    assert why(quietly(FRAME[:19])) == {}
    assert why(quietly(FRAME[["x", "row"]][:99])) == {}


def test_too_many_levels_leave_an_undeclared_column_out():
    rows = 30_000
    frame = pd.DataFrame({"x": np.arange(rows) % 7, "key": [f"k{row % 10_001}" for row in range(rows)]})
    with pytest.warns(
        DataWarning, match=r"'key' \(more than 10,000 levels\).*not have it\. schema=\{'key': \"ignore\"\}"
    ):
        schema = through_json(Schema.learn(frame))
    assert why(schema) == {"key": "levels"}
    with pytest.raises(InputError, match="Column 'key' has 10,001 levels"):
        Schema.learn(frame, kind={"key": "categorical"})
    fits = quietly(frame[frame["key"] != "k7"])
    assert fits.blocks[-1].cardinality == 10_000
    assert fits.rows(frame).nbytes == rows * 8


def test_chunks_judge_as_the_whole_does():
    builder = SchemaBuilder()
    for start in range(0, N, 70):
        builder.update(FRAME[start : start + 70])
    with pytest.warns(DataWarning, match="3 columns are left out"):
        schema = builder.finish()
    assert schema.roles == quietly(FRAME).roles
    assert [block.kind for block in schema.blocks] == [block.kind for block in quietly(FRAME).blocks]


def test_a_table_of_nothing_else_is_refused():
    with pytest.raises(InputError, match=r"^No column is left to model\..*left out: column 'name', column 'row'\."):
        quietly(FRAME[["name", "row"]])
    with pytest.raises(InputError, match="All columns are conditions, the exposure or ignored"):
        Schema.learn(FRAME[["x"]], kind={"x": "ignore"})


def test_mixed_objects_are_refused_with_two_cells():
    mixed = FRAME[["x"]].assign(it=pd.Series([None, "a", 2.5] + ["b"] * (N - 3), dtype=object))
    with pytest.raises(
        InputError,
        match=r"^Column 'it' mixes types: .* Convert all cells",
    ) as caught:
        Schema.learn(mixed)
    assert str(caught.value).startswith("Column 'it' mixes types: row 1 holds 'a' (str), and row 2 holds 2.5 (float).")
    assert str(caught.value).endswith("or leave the column out: schema={'it': \"ignore\"}.")
    schema = Schema.learn(mixed, kind={"it": "ignore"})
    assert list(schema.decode(schema.encode(mixed).values)) == ["x"]
    truth = mixed.assign(it=pd.Series([True, 1] + [False] * (N - 2), dtype=object))
    with pytest.raises(InputError, match=r"row 0 holds True \(bool\), and row 1 holds 1 \(int\)"):
        Schema.learn(truth)
    nested = FRAME[["x"]].assign(it=pd.Series([[1]] * N, dtype=object))
    with pytest.raises(InputError, match=r"not numeric: 'it' \((Object|List.*)\).*schema=\{'it': \"ignore\"\}"):
        Schema.learn(nested)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("why", "mood", "a column is ignored for one of"),
        ("source", 1, "unknown type"),
        ("source", 4, "another order|different columns"),
        ("ordered", None, "`ordered` must be true or false"),
        ("categories", ["a"], "categories of a column that does not come back"),
    ],
)
def test_a_damaged_description_is_refused(path, value, message):
    description = quietly(FRAME).to_json()
    description["ignored"][0][path] = value
    with pytest.raises(InputError, match=rf"Not a schema: .*({message})"):
        Schema.from_json(description)
