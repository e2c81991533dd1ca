"""Missing cells: learnt over, marked, indicated, and given back in the way of each type."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from isthmus.core.blocks import MISSING
from isthmus.core.errors import DataWarning, InputError, ParameterError
from isthmus.core.named_columns import NamedColumns
from isthmus.data import Schema, SchemaBuilder
from isthmus.data.statistics import ColumnStatistics

NAN = float("nan")
FRAME = pd.DataFrame(
    {
        "x": [1.0, NAN, 3.0, 8.0],
        "flag": pd.array([True, None, False, True], dtype="boolean"),
        "city": ["a", "b", None, "a"],
        "whole": [0.5, 1.5, 2.5, 9.5],
    }
)


def through_json(schema):
    return Schema.from_json(json.loads(json.dumps(schema.to_json(), allow_nan=False)))


def test_statistics_are_over_the_cells_that_are_there_however_they_are_cut():
    rng = np.random.default_rng(0)
    rows = np.column_stack(
        [
            rng.normal(5, 10, 300),
            rng.integers(0, 9, 300),
            np.full(300, 3.0),
            rng.normal(size=300) * 1e-200,
            rng.normal(size=300) * 1e250,
            np.full(300, NAN),
            rng.normal(size=300),
        ]
    )
    rows[:, :5][rng.random((300, 5)) < 0.3] = NAN
    rows[:60, 0] = NAN
    whole = ColumnStatistics.of(rows, allow_missing=True)
    cut = None
    for start in range(0, 300, 7):
        one = ColumnStatistics.of(rows[start : start + 7], allow_missing=True)
        cut = one if cut is None else cut.merged(one)
    assert whole.finite
    for statistics in (whole, cut):
        np.testing.assert_array_equal(statistics.count, (~np.isnan(rows)).sum(axis=0))
        for column in (0, 1, 2, 6):
            cells = rows[:, column][~np.isnan(rows[:, column])]
            assert statistics.mean[column] == pytest.approx(cells.mean(), rel=1e-13)
            assert statistics.deviation[column] == pytest.approx(cells.std(), rel=1e-13)
            assert (statistics.low[column], statistics.high[column]) == (cells.min(), cells.max())
        for column, unit in ((3, 1e-200), (4, 1e250)):
            cells = rows[:, column][~np.isnan(rows[:, column])] / unit
            assert statistics.deviation[column] / unit == pytest.approx(cells.std(), rel=1e-12)
        assert statistics.integer.tolist() == [False, True, True, False, True, True, False]
        assert statistics.constant.tolist() == [False, False, True, False, False, True, False]
    rows[3, 1] = np.inf
    assert not ColumnStatistics.of(rows, allow_missing=True).finite
    assert not ColumnStatistics.of(rows[:, :1]).finite


def test_indicators_stand_last_and_marks_go_by_column():
    schema = through_json(Schema.learn(FRAME, missing="model"))
    assert schema == Schema.learn(FRAME, missing="model")
    assert [(block.kind, block.start, block.stop, block.of) for block in schema.blocks] == [
        ("binary", 0, 1, ()),
        ("continuous", 1, 3, ()),
        ("categorical", 3, 5, ()),
        (MISSING, 5, 8, (0, 1, 3)),
    ]
    assert schema.blocks[-1].variance == 0.25 * 0.75
    assert schema.missing_rates == (0.25, 0.25, 0.25)
    assert [one.get("missing") for one in schema.describe()] == [0.25, 0.25, 0.25, None]
    assert schema.encoded_sources == (1, 0, 3, 2, 1, 0, 2)
    assert (schema.n_encoded, len(schema.shift), len(schema.scale)) == (8, 8, 8)
    batch = schema.encode(FRAME)
    assert batch.levels.flatten().tolist() == [0, 1, -1, 0]
    assert batch.visible is None
    assert batch.present.tolist() == [
        [True, True, True, True, True, True, True],
        [False, False, True, True, True, True, True],
        [True, True, True, False, True, True, True],
        [True, True, True, True, True, True, True],
    ]
    features = schema.features(batch)
    assert features[:, 0].tolist() == [1, 0, 0, 1]
    x = np.array([1.0, 3.0, 8.0])
    expected = (x - x.mean()) / x.std()
    np.testing.assert_allclose(features[:, 1], [expected[0], 0, *expected[1:]], rtol=1e-6)
    assert features[:, 3:].tolist() == [
        [1, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 1],
        [1, 0, 0, 0, 0],
    ]
    rows = schema.rows(FRAME)
    assert rows.nbytes == batch.nbytes == 4 * (3 * 4 + 4 + 7)
    taken = rows.to_resident().take(torch.tensor([2, 1]))
    assert torch.equal(schema.features(taken), features[[2, 1]])
    whole = schema.encode(FRAME[::3])
    assert whole.present.all()  # a schema with indicators always says what is present
    assert schema.features(whole)[:, 5:].tolist() == [[0, 0, 0]] * 2


def test_decoding_fills_or_restores():
    schema = Schema.learn(FRAME, missing="model")
    features = schema.features(schema.encode(FRAME))
    pd.testing.assert_frame_equal(schema.decode(features, restore_missing=True), FRAME, rtol=1e-6)
    filled = schema.decode(features)
    assert not filled.isna().any().any()
    assert filled.dtypes.tolist() == FRAME.dtypes.tolist()
    features[:, 5:] = torch.tensor([0.49, 0.5, 0.51])
    assert schema.decode(features, restore_missing=True).isna().sum().tolist() == [4, 0, 4, 0]
    assert schema.decode(features, dtype="float32", restore_missing=True)["x"].isna().all()


def test_unknown_levels_are_not_missing_ones():
    schema = Schema.learn(FRAME, missing="model")
    with pytest.warns(DataWarning, match="level 'z' at row 1, column 'city'"):
        batch = schema.encode(FRAME.assign(city=["a", "z", None, "b"]))
    assert batch.levels.flatten().tolist() == [0, -1, -1, 1]
    assert batch.present[:, 3].tolist() == [True, False, False, True]
    assert batch.visible[:, 3].tolist() == [True, True, False, True]
    assert batch.visible[:, :3].tolist() == batch.present[:, :3].tolist()
    assert schema.features(batch)[:, 7].tolist() == [0, 0, 1, 0]


def test_holes_where_training_had_none_and_holes_that_are_asked_for():
    schema = Schema.learn(FRAME, missing="model")
    later = FRAME.assign(whole=[NAN, 1.5, 2.5, 9.5])
    batch = schema.encode(later)
    assert batch.present[:, 2].tolist() == [False, True, True, True]
    assert schema.features(batch)[0, 2] == 0
    strict = Schema.learn(FRAME.dropna())
    assert strict.encode(FRAME.dropna()).present is None
    with pytest.raises(InputError, match=r"missing values|contains NaN"):
        strict.encode(FRAME)
    holes = FRAME.assign(city=["a", "a", None, "a"])
    batch = strict.rows(holes, allow_missing=True).take(slice(None))
    assert batch.present.tolist() == [[True] * 4, [False, False, True, True], [True, True, True, False], [True] * 4]
    assert strict.rows(FRAME, allow_missing=True).take(slice(0, 1)).present is None
    # A column of nothing has another type in pandas, and is missing all the same.
    assert not schema.encode(FRAME.assign(x=[None] * 4)).present[:, 1].any()
    assert not schema.encode(FRAME.assign(city=[NAN] * 4)).present[:, 3].any()


@pytest.mark.parametrize("missing", ["error", "model"])
def test_infinite_cells_are_always_refused(missing):
    bad = FRAME.dropna().assign(whole=[0.5, np.inf])
    with pytest.raises(InputError, match=r"contains infinity .* first at row 1, column 'whole'"):
        Schema.learn(bad, missing=missing)
    holes = FRAME.assign(whole=[0.5, np.inf, NAN, 1.0])
    with pytest.raises(InputError, match=r"Input X contains infinity .* 1 cell.*infinite ones are not"):
        Schema.learn(holes, missing="model")
    with pytest.raises(InputError, match=r"Input X contains infinity .* 1 cell.*infinite ones are not"):
        Schema.learn(FRAME, missing="model").encode(holes)


def test_arrays_model_holes_if_they_are_told_to():
    rows = np.array([[0.0, 1.0, NAN], [1.0, NAN, NAN], [0.0, 0.0, NAN], [NAN, 1.0, NAN]])
    with pytest.raises(InputError, match="Input X contains NaN: 6 cells, first at row 0, column 2"):
        Schema.learn(rows)
    with pytest.warns(DataWarning, match="All cells are missing in 2"):
        schema = through_json(Schema.learn(rows, missing="model"))
    assert [(block.kind, block.of) for block in schema.blocks] == [("binary", ()), (MISSING, (0, 1))]
    features = schema.features(schema.encode(rows))
    assert features.tolist() == [[0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0], [0, 1, 1, 0]]
    np.testing.assert_array_equal(schema.decode(features, restore_missing=True), rows)
    assert np.isnan(schema.decode(features)).sum() == 4
    levels = np.array([[1.0, 2.0], [NAN, 3.0], [5.0, 2.0]])
    schema = through_json(Schema.learn(levels, kind="categorical", missing="model"))
    np.testing.assert_array_equal(schema.decode(schema.features(schema.encode(levels)), restore_missing=True), levels)
    whole = Schema.learn(np.arange(12.0).reshape(4, 3) % 5, missing="model")
    assert whole.to_json()["missing"] == {"rates": []}
    assert whole.encode(np.arange(12.0).reshape(4, 3) % 5).present is None
    pixels = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    assert Schema.learn(pixels, missing="model") == Schema.learn(pixels)


@pytest.mark.parametrize("cuts", [[1], [1, 3], [2]])
def test_holes_learnt_in_chunks_are_those_of_the_whole(cuts):
    frame = FRAME.astype({"city": pd.CategoricalDtype(["b", "a"])})
    whole = Schema.learn(frame, missing="model", scaling="column")
    builder = merged = None
    for start, stop in zip([0, *cuts], [*cuts, 4], strict=True):
        piece = SchemaBuilder(missing="model", scaling="column").update(frame[start:stop])
        merged = piece if merged is None else merged.merge(piece)
        builder = (builder or SchemaBuilder(missing="model", scaling="column")).update(frame[start:stop])
    for schema in (builder.finish(), merged.finish()):
        assert schema.roles == whole.roles
        assert schema.missing_rates == whole.missing_rates
        assert schema.blocks[-1] == whole.blocks[-1]
        np.testing.assert_allclose(schema.columns.mean, whole.columns.mean, rtol=1e-14)
        np.testing.assert_allclose(schema.columns.scale, whole.columns.scale, rtol=1e-14)
    with pytest.raises(InputError, match="asked for the same missing: 'model' against 'error'"):
        SchemaBuilder(missing="model").merge(SchemaBuilder())


def test_a_column_that_begins_with_nothing_must_be_declared():
    first, then = FRAME.assign(city=[None] * 4), FRAME
    with pytest.raises(InputError, match="a column of text had no cell at all in those before"):
        SchemaBuilder(missing="model").update(first.astype({"city": object})).update(then.astype({"city": object}))
    builder = SchemaBuilder(missing="model", kind={"city": "categorical"}).update(first.astype({"city": object}))
    schema = builder.update(then.astype({"city": object})).finish()
    assert schema.roles.categorical[0].levels.values == ("a", "b")
    assert schema.missing_rates == (0.25, 0.25, 0.625)


def test_constant_columns_with_holes_have_something_to_say():
    frame = pd.DataFrame({"x": [2.0, NAN, 2.0], "c": ["a", "a", None]})
    with pytest.warns(DataWarning, match="2 of 2 columns are constant"):
        schema = through_json(Schema.learn(frame, missing="model"))
    assert [block.kind for block in schema.blocks] == ["continuous", "categorical", MISSING]
    pd.testing.assert_frame_equal(schema.decode(schema.features(schema.encode(frame)), restore_missing=True), frame)
    with pytest.raises(InputError, match="All 2 columns are constant"):
        Schema.learn(frame.fillna({"x": 2.0, "c": "a"}), missing="model")


def test_every_way_to_write_a_missing_cell_comes_back():
    objects = {
        "none": pd.Series(["a", None, "b", "a"], dtype=object),
        "nan": pd.Series(["a", NAN, "b", "a"], dtype=object),
        "na": pd.Series(["a", pd.NA, "b", "a"], dtype=object),
        "truth": pd.Series([True, None, False, True], dtype=object),
        "number": pd.Series([1, 2, None, 5], dtype=object),
        "small": pd.array([1, 2, None, 4], dtype="Int8"),
        "arrow": pd.array([1, 2, None, 4], dtype="int16[pyarrow]"),
        "half": np.array([1, NAN, 3, 4], dtype=np.float16),
        "when": pd.to_datetime(["2020-01-01", None, "2020-01-03", "2021-05-05"]),
    }
    frame = pd.DataFrame(objects)
    schema = through_json(Schema.learn(frame, missing="model"))
    again = schema.decode(schema.features(schema.encode(frame)), restore_missing=True)
    pd.testing.assert_frame_equal(again, frame)
    for name in ("none", "nan", "na", "truth", "number"):
        hole = frame[name].isna().to_numpy().argmax()
        assert type(again[name].iloc[hole]) is type(frame[name].iloc[hole])
        assert type(again[name].iloc[0]) is type(frame[name].iloc[0])
    both = pl.DataFrame(
        {
            "null": [1.0, None, 3.0, 4.0],
            "nan": [1.0, NAN, 3.0, 4.0],
            "i": [1, None, 3, 9],
            "b": [True, None, False, True],
        }
    )
    schema = through_json(Schema.learn(both, missing="model"))
    again = schema.decode(schema.features(schema.encode(both)), restore_missing=True)
    assert again.null_count().row(0) == both.null_count().row(0) == (1, 0, 1, 1)
    assert again["nan"].is_nan().to_list() == [False, True, False, False]
    assert again.schema == both.schema
    table = pa.table({"i": pa.array([1, None, 3, 9]), "t": pa.array(["a", None, "a", "b"]).dictionary_encode()})
    schema = through_json(Schema.learn(table, missing="model"))
    assert schema.decode(schema.features(schema.encode(table)), restore_missing=True) == table
    named = NamedColumns(("a", "b"), np.array([[1.0, NAN], [2.0, 5.0], [4.0, 7.0]]))
    schema = through_json(Schema.learn(named, missing="model"))
    again = schema.decode(schema.features(schema.encode(named)), restore_missing=True)
    np.testing.assert_allclose(again.values, named.values, rtol=1e-6)


def test_columns_without_any_cell_are_left_out_and_come_back_missing():
    frame = FRAME.assign(
        none=pd.Series([None] * 4, dtype=object),
        nan=[NAN] * 4,
        kinds=pd.Categorical([None] * 4, categories=["u", "v"], ordered=True),
        number=pd.array([None] * 4, dtype="Int64"),
    )
    with pytest.warns(DataWarning, match=r"All cells are missing in 'kinds', 'none', 'nan', 'number'\."):
        schema = through_json(Schema.learn(frame, missing="model"))
    assert [column.why for column in schema.roles.ignored] == ["empty"] * 4
    assert schema.n_encoded == Schema.learn(FRAME, missing="model").n_encoded
    for restore in (True, False):
        again = schema.decode(schema.features(schema.encode(frame)), restore_missing=restore)
        pd.testing.assert_frame_equal(again[list(frame)[4:]], frame[list(frame)[4:]])
    table = pl.DataFrame({"x": [1.0, 2.0, 4.0], "n": [None] * 3})
    with pytest.warns(DataWarning, match="All cells are missing in 'n'"):
        schema = through_json(Schema.learn(table, missing="model"))
    assert schema.decode(schema.encode(table).values).schema == table.schema
    with pytest.raises(InputError, match="Input X contains NaN: 3 cells, first at row 0, column 'n'"):
        Schema.learn(table)
    with pytest.raises(InputError, match=r"No column is left to model\..*left out: column 'n'\."):
        Schema.learn(table.select("n"), missing="model")


def test_conditions_and_exposures_must_be_there():
    with pytest.raises(InputError, match="missing values: 1 cell, first at row 2, column 'city'"):
        Schema.learn(FRAME, kind={"city": "condition"}, missing="model")
    with pytest.raises(InputError, match="contains NaN: 1 cell, first at row 1, column 'x'"):
        Schema.learn(FRAME, kind={"x": "exposure"}, missing="model")
    schema = Schema.learn(FRAME, kind={"whole": "condition"}, missing="model")
    with pytest.raises(InputError, match="contains NaN: 1 cell, first at row 3, column 'whole'"):
        schema.encode(FRAME.assign(whole=[0.5, 1.5, 2.5, NAN]))


def test_an_unknown_request_is_refused():
    with pytest.raises(ParameterError, match="`missing`"):
        Schema.learn(FRAME, missing="drop")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"missing": {"rates": [0.25]}}, "one rate for each indicator"),
        ({"missing": {"rates": [0.25, 0.25, 1.5]}}, "between 0 and 1"),
        ({"missing": {}}, "missing has rates"),
        ({"missing": None}, "missing has rates"),
        ({"missing": KeyError}, "indicators without missing cells"),
    ],
)
def test_a_damaged_description_is_refused(change, message):
    description = Schema.learn(FRAME, missing="model").to_json()
    for key, value in change.items():
        description[key] = value
        if value is KeyError:
            del description[key]
    with pytest.raises(InputError, match=f"Not a schema: .*{message}"):
        Schema.from_json(description)


@pytest.mark.parametrize("of", [[0, 1, 9], [1, 0, 3], [0, 1], "012", [0.0, 1.0, 3.0], [0, 0, 3]])
def test_indicators_of_other_columns_are_refused(of):
    description = Schema.learn(FRAME, missing="model").to_json()
    description["blocks"][-1]["of"] = of
    with pytest.raises(InputError, match="Not a schema: "):
        Schema.from_json(description)
