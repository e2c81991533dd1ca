"""Levels: one-hot by column, grouped by their number, and back in the user's own types."""

from __future__ import annotations

import json
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch

from isthmus.core.errors import DataWarning, InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.data import Schema, SchemaBuilder

CODES = np.array([[0, 5, 2], [1, 7, 2], [2, 5, 9], [0, 7, 9]])
ONE_HOT = [
    [1, 0, 1, 0, 1, 0, 0],
    [0, 1, 1, 0, 0, 1, 0],
    [1, 0, 0, 1, 0, 0, 1],
    [0, 1, 0, 1, 1, 0, 0],
]
WORDS = ["b", "a", "c", "a"]
FRAME = pd.DataFrame(
    {
        "x": [1.0, 2.0, 4.0, 8.0],
        "city": WORDS,
        "size": pd.Categorical(["L", "S", "L", "S"], categories=["S", "M", "L"], ordered=True),
        "flag": [True, False, True, True],
        "code": [7, 7, 2**60 + 1, 2**60],
    }
)
KINDS = {"city": "categorical", "size": "categorical", "flag": "categorical", "code": "categorical"}


def through_json(schema):
    return Schema.from_json(json.loads(json.dumps(schema.to_json(), allow_nan=False)))


def test_columns_with_as_many_levels_make_one_block():
    schema = through_json(Schema.learn(CODES, kind="categorical"))
    assert [(b.kind, b.start, b.stop, b.shape, b.cardinality, b.step) for b in schema.blocks] == [
        ("categorical", 0, 4, (4,), 2, 0.0),
        ("categorical", 4, 7, (3,), 3, 0.0),
    ]
    np.testing.assert_array_equal(schema.features(schema.encode(CODES)), ONE_HOT)
    assert schema.features(schema.encode(CODES)).dtype == torch.float32
    variance = np.array(ONE_HOT).var(axis=0)
    assert schema.blocks[0].variance == pytest.approx(variance[:4].mean())
    assert schema.blocks[1].variance == pytest.approx(variance[4:].mean())
    assert (schema.n_features, schema.n_encoded) == (3, 7)
    assert schema.log_jacobian() == 0.0
    assert schema.shift.tolist() == [0] * 7
    assert schema.scale.tolist() == [1] * 7


@pytest.mark.parametrize("dtype", ["u1", "i4", "u8", ">i8", "f2", "f4", "f8", "longdouble"])
def test_levels_come_back_in_every_type(dtype):
    data = CODES.astype(dtype)
    schema = through_json(Schema.learn(data, kind="categorical"))
    decoded = schema.decode(schema.features(schema.encode(data)))
    assert decoded.dtype == data.dtype.newbyteorder("=")
    np.testing.assert_array_equal(decoded, CODES)
    assert not schema.stored_uint8


def test_any_numbers_are_levels():
    data = np.array([[-1.5, 0.1], [2.0, 1e300], [-1.5, 1e300]])
    schema = Schema.learn(data, kind="categorical")
    np.testing.assert_array_equal(schema.decode(schema.features(schema.encode(data))), data)
    truth = np.array([[True, False], [False, False]])
    with pytest.warns(DataWarning, match=r"1 of 2 columns are constant and carry nothing: column 1\."):
        schema = Schema.learn(truth, kind="categorical")
    assert schema.features(schema.encode(truth)).tolist() == [[1, 0, 1], [1, 1, 0]]
    assert schema.decode(schema.features(schema.encode(truth))).dtype == bool


def test_decoding_takes_the_most_likely_level_of_each_column():
    schema = Schema.learn(CODES, kind="categorical")
    probabilities = np.array([[0.4, 0.6, 0.9, 0.1, 0.2, 0.5, 0.3]])
    assert schema.decode(probabilities).tolist() == [[1, 7, 2]]
    assert schema.decode(torch.tensor(probabilities)).tolist() == [[1, 7, 2]]
    with pytest.raises(InputError, match=r"must have shape \(n, 7\); got \(1, 3\)"):
        schema.decode(np.zeros((1, 3)))
    with pytest.raises(InputError, match="contain NaN"):
        schema.decode(np.full((1, 7), np.nan))
    assert schema.decode(np.zeros((0, 7))).shape == (0, 3)


