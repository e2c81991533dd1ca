"""Conditions and exposure: known rather than modelled, next to the features, and put back by decoding."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch

from isthmus.core.errors import InputError, ParameterError
from isthmus.data import Carried, Schema, SchemaBuilder

RNG = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "site": ["q", "p", "q", "p", "p", "q"],
        "x": [1.0, 2.5, 4.0, 0.0, -1.0, 7.0],
        "dose": [0, 10, 10, 5, 0, 5],
        "age": [20.5, 30.0, 41.0, 19.0, 60.0, 33.5],
        "n": [0, 3, 1, 2, 7, 4],
        "hours": [1, 2, 4, 1, 2, 2],
        "well": [True, False, True, True, False, False],
        "group": pd.Categorical(["b", "a", "b", "b", "a", "a"], categories=["b", "a"]),
    }
)
KINDS = {
    "site": "condition",
    "dose": "condition",
    "age": "condition",
    "well": "condition",
    "group": "condition",
    "hours": "exposure",
    "n": "count",
}
CONDITION = np.column_stack(
    [
        FRAME["site"] == "p",
        FRAME["site"] == "q",
        FRAME["dose"] == 0,
        FRAME["dose"] == 5,
        FRAME["dose"] == 10,
        (FRAME["age"] - FRAME["age"].mean()) / FRAME["age"].std(ddof=0),
        ~FRAME["well"],
        FRAME["well"],
        FRAME["group"] == "b",
        FRAME["group"] == "a",
    ]
).astype(np.float32)
CONVERT = {"pandas": pd.DataFrame, "polars": pl.from_pandas, "arrow": pa.Table.from_pandas}
COUNTS = np.column_stack([RNG.poisson(3, size=(40, 4)), np.arange(40) % 3, RNG.integers(1, 9, 40)])


def through_json(schema):
    return Schema.from_json(json.loads(json.dumps(schema.to_json(), allow_nan=False)))


@pytest.mark.parametrize("container", CONVERT)
def test_roles_of_a_frame(container):
    frame = CONVERT[container](FRAME)
    schema = through_json(Schema.learn(frame, kind=KINDS))
    assert [(block.kind, block.width) for block in schema.blocks] == [("continuous", 1), ("count", 1)]
    assert (schema.n_features, schema.n_encoded, schema.condition_width) == (8, 2, 10)
    assert schema.has_exposure
    assert schema.mean_exposure == 2.0
    assert schema.feature_names == tuple(FRAME.columns)
    batch = schema.encode(frame)
    assert batch.values.dtype == batch.condition.dtype == batch.extras["exposure"].dtype == torch.float32
    # Only pandas gives the order of categories a meaning here; elsewhere levels are sorted.
    expected = CONDITION if container == "pandas" else CONDITION[:, [0, 1, 2, 3, 4, 5, 6, 7, 9, 8]]
    np.testing.assert_allclose(batch.condition, expected, rtol=1e-6, atol=1e-6)
    assert batch.extras["exposure"].tolist() == FRAME["hours"].tolist()
    assert batch.values[:, 1].tolist() == FRAME["n"].tolist()
    decoded = schema.decode(schema.features(batch), carried=schema.carried(frame))
    assert type(decoded) is type(frame)
    if container == "pandas":
        pd.testing.assert_frame_equal(decoded, frame, rtol=1e-6, atol=1e-6)
    else:
        assert decoded.schema == frame.schema
        pd.testing.assert_frame_equal(
            decoded.to_pandas(), frame.to_pandas(), rtol=1e-6, atol=1e-6, check_categorical=False
        )


def test_columns_in_another_order_give_the_identical_result():
    schema = Schema.learn(FRAME, kind=KINDS)
    other = FRAME[["group", "n", "hours", "x", "site", "well", "age", "dose"]]
    one, two = schema.encode(FRAME), schema.encode(other)
    assert torch.equal(one.values, two.values)
    assert torch.equal(one.condition, two.condition)
    assert torch.equal(one.extras["exposure"], two.extras["exposure"])
    pd.testing.assert_frame_equal(
        schema.decode(schema.features(two), carried=schema.carried(other)),
        schema.decode(schema.features(one), carried=schema.carried(FRAME)),
    )


def test_rows_carry_their_conditions_wherever_they_stand():
    schema = Schema.learn(COUNTS, kind={"*": "count", 4: "condition", 5: "exposure"})
    rows = schema.rows(COUNTS)
    whole = rows.take(slice(None))
    np.testing.assert_array_equal(whole.values, COUNTS[:, :4])
    np.testing.assert_array_equal(whole.condition, COUNTS[:, 4:5] == np.arange(3))
    np.testing.assert_array_equal(whole.extras["exposure"], COUNTS[:, 5])
    assert rows.nbytes == whole.nbytes == 40 * (4 + 3 + 1) * 4
    order = RNG.permutation(40)
    for some in (rows, rows.to_resident()):
        for index in (order, torch.from_numpy(order)):
            taken = some.take(index)
            assert torch.equal(taken.values, whole.values[order])
            assert torch.equal(taken.condition, whole.condition[order])
            assert torch.equal(taken.extras["exposure"], whole.extras["exposure"][order])
    backwards = rows.take(slice(30, 2, -3))
    assert torch.equal(backwards.condition, whole.condition[list(range(30, 2, -3))])
    sparse = schema.encode(sp.csr_array(COUNTS))
    assert torch.equal(sparse.values, whole.values)
    assert torch.equal(sparse.condition, whole.condition)


@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_other_columns_of_an_array_keep_one_kind(place):
    grey = RNG.integers(0, 17, size=(60, 4))
    grey[0] = 16
    data = np.insert(grey, place, np.arange(60) % 4, axis=1).astype(np.uint8)
    schema = through_json(Schema.learn(data, kind={place: "condition"}))
    alone = Schema.learn(grey.astype(np.uint8))
    assert schema.blocks == alone.blocks
    assert schema.blocks[0].kind == "unit-interval"
    assert schema.stored_uint8
    batch = schema.encode(data)
    assert batch.values.dtype == torch.uint8
    np.testing.assert_array_equal(batch.values, grey)
    np.testing.assert_array_equal(batch.condition, np.arange(60)[:, None] % 4 == np.arange(4))
    features = (batch.values - schema.shift) * schema.scale
    np.testing.assert_array_equal(schema.decode(features, carried=schema.carried(data)), data)
    assert schema.encode(data.astype(float)).values.dtype == torch.float32
    assert schema.log_jacobian() == alone.log_jacobian()


def test_roles_go_with_levels():
    data = np.column_stack([np.arange(12) % 2, np.arange(12) % 3, np.linspace(1, 2, 12), np.arange(12) % 2])
    schema = through_json(Schema.learn(data, kind={"*": "categorical", 2: "condition"}))
    assert [(block.cardinality, block.width) for block in schema.blocks] == [(2, 4), (3, 3)]
    assert schema.condition_width == 1
    batch = schema.encode(data)
    np.testing.assert_allclose(batch.condition[:, 0], (data[:, 2] - 1.5) / data[:, 2].std(), rtol=1e-5)
    np.testing.assert_allclose(schema.decode(schema.features(batch), carried=schema.carried(data)), data)
    assert schema.decode(schema.features(batch), dtype=int, carried=schema.carried(data)).dtype == np.int64


def test_a_star_is_the_kind_of_all_columns_not_named():
    schema = Schema.learn(FRAME[["n", "dose", "x"]], kind={"*": "count", "x": "condition"})
    assert [(block.kind, block.width) for block in schema.blocks] == [("count", 2)]
    assert Schema.learn(COUNTS, kind={"*": "count"}) == Schema.learn(COUNTS, kind="count")
    assert Schema.learn(COUNTS, kind={}) == Schema.learn(COUNTS)
    assert Schema.learn(COUNTS, kind={"4": "condition"}) == Schema.learn(COUNTS, kind={4: "condition"})
    assert Schema.learn(COUNTS, kind={np.int64(4): "condition"}) == Schema.learn(COUNTS, kind={4: "condition"})


def test_numeric_conditions_are_levels_if_they_are_few_whole_numbers():
    def width(column):
        return Schema.learn(np.column_stack([RNG.normal(size=len(column)), column]), kind={1: "condition"})

    assert width(np.arange(60) % 20).condition_width == 20
    assert width(np.arange(60) % 21).condition_width == 1
    assert width(np.arange(60) % 3 - 1).condition_width == 3
    assert width(np.arange(60) % 3 + 0.5).condition_width == 1
    constant = width(np.full(9, 0.5))
    assert constant.encode_condition({1: 0.75}, 1).tolist() == [[0.25]]
    assert width(np.full(9, 2)).condition_width == 1


@pytest.mark.parametrize("cuts", [[2], [1, 4], [3, 5]])
def test_roles_learnt_in_chunks_are_those_of_the_whole(cuts):
    edges = [0, *cuts, 6]
    streamed, merged = SchemaBuilder(kind=KINDS), SchemaBuilder(kind=KINDS)
    for start, stop in pairwise(edges):
        streamed.update(FRAME[start:stop])
        merged.merge(SchemaBuilder(kind=KINDS).update(FRAME[start:stop]))
    whole = Schema.learn(FRAME, kind=KINDS)
    for builder in (streamed, merged):
        roles = builder.finish().roles
        assert roles.levels == whole.roles.levels
        assert roles.exposure == whole.roles.exposure
        assert roles.condition[2].shift == pytest.approx(FRAME["age"].mean(), rel=1e-14)
        assert roles.condition[2].scale == pytest.approx(1 / FRAME["age"].std(ddof=0), rel=1e-12)
        assert builder.n_rows == 6
    many = SchemaBuilder(kind={1: "condition"})
    for start in range(0, 30, 10):
        many.update(np.column_stack([RNG.normal(size=10), np.arange(start, start + 10)]))
    assert many.finish().condition_width == 1
    with pytest.raises(InputError, match=r"builders to merge|asked for the same"):
        merged.merge(SchemaBuilder())


def test_row_numbers_in_errors_count_the_rows_before():
    builder = SchemaBuilder(kind=KINDS).update(FRAME)
    with pytest.raises(InputError, match=r"exposure must be positive, but row 7, column 'hours' is 0\. .*drop rows"):
        builder.update(FRAME.assign(hours=[1, 0, 1, 1, 1, 1]))
    with pytest.raises(InputError, match=r"NaN: 1 cell, first at row 8, column 'age'"):
        builder.update(FRAME.assign(age=[1, 2, np.nan, 3, 4, 5]))
    assert builder.n_rows == 6


def test_cells_that_cannot_be_what_they_are_said_to_be():
    schema = Schema.learn(FRAME, kind=KINDS)
    with pytest.raises(InputError, match=r"level 'r' at row 1, column 'site'.* Known levels: 'p', 'q'\."):
        schema.encode(FRAME.assign(site=["p", "r", "p", "p", "p", "p"]))
    with pytest.raises(InputError, match=r"level 7 at row 2, column 'dose'.* Known levels: 0, 5, 10\."):
        schema.carried(FRAME.assign(dose=[0, 0, 7, 0, 0, 0]))
    with pytest.raises(InputError, match=r"exposure must be positive, but row 0, column 'hours' is -1"):
        schema.encode(FRAME.assign(hours=-1))
    with pytest.raises(InputError, match=r"infinity .*: 6 cells, first at row 0, column 'hours'"):
        schema.encode(FRAME.assign(hours=np.inf))
    with pytest.raises(InputError, match=r"exposure at row 0, column 'hours' is 1e\+300, beyond the range of float32"):
        schema.encode(FRAME.assign(hours=1e300))
    with pytest.raises(InputError, match=r"NaN: 6 cells, first at row 0, column 'age'"):
        schema.encode(FRAME.assign(age=np.nan))
    with pytest.raises(InputError, match=r"beyond float32 after scaling at row 4, column 'age'\. Expected values"):
        schema.encode(FRAME.assign(age=[1, 1, 1, 1, 1e300, 1]))
    with pytest.raises(InputError, match=r"not numeric: 'hours' \(String\)"):
        Schema.learn(FRAME.assign(hours="1"), kind=KINDS)
    with pytest.raises(InputError, match=r"names seen at fit time, yet now missing:\n- dose\n"):
        schema.rows(FRAME.drop(columns="dose"))
    with pytest.raises(InputError, match=r"X has 3 features, but VAE is expecting 6 features"):
        Schema.learn(COUNTS, kind={4: "condition"}).rows(COUNTS[:, :3], "VAE")


def test_requests_that_make_no_sense():
    with pytest.raises(InputError, match=r"not in the data: \[7\]"):
        Schema.learn(COUNTS, kind={7: "condition"})
    with pytest.raises(InputError, match=r"not in the data: \[-1\]"):
        Schema.learn(COUNTS, kind={-1: "condition"})
    with pytest.raises(InputError, match=r"got an array, and the name 'age'.*\{64: \"condition\"\}"):
        Schema.learn(COUNTS, kind={"age": "condition"})
    with pytest.raises(InputError, match=r"column 1 is said to be 'count'; .*Say \{\"\*\": 'count'\}"):
        Schema.learn(COUNTS, kind={1: "count"})
    with pytest.raises(InputError, match=r"nothing to model"):
        Schema.learn(FRAME[["site", "hours"]], kind={"site": "condition", "hours": "exposure"})
    with pytest.raises(InputError, match=r"Pixels have one kind and no roles.*X\.reshape"):
        Schema.learn(np.zeros((4, 3, 3), dtype=np.uint8), kind={0: "condition"})
    with pytest.raises(ParameterError, match=r"only one column can be the exposure; got \['n', 'hours'\]"):
        Schema.learn(FRAME, kind={"n": "exposure", "hours": "exposure"})
    with pytest.raises(ParameterError, match=r"`kind` of column '\*' must be one of .*; got 'condition'"):
        Schema.learn(FRAME, kind={"*": "condition"})
    with pytest.raises(ParameterError, match=r"`kind` must be .*'count' or 'categorical', or a dict.*got 'condition'"):
        Schema.learn(FRAME, kind="condition")
    with pytest.raises(InputError, match="All 1 columns are constant"):
        Schema.learn(np.array([[1.0, 0], [1.0, 1]]), kind={1: "condition"})


def test_decoding_needs_what_the_model_does_not_give_back():
    schema = Schema.learn(FRAME, kind=KINDS)
    values = schema.features(schema.encode(FRAME))
    with pytest.raises(
        InputError, match=r"does not give back column 'site', column 'dose', .*pass given=\{column: value\}"
    ):
        schema.decode(values)
    with pytest.raises(InputError, match=r"does not give back"):
        schema.decode(values, carried=Carried())
    with pytest.raises(InputError, match=r"Conditions of 6 rows do not fit 2 rows to decode"):
        schema.decode(values[:2], carried=schema.carried(FRAME))
    carried = schema.carried(FRAME).rows(slice(1, 3))
    pd.testing.assert_frame_equal(
        schema.decode(values[1:3], carried=carried), FRAME[1:3].reset_index(drop=True), rtol=1e-6, atol=1e-6
    )
    with pytest.raises(InputError, match=r"shape \(n, 2\); got \(6, 8\)"):
        schema.decode(np.zeros((6, 8)), carried=schema.carried(FRAME))
    plain = Schema.learn(FRAME[["x", "n"]])
    assert plain.carried(FRAME).columns == {}
    assert plain.carried_given(None, 3).columns == {}
    assert plain.decode(np.zeros((1, 2)), carried=plain.carried(FRAME)).shape == (1, 2)


def test_carried_numbers_come_back_in_the_type_of_training():
    schema = Schema.learn(COUNTS, kind={4: "condition", 5: "exposure"})
    given = schema.carried(COUNTS.astype(float) + np.array([0, 0, 0, 0, 0, 0.4]))
    features = schema.features(schema.encode(COUNTS))
    assert schema.decode(features, carried=given)[:, 4:].tolist() == COUNTS[:, 4:].tolist()
    as_float = schema.decode(features, dtype=float, carried=given)
    np.testing.assert_allclose(as_float[:, 5], COUNTS[:, 5] + 0.4)


def test_the_description_names_roles():
    rows = Schema.learn(FRAME, kind=KINDS).describe()
    assert [(row["name"], row["kind"], row.get("levels")) for row in rows] == [
        ("site", "condition", 2),
        ("x", "continuous", None),
        ("dose", "condition", 3),
        ("age", "condition", None),
        ("n", "count", None),
        ("hours", "exposure", None),
        ("well", "condition", 2),
        ("group", "condition", 2),
    ]
    assert (rows[3]["mean"], rows[5]["mean"]) == (pytest.approx(34.0), 2.0)
    assert rows[3]["scale"] == pytest.approx(1 / FRAME["age"].std(ddof=0))
    rows = Schema.learn(COUNTS, kind={"*": "count", 4: "condition", 5: "exposure"}).describe()
    assert [(row["name"], row["kind"], row["columns"]) for row in rows] == [
        ("the other 4 columns", "count", 4),
        ("column 4", "condition", 1),
        ("column 5", "exposure", 1),
    ]


def test_schemas_without_roles_have_none():
    schema = Schema.learn(COUNTS)
    assert (schema.condition_width, schema.has_exposure, schema.mean_exposure) == (0, False, 1.0)
    assert schema.n_features == schema.n_encoded == 6
    batch = schema.encode(COUNTS)
    assert batch.condition is None
    assert batch.extras == {}
    keys = {"container", "row_shape", "labels", "types", "blocks", "columns", "scaling", "stored_uint8"}
    assert set(schema.to_json()) == keys
    assert Schema.learn(COUNTS, kind={4: "condition"}).fingerprint() != schema.fingerprint()
