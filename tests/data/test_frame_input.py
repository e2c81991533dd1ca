"""Frames of every library: same numbers, same names, same types on the way back."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from isthmus.core.errors import DataWarning, InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.data import Schema

COLUMNS = {
    "age": np.array([20, 35, 61, 44]),
    "sex": np.array([0, 1, 1, 0]),
    "income": np.array([1.5, 2.5, -3.0, 8.0]),
    "ill": np.array([True, False, False, True]),
    "weight": np.array([60, 71, 80, 95], dtype=np.float32),
}
MATRIX = np.column_stack([column.astype(float) for column in COLUMNS.values()])
FRAMES = {
    "pandas": pd.DataFrame(COLUMNS),
    "polars": pl.DataFrame(COLUMNS),
    "arrow": pa.table(COLUMNS),
    "columns": NamedColumns(tuple(COLUMNS), MATRIX),
}


def features(schema, frame):
    return schema.encode(frame).values


@pytest.mark.parametrize("container", FRAMES)
def test_a_frame_comes_back_as_it_was(container):
    frame = FRAMES[container]
    schema = Schema.learn(frame)
    assert schema.container == container
    assert schema.feature_names == tuple(COLUMNS)
    assert [(block.kind, block.width) for block in schema.blocks] == [("binary", 2), ("continuous", 3)]
    decoded = schema.decode(features(schema, frame))
    assert type(decoded) is type(frame)
    if container == "columns":
        assert decoded.names == frame.names
        np.testing.assert_allclose(decoded.values, frame.values, rtol=1e-6, atol=1e-6)
        return
    before, after = nw.from_native(frame), nw.from_native(decoded)
    assert after.schema == before.schema
    for name in COLUMNS:
        np.testing.assert_allclose(after[name].to_numpy().astype(float), COLUMNS[name].astype(float), rtol=1e-6)


def test_all_containers_encode_to_the_same_numbers():
    schemas = {container: Schema.learn(frame) for container, frame in FRAMES.items()}
    expected = features(schemas["pandas"], FRAMES["pandas"])
    for schema in schemas.values():
        for frame in FRAMES.values():
            assert torch.equal(features(schema, frame), expected)


def test_native_pandas_types_and_nullable_columns():
    frame = pd.DataFrame(
        {
            "a": pd.array([1, 0, 1], dtype="Int64"),
            "b": pd.array([True, False, True], dtype="boolean"),
            "c": pd.array([1.5, 2.5, 0.0], dtype="Float64"),
            "d": pd.array([1, 5, 7], dtype="int16[pyarrow]"),
            "e": np.array([1, 2, 4], dtype=np.float16),
            "f": pd.array([1.0, 2.0, 4.0], dtype="double[pyarrow]"),
        }
    )
    schema = Schema.from_json(Schema.learn(frame).to_json())
    pd.testing.assert_frame_equal(schema.decode(features(schema, frame)), frame, rtol=1e-6, atol=1e-6)
    assert set(schema.decode(features(schema, frame), dtype="float64").dtypes) == {np.dtype("float64")}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": [1.0, 2.0, 3.0], "age": [1.0, np.nan, np.nan]}),
        pd.DataFrame({"x": [1.0, 2.0, 3.0], "age": pd.array([1, None, None], dtype="Int64")}),
        pd.DataFrame({"x": [1.0, 2.0, 3.0], "age": pd.array([True, None, None], dtype="boolean")}),
        pl.DataFrame({"x": [1.0, 2.0, 3.0], "age": [1, None, None]}),
        pl.DataFrame({"x": [1.0, 2.0, 3.0], "age": [1.0, None, float("nan")]}),
        pa.table({"x": [1.0, 2.0, 3.0], "age": pa.array([True, None, None])}),
        NamedColumns(("x", "age"), np.array([[1, 1], [2, np.nan], [3, np.nan]])),
    ],
    ids=["pandas", "Int64", "boolean", "polars", "polars nan", "arrow", "columns"],
)
def test_missing_cells_are_named(frame):
    with pytest.raises(InputError, match=r"contains NaN: 2 cells, first at row 1, column 'age'"):
        Schema.learn(frame)


@pytest.mark.parametrize("container", ["pandas", "polars", "arrow", "columns"])
def test_columns_in_another_order_give_the_identical_result(container):
    frame = FRAMES[container]
    schema = Schema.learn(frame)
    order = [3, 0, 4, 2, 1]
    names = [list(COLUMNS)[place] for place in order]
    other = NamedColumns(tuple(names), MATRIX[:, order]) if container == "columns" else nw.from_native(frame)
    other = other if container == "columns" else other.select(names).to_native()
    assert torch.equal(features(schema, other), features(schema, frame))


def test_missing_and_unexpected_columns_are_listed():
    schema = Schema.learn(FRAMES["pandas"])
    with pytest.raises(InputError) as caught:
        schema.rows(FRAMES["pandas"].rename(columns={"age": "Age"}).drop(columns=["sex"]))
    assert (
        "Feature names unseen at fit time:\n- Age\nFeature names seen at fit time, yet now missing:\n- age\n- sex\n"
        in str(caught.value)
    )
    assert str(caught.value).startswith("The feature names should match those that were passed during fit.\n")
    many = pd.DataFrame({f"c{place:02}": [1.0, 2.0] for place in range(30)})
    with pytest.raises(InputError, match=r"- c09\n- \.\.\. and 20 more\n"):
        schema.rows(many)


def test_arrays_go_where_frames_were_and_back():
    schema = Schema.learn(FRAMES["pandas"])
    assert torch.equal(features(schema, MATRIX), features(schema, FRAMES["pandas"]))
    by_array = Schema.learn(MATRIX)
    assert torch.equal(features(by_array, FRAMES["polars"]), features(by_array, MATRIX))
    with pytest.raises(InputError, match=r"X has 4 features, but VAE is expecting 5 features"):
        schema.rows(MATRIX[:, :4], "VAE")


def test_columns_that_are_not_numeric_are_named_with_their_type():
    frame = pl.DataFrame({"x": [1.0, 2.0], "city": ["a", "b"], "days": [["2020-01-01"], []], "raw": [b"a", b"b"]})
    with pytest.raises(InputError, match=r"'days' \(List\(String\)\), 'raw' \(Binary\)\."):
        Schema.learn(frame)
    categories = pd.DataFrame({"c": pd.Categorical(["a", "b"]), "x": [1.0, 2.0]})
    with pytest.raises(InputError, match=r"not numeric: 'c' \(Categorical\).*schema=\{'c': \"categorical\"\}"):
        Schema.learn(categories, kind={"c": "continuous"})


def test_duplicate_names_lazy_frames_and_empty_frames():
    with pytest.raises(InputError, match=r"Duplicate column names: \['a'\]"):
        Schema.learn(pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]))
    with pytest.raises(InputError, match=r"Duplicate column names: \['a'\]"):
        Schema.learn(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(InputError, match=r"Duplicate column names: \['a'\]"):
        NamedColumns(("a", "a"), np.ones((1, 2)))
    with pytest.raises(InputError, match=r"lazy frame\. Collect it first: X\.collect\(\)"):
        Schema.learn(pl.LazyFrame({"a": [1, 2]}))
    with pytest.raises(InputError, match=r"0 sample\(s\) \(shape=\(0, 1\)\)"):
        Schema.learn(pd.DataFrame({"a": np.array([], dtype=float)}))
    with pytest.raises(InputError, match=r"0 feature\(s\) \(shape=\(3, 0\)\)"):
        Schema.learn(pd.DataFrame(index=[0, 1, 2]))
    with pytest.raises(InputError, match="Reshape your data"):
        Schema.learn(pd.Series([1.0, 2.0]))
    with pytest.raises(InputError, match="Reshape your data"):
        Schema.learn(pl.Series([1.0, 2.0]))


@pytest.mark.parametrize("labels", [[0, 1, 2], [("a", "x"), ("a", "y"), ("b", "x")], ["a", 1, 2.5]])
def test_labels_that_are_not_text_go_by_position(labels):
    frame = pd.DataFrame([[1.0, 0, 5], [2.0, 1, 7], [4.0, 0, 1]], columns=pd.Index(labels))
    schema = Schema.from_json(Schema.learn(frame).to_json())
    assert schema.feature_names is None
    decoded = schema.decode(features(schema, frame))
    pd.testing.assert_frame_equal(decoded, frame, rtol=1e-6, atol=1e-6, check_column_type=False)
    np.testing.assert_array_equal(features(schema, frame.to_numpy()), features(schema, frame))


def test_labels_that_json_cannot_hold_are_refused():
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 5.0]], columns=pd.to_datetime(["2020-01-01", "2020-01-02"]))
    with pytest.raises(InputError, match=r"column label .* is of type Timestamp\. Rename the columns to text"):
        Schema.learn(frame)


def test_the_users_frame_and_its_index_stay_as_they_were():
    frame = FRAMES["pandas"].set_index(pd.Index([9, 8, 7, 6]))
    before = frame.copy()
    schema = Schema.learn(frame)
    schema.rows(frame).to_resident()
    pd.testing.assert_frame_equal(frame, before)
    assert schema.decode(features(schema, frame)).index.tolist() == [0, 1, 2, 3]


def test_anything_with_the_arrow_interface_is_a_table():
    class Exporter:
        def __arrow_c_stream__(self, requested_schema=None):
            return FRAMES["arrow"].__arrow_c_stream__(requested_schema)

    schema = Schema.learn(Exporter())
    assert schema.container == "arrow"
    assert torch.equal(features(schema, Exporter()), features(schema, FRAMES["arrow"]))


def test_narwhals_frames_are_their_native_frames():
    assert Schema.learn(nw.from_native(FRAMES["polars"])) == Schema.learn(FRAMES["polars"])


def test_identifiers_in_a_frame_are_warned_of_by_name():
    with pytest.warns(DataWarning, match=r"Integers beyond 2\*\*53 in column 'id'"):
        Schema.learn(pd.DataFrame({"x": [1.0, 2.0], "id": [2**60, 2**60 + 2**10]}))


def test_named_columns_are_an_array_with_names():
    table = FRAMES["columns"]
    assert (len(table), table.shape) == (4, (4, 5))
    np.testing.assert_array_equal(np.asarray(table), MATRIX)
    assert np.asarray(table, dtype=np.float32).dtype == np.float32
    copied = np.array(table, copy=True)
    assert not np.shares_memory(copied, MATRIX)
    with pytest.raises(ValueError, match="needs a copy"):
        np.array(table, dtype=np.float32, copy=False)
    with pytest.raises(InputError, match=r"2 column names do not fit values of shape \(1, 3\)"):
        NamedColumns(("a", "b"), np.ones((1, 3)))