def test_rows_in_any_order_and_matrix_format_encode_alike():
    rng = np.random.default_rng(0)
    data = rng.integers(0, 4, size=(5000, 30))
    schema = Schema.learn(data, kind="categorical")
    rows = schema.rows(data)
    whole = rows.take(slice(None))
    np.testing.assert_array_equal(whole.levels, data)
    assert (whole.levels.dtype, whole.values.shape) == (torch.int32, (5000, 0))
    expected = (data[:, :, None] == np.arange(4)).reshape(5000, 120)
    np.testing.assert_array_equal(schema.features(whole), expected)
    order = rng.permutation(5000)
    assert torch.equal(rows.take(order).levels, whole.levels[order])
    assert torch.equal(rows.take(torch.from_numpy(order[:7])).levels, whole.levels[order[:7]])
    assert torch.equal(rows.take(slice(900, 3, -11)).levels, whole.levels[list(range(900, 3, -11))])
    assert torch.equal(schema.encode(sp.csc_array(data)).levels, whole.levels)
    assert rows.nbytes == whole.nbytes == 5000 * 30 * 4
    assert torch.equal(rows.to_resident().take(order[:9]).levels, whole.levels[order[:9]])


@pytest.mark.parametrize("convert", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas], ids=["pd", "pl", "pa"])
def test_a_mixed_frame_comes_back_as_it_was(convert):
    frame = convert(FRAME)
    schema = through_json(Schema.learn(frame, kind=KINDS))
    assert [(block.kind, block.width, block.cardinality) for block in schema.blocks] == [
        ("continuous", 1, 0),
        ("categorical", 4, 2),
        ("categorical", 6, 3),
    ]
    decoded = schema.decode(schema.features(schema.encode(frame)))
    assert type(decoded) is type(frame)
    again = decoded if isinstance(decoded, pd.DataFrame) else decoded.to_pandas()
    expected = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()
    pd.testing.assert_frame_equal(again, expected, rtol=1e-6)


def test_levels_are_sorted_or_in_the_order_of_their_categories():
    schema = Schema.learn(FRAME, kind=KINDS)
    levels = {FRAME.columns[column.source]: column.levels.values for column in schema.roles.categorical}
    assert levels == {
        "size": ("S", "L"),  # M is a category that no row has
        "flag": (False, True),
        "city": ("a", "b", "c"),
        "code": (7, 2**60, 2**60 + 1),
    }
    assert [column.source for column in schema.roles.categorical] == [2, 3, 1, 4]
    decoded = schema.decode(schema.features(schema.encode(FRAME)))
    assert decoded["size"].cat.categories.tolist() == ["S", "M", "L"]
    assert decoded["size"].cat.ordered


def test_types_of_text_come_back():
    names = {
        "object": pd.Series(WORDS, dtype=object),
        "str": pd.Series(WORDS, dtype="str"),
        "string": pd.Series(WORDS, dtype="string"),
        "arrow": pd.Series(WORDS, dtype=pd.ArrowDtype(pa.string())),
        "numbers": pd.Series(pd.Categorical([3, 1, 3, 2], categories=[3, 1, 2])),
    }
    frame = pd.DataFrame(names)
    schema = through_json(Schema.learn(frame, kind="categorical"))
    pd.testing.assert_frame_equal(schema.decode(schema.features(schema.encode(frame))), frame)
    frame = pl.DataFrame(
        {"enum": pl.Series(WORDS, dtype=pl.Enum(["c", "b", "a", "d"])), "cat": pl.Series(WORDS, dtype=pl.Categorical)}
    )
    schema = through_json(Schema.learn(frame, kind="categorical"))
    assert [column.levels.values for column in schema.roles.categorical] == [("c", "b", "a"), ("a", "b", "c")]
    assert schema.decode(schema.features(schema.encode(frame))).equals(frame)
    assert schema.decode(schema.features(schema.encode(frame))).schema == frame.schema
    table = pa.table(
        {
            "plain": pa.array(WORDS),
            "large": pa.array(WORDS, pa.large_string()),
            "codes": pa.array(WORDS).dictionary_encode(),
            "small": pa.array(WORDS).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
            "years": pa.array([3, 1, 3, 2]).dictionary_encode(),
        }
    )
    schema = through_json(Schema.learn(table, kind="categorical"))
    decoded = schema.decode(schema.features(schema.encode(table)))
    assert decoded.schema == table.schema
    assert decoded.to_pylist() == table.to_pylist()


