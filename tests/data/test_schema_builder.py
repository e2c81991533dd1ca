"""A schema learnt in pieces is the schema learnt at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core.errors import DataWarning, InputError
from isthmus.data import Schema, SchemaBuilder

RNG = np.random.default_rng(7)
X = RNG.normal(size=(101, 4)) * [1, 10, 100, 1e4] + [0, -5, 1e3, 1e6]


def assert_close(one, other):
    assert [(block.kind, block.shape, block.step > 0) for block in one.blocks] == [
        (block.kind, block.shape, block.step > 0) for block in other.blocks
    ]
    np.testing.assert_allclose(one.columns.shift, other.columns.shift, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(one.columns.scale, other.columns.scale, rtol=1e-11)
    np.testing.assert_array_equal(one.columns.low, other.columns.low)
    np.testing.assert_array_equal(one.columns.high, other.columns.high)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=5))
def test_chunks_and_processes_give_the_schema_of_the_whole(cuts):
    parts = np.split(X, sorted(set(cuts)))
    streamed = SchemaBuilder()
    for part in parts:
        streamed.update(part)
    merged = SchemaBuilder()
    for part in parts:
        merged.merge(SchemaBuilder().update(part))
    assert streamed.n_rows == merged.n_rows == 101
    assert_close(streamed.finish(), Schema.learn(X))
    assert_close(merged.finish(), Schema.learn(X))


def test_row_numbers_in_errors_count_the_rows_before():
    bad = X[:10].copy()
    bad[3, 2] = np.nan
    with pytest.raises(InputError, match=r"NaN: 1 cell, first at row 104, column 2"):
        SchemaBuilder().update(X).update(bad)
    with pytest.raises(InputError, match=r"row 3, column 1 is 5; expected 0 or 1"):
        SchemaBuilder(kind="binary").update(np.array([[0, 1], [1, 1]])).update(np.array([[0, 1], [1, 5]]))


def test_a_refused_chunk_changes_nothing():
    builder = SchemaBuilder().update(X)
    with pytest.raises(InputError, match="NaN"):
        builder.update(np.vstack([X * 100, np.full((1, 4), np.nan)]))
    assert builder.n_rows == 101
    assert builder.finish() == Schema.learn(X)


def test_chunks_of_a_frame_are_matched_by_name():
    frame = pd.DataFrame(X, columns=list("abcd"))
    builder = SchemaBuilder().update(frame[:50]).update(frame[50:][list("dbca")])
    assert_close(builder.finish(), Schema.learn(frame))
    with pytest.raises(InputError, match=r"unseen at fit time:\n- e\n.*missing:\n- d\n"):
        builder.update(frame.rename(columns={"d": "e"}))
    with pytest.raises(InputError, match=r"column 'a' was float64, and now is float32; column 'b' was"):
        builder.update(frame.astype("float32"))
    swapped = pd.DataFrame({"x": [1.0, 2.0], "id": [1, 2]})
    with pytest.warns(DataWarning, match=r"2\*\*53 in column 'id'"):
        SchemaBuilder().update(swapped).update(pd.DataFrame({"id": [2**60, 5], "x": [3.0, 4.0]})).finish()


def test_chunks_of_other_shape_or_container_are_refused():
    builder = SchemaBuilder().update(X)
    with pytest.raises(InputError, match=r"row_shape was \(4,\), and now is \(3,\)"):
        builder.update(X[:, :3])
    with pytest.raises(InputError, match=r"container was array, and now is pandas"):
        builder.update(pd.DataFrame(X))
    with pytest.raises(InputError, match=r"row_shape was \(4,\), and now is \(2,\)"):
        builder.merge(SchemaBuilder().update(X[:, :2]))
    with pytest.raises(InputError, match=r"the same scaling: 'auto' against 'none'\."):
        builder.merge(SchemaBuilder(scaling="none"))


def test_types_of_chunks_are_promoted():
    builder = SchemaBuilder().update(np.array([[1, 2], [3, 500]], dtype=np.int16)).update(np.array([[0.5, 700.0]]))
    schema = builder.finish()
    assert schema.types[0].numpy == "float64"
    assert schema.blocks[0].step == 0.0


def test_no_rows_and_one_row_are_errors():
    with pytest.raises(InputError, match=r"0 sample\(s\) while a minimum of 2"):
        SchemaBuilder().finish()
    with pytest.raises(InputError, match=r"1 sample\(s\) \(shape=\(1, 4\)\) while a minimum of 2 .* from 1 sample"):
        SchemaBuilder().update(X[:1]).finish()
    assert SchemaBuilder().update(X[:1]).merge(SchemaBuilder()).update(X[1:2]).finish().n_features == 4