def test_frames_of_other_libraries_and_orders_encode_alike():
    schema = Schema.learn(FRAME, kind=KINDS)
    expected = schema.features(schema.encode(FRAME))
    assert torch.equal(schema.features(schema.encode(pl.from_pandas(FRAME))), expected)
    assert torch.equal(schema.features(schema.encode(FRAME[["flag", "code", "size", "x", "city"]])), expected)
    assert torch.equal(schema.features(schema.rows(FRAME).take(np.array([3, 0]))), expected[[3, 0]])
    numbers = pd.DataFrame({"x": [1.0, 2.0], "size": pd.Categorical([3, 1], categories=[3, 1])})
    schema = Schema.learn(numbers, kind={"size": "categorical"})
    plain = numbers.assign(size=[3, 1])
    assert torch.equal(schema.features(schema.encode(plain)), schema.features(schema.encode(numbers)))
    assert schema.features(schema.encode(numbers))[:, 1:].tolist() == [[1, 0], [0, 1]]


def test_named_columns_hold_levels_too():
    table = NamedColumns(("a", "b"), np.array([[1.0, 3.0], [2.0, 4.5], [1.0, 5.0]]))
    schema = Schema.learn(table, kind={"a": "categorical"})
    decoded = schema.decode(schema.features(schema.encode(table)))
    assert decoded.names == table.names
    np.testing.assert_allclose(decoded.values, table.values, rtol=1e-6)


def test_unseen_levels_are_unknown_and_named_with_those_that_are_known():
    schema = Schema.learn(CODES, kind="categorical")
    bad = CODES.copy()
    bad[2, 1] = 6
    rows = schema.rows(bad)
    with pytest.warns(
        DataWarning,
        match=r"level 6 at row 2, column 1, which was not seen in training\. Known levels: 5, 7\. Such cells count as "
        r"unknown",
    ):
        batch = rows.take(np.array([0, 2]))
    with warnings.catch_warnings(action="error"):
        rows.take(np.array([2]))  # once is enough
    assert batch.levels.tolist() == [[0, 0, 0], [-1, 1, 2]]  # columns stand in encoded order
    assert batch.present.tolist() == [[True] * 3, [False, True, True]]
    assert batch.visible.tolist() == [[True] * 3] * 2
    assert schema.features(batch).tolist() == [ONE_HOT[0], [0, 0, *ONE_HOT[2][2:]]]
    known = schema.rows(bad).take(np.array([0, 1]))
    assert known.present is None
    assert known.visible is None
    schema = Schema.learn(FRAME, kind=KINDS)
    with pytest.warns(DataWarning, match=r"level 'Rome' at row 3, column 'city'.*Known levels: 'a', 'b', 'c'\."):
        schema.encode(FRAME.assign(city=["a", "b", "c", "Rome"]))
    with pytest.raises(InputError, match=r"level 1 at row 0, column 'city'.*Known levels: 'a'.*what it was in"):
        schema.encode(FRAME.assign(city=1))
    with pytest.raises(InputError, match=r"level '7' at row 0, column 'code'.*Known levels: 7.*what it was in"):
        schema.encode(FRAME.assign(code="7"))
    many = Schema.learn(np.arange(40)[:, None] % 20, kind="categorical")
    with pytest.warns(DataWarning, match=r"Known levels: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … \(20 in all\)"):
        many.encode(np.array([[20]]))


def test_missing_levels_are_named_and_counted():
    with pytest.raises(InputError, match=r"missing values: 2 cells, first at row 1, column 'city'.*level of their own"):
        Schema.learn(FRAME.assign(city=["a", None, None, "b"]), kind=KINDS)
    schema = Schema.learn(FRAME, kind=KINDS)
    with pytest.raises(InputError, match=r"missing values: 1 cell, first at row 2, column 'city'"):
        schema.encode(FRAME.assign(city=["a", "a", None, "b"]))
    with pytest.raises(InputError, match=r"missing values: 1 cell, first at row 3, column 'size'"):
        schema.encode(pl.from_pandas(FRAME).with_columns(size=pl.Series(["S", "S", "L", None])))
    holes = CODES.astype(float)
    schema = Schema.learn(holes, kind="categorical")
    holes[1, 2] = np.nan
    for learn in (lambda: Schema.learn(holes, kind="categorical"), lambda: schema.encode(holes)):
        with pytest.raises(InputError, match="contains NaN: 1 cell, first at row 1, column 2"):
            learn()
    holes[1, 2] = np.inf
    with pytest.raises(InputError, match=r"contains infinity .* first at row 1, column 2"):
        schema.encode(holes)


def test_what_cannot_be_levels_is_refused_by_name():
    data = np.column_stack([np.zeros(10_001), np.arange(10_001)])
    with pytest.raises(InputError, match=r"^Column 1 has 10,001 levels or more, and .* at most 10,000\. Leave it out"):
        Schema.learn(data, kind="categorical")
    assert Schema.learn(data[:10_000, 1:], kind="categorical").n_encoded == 10_000
    frame = pd.DataFrame({"x": [1.0, 2.0], "Note": ["a" * 1001, "b"]})
    with pytest.raises(InputError, match=r"^Column 'Note' has a level of 1,001 characters.* free text is no category"):
        Schema.learn(frame, kind={"Note": "categorical"})
    frame = pd.DataFrame({"x": [1.0, 2.0], "mix": pd.Categorical([1, "b"])})
    with pytest.raises(InputError, match=r"^Column 'mix' mixes text and numbers"):
        Schema.learn(frame, kind={"mix": "categorical"})
    frame = pd.DataFrame({"x": [1.0, 2.0], "day": pd.Categorical(pd.to_datetime(["2020-01-01", "2020-01-02"]))})
    with pytest.raises(InputError, match=r"^Column 'day' has the level Timestamp.* of type Timestamp; expected text"):
        Schema.learn(frame, kind={"day": "categorical"})
    frame = frame.assign(day=[["2020-01-01"], ["2020-01-02"]])
    with pytest.raises(InputError, match=r"not numeric: 'day' \(Object.*numbers first, or say .*ignore"):
        Schema.learn(frame, kind={"day": "categorical"})
    with pytest.raises(InputError, match=r"Pixels cannot be categorical.*X\.reshape\(len\(X\), -1\)"):
        Schema.learn(np.zeros((4, 3, 3), dtype=np.uint8), kind="categorical")


def test_undeclared_text_is_categorical_and_text_among_numbers_is_refused():
    schema = Schema.learn(FRAME)
    assert [FRAME.columns[column.source] for column in schema.roles.categorical] == ["size", "city"]
    assert Schema.learn(FRAME, kind={"city": "categorical", "size": "categorical"}) == schema
    with pytest.raises(InputError, match=r"not numeric: 'city' \(String\), 'size' .*: schema=\{'city': "):
        Schema.learn(FRAME, kind="continuous")
    with pytest.raises(InputError, match=r"not numeric: 'x' \(String\)"):
        schema.rows(FRAME.assign(x="1.0"))


def test_all_constant_levels_are_nothing_to_learn():
    with pytest.raises(InputError, match=r"All 2 columns are constant"):
        Schema.learn(np.ones((4, 2)), kind="categorical")
    with pytest.warns(DataWarning, match=r"1 of 2 columns are constant.*column 'x'"):
        schema = Schema.learn(pd.DataFrame({"x": [1.0, 1.0], "c": ["a", "b"]}), kind={"c": "categorical"})
    assert schema.n_encoded == 3


@pytest.mark.parametrize("cuts", [[1], [1, 3], [2, 3]])
def test_levels_learnt_in_chunks_are_those_of_the_whole(cuts):
    edges = [0, *cuts, 4]
    streamed, merged = SchemaBuilder(kind=KINDS), SchemaBuilder(kind=KINDS)
    for start, stop in pairwise(edges):
        streamed.update(FRAME[start:stop])
        merged.merge(SchemaBuilder(kind=KINDS).update(FRAME[start:stop][["flag", "x", "city", "size", "code"]]))
    whole = Schema.learn(FRAME, kind=KINDS)
    assert streamed.n_rows == merged.n_rows == 4
    assert streamed.finish().roles == whole.roles
    assert streamed.finish().blocks[1:] == whole.blocks[1:]
    assert set(merged.finish().labels) == set(whole.labels)
    assert [column.levels for column in merged.finish().roles.categorical[2:]] == [
        column.levels for column in whole.roles.categorical[2:]
    ]
    arrays = SchemaBuilder(kind="categorical")
    for start, stop in pairwise(edges):
        arrays.update(CODES[start:stop])
    assert arrays.finish() == Schema.learn(CODES, kind="categorical")


def test_a_refused_chunk_of_levels_changes_nothing():
    builder = SchemaBuilder(kind=KINDS).update(FRAME)
    with pytest.raises(InputError, match=r"first at row 5, column 'city'"):
        builder.update(FRAME.assign(city=["z", None, "a", "a"]))
    assert builder.n_rows == 4
    assert builder.finish() == Schema.learn(FRAME, kind=KINDS)
    builder = SchemaBuilder(kind="categorical").update(np.arange(6000)[:, None])
    with pytest.raises(InputError, match=r"^Column 0 has 12,000 levels"):
        builder.update(np.arange(6000, 12_000)[:, None])
    with pytest.raises(InputError, match=r"^Column 0 has 12,000 levels"):
        builder.merge(SchemaBuilder(kind="categorical").update(np.arange(6000, 12_000)[:, None]))
    assert (builder.n_rows, builder.finish().n_encoded) == (6000, 6000)


def test_categories_of_chunks_are_joined():
    first = pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a"])})
    second = pd.DataFrame({"c": pd.Categorical(["d", "b"], categories=["d", "b"])})
    schema = SchemaBuilder(kind="categorical").update(first).update(second).finish()
    assert schema.roles.categorical[0].levels.values == ("b", "a", "d")


def test_description_says_how_many_levels_there_are():
    rows = Schema.learn(FRAME, kind=KINDS).describe()
    assert [(row["name"], row["kind"], row["dtype"], row.get("levels")) for row in rows] == [
        ("x", "continuous", "float64", None),
        ("city", "categorical", "str", 3),
        ("size", "categorical", "category", 2),
        ("flag", "categorical", "bool", 2),
        ("code", "categorical", "int64", 3),
    ]
    assert "levels" not in rows[0]
    assert rows[1]["mean"] is rows[1]["scale"] is rows[1]["low"] is None
    (whole,) = Schema.learn(CODES, kind="categorical").describe()
    assert (whole["name"], whole["columns"], whole["levels"], whole["constant"]) == ("all 3 columns", 3, None, 0)
    assert Schema.learn(CODES[:, 1:], kind="categorical").describe()[0]["levels"] == 2


def test_strange_text_goes_through():
    words = ["", "🙂", "\u202egnp.exe", "a\x00b", "</script>"]
    frame = pd.DataFrame({"w": pd.Series(words, dtype=object)})
    schema = through_json(Schema.learn(frame, kind="categorical"))
    pd.testing.assert_frame_equal(schema.decode(schema.features(schema.encode(frame))), frame)


def test_other_types_are_for_numbers_only():
    schema = Schema.learn(FRAME, kind=KINDS)
    decoded = schema.decode(schema.features(schema.encode(FRAME)), dtype=np.float32)
    assert decoded.dtypes.astype(str).tolist() == ["float32", "str", "category", "float32", "float32"]
    assert Schema.learn(CODES, kind="categorical").decode(np.array([ONE_HOT[0]]), dtype=float).tolist() == [[0, 5, 2]]


def test_identifiers_that_are_levels_are_no_reason_to_warn(recwarn):
    Schema.learn(FRAME, kind=KINDS)
    assert not recwarn.list
