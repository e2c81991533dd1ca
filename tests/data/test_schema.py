"""The schema's contract: decode, Jacobian, description, JSON."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.core.errors import InputError
from isthmus.data import Schema

RNG = np.random.default_rng(6)
FRAME = pd.DataFrame({"x": [1.0, 2.5, 4.0], "b": [0, 1, 1], "n": [3, 9, 200], "t": [True, False, True]})
EXAMPLES = {
    "continuous": RNG.normal(size=(9, 3)),
    "binary": RNG.integers(0, 2, size=(9, 3)),
    "grey levels": RNG.integers(0, 17, size=(60, 4)).astype(np.uint8),
    "images": RNG.integers(0, 256, size=(9, 4, 5, 3), dtype=np.uint8),
    "frame": FRAME,
}


def through_json(schema):
    return Schema.from_json(json.loads(json.dumps(schema.to_json(), allow_nan=False)))


@pytest.mark.parametrize("name", EXAMPLES)
def test_json_round_trip_is_exact(name):
    schema = Schema.learn(EXAMPLES[name])
    again = through_json(schema)
    assert again == schema
    assert again.blocks == schema.blocks
    assert again.fingerprint() == schema.fingerprint()
    assert hash(again) == hash(schema)
    assert torch.equal(again.encode(EXAMPLES[name]).values, schema.encode(EXAMPLES[name]).values)
    assert pickle.loads(pickle.dumps(schema)) == schema  # noqa: S301 - in memory, as joblib does
    assert copy.deepcopy(schema) == schema


def test_schemas_of_other_data_differ():
    one, other = Schema.learn(EXAMPLES["continuous"]), Schema.learn(EXAMPLES["continuous"] + 1e-12)
    assert one != other
    assert one.fingerprint() != other.fingerprint()
    assert one != "schema"


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        np.float64,
        st.tuples(st.integers(3, 20), st.integers(1, 5)),
        elements=st.floats(-1e4, 1e4, allow_subnormal=False).map(lambda value: round(value, 3)),
    )
)
@pytest.mark.filterwarnings("ignore::isthmus.core.errors.DataWarning")
def test_decoding_undoes_encoding(X):
    if np.ptp(X, axis=0).max() == 0:
        return
    schema = through_json(Schema.learn(X))
    decoded = schema.decode(schema.encode(X).values)
    spread = np.maximum(1.0, np.abs(schema.columns.high - schema.columns.low))
    assert (np.abs(decoded - X) <= 1e-5 * spread.max() + 1e-6).all()


@settings(max_examples=20, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(2, 6), st.integers(1, 4), st.integers(1, 4))))
def test_images_come_back_exactly(images):
    if (images == images[0]).all():
        return
    schema = Schema.learn(images)
    values = schema.encode(images).values
    np.testing.assert_array_equal(schema.decode((values - schema.shift) * schema.scale), images)


def test_integers_are_rounded_and_kept_within_their_type():
    X = np.array([[-3, 100], [5, -100], [0, 50]], dtype=np.int8)
    schema = Schema.learn(X)
    decoded = schema.decode(np.array([[1e6, -1e6], [0.0, 0.0]]))
    assert decoded.dtype == np.int8
    assert decoded[0].tolist() == [127, -128]
    assert decoded[1].tolist() == np.rint(X.mean(axis=0)).astype(int).tolist()
    wide = Schema.learn(X.astype(np.int64))
    assert wide.decode(np.array([[1e300, -1e300]])).tolist() == [[2**63 - 1024, -(2**63)]]
    assert Schema.learn(X.astype(float)).decode(np.array([[0.1, 0.1]])).dtype == np.float64
    half = Schema.learn(X.astype(np.float16)).decode(np.array([[1e6, -1e6]]))
    assert np.isfinite(half).all()


def test_binary_columns_are_rounded_only_in_integer_types():
    features = np.array([[0.2, 0.7], [-0.5, 1.5]])
    X = np.array([[0, 1], [1, 0]])
    assert Schema.learn(X).decode(features).tolist() == [[0, 1], [0, 1]]
    assert Schema.learn(X.astype(bool)).decode(features).tolist() == [[False, True], [False, True]]
    assert Schema.learn(X.astype(float)).decode(features).tolist() == [[0.2, 0.7], [0.0, 1.0]]
    assert Schema.learn(X).decode(features, dtype=float).tolist() == [[0.2, 0.7], [0.0, 1.0]]


def test_unit_interval_values_are_clipped_to_their_range():
    schema = Schema.learn(np.array([[0, 16, 16], [16, 3, 0], [2, 0, 16]]).astype(float))
    assert schema.blocks[0].kind == "unit-interval"
    assert schema.decode(torch.tensor([[-1.0, 0.5, 2.0]])).tolist() == [[0.0, 8.0, 16.0]]


def test_decoding_refuses_other_widths_and_nan():
    schema = Schema.learn(EXAMPLES["continuous"])
    with pytest.raises(InputError, match=r"must have shape \(n, 3\); got \(2, 4\)"):
        schema.decode(np.zeros((2, 4)))
    with pytest.raises(InputError, match="Features to decode contain NaN"):
        schema.decode(np.full((2, 3), np.nan))
    assert schema.decode(torch.zeros(0, 3)).shape == (0, 3)


def test_the_jacobian_is_that_of_the_change_of_variables():
    X = RNG.normal(size=(40, 3)) * [1, 5, 25]
    schema = Schema.learn(X)
    assert schema.log_jacobian() == pytest.approx(-np.log(X.std(axis=0)).sum())
    # In other units the density changes by the unit, once for every column.
    assert Schema.learn(X * 10).log_jacobian() - schema.log_jacobian() == pytest.approx(-3 * np.log(10))
    assert Schema.learn(EXAMPLES["binary"]).log_jacobian() == 0.0
    mixed = Schema.learn(FRAME)
    assert mixed.log_jacobian() == pytest.approx(-np.log(FRAME[["x", "n"]].to_numpy().std(axis=0)).sum())


def test_shift_and_scale_are_the_encoding():
    X = EXAMPLES["continuous"].astype(np.float32)
    schema = Schema.learn(X)
    assert schema.shift.dtype == schema.scale.dtype == torch.float32
    assert torch.equal(schema.encode(X).values, (torch.from_numpy(X) - schema.shift) * schema.scale)
    frame = Schema.learn(FRAME)
    raw = torch.from_numpy(FRAME[["b", "t", "x", "n"]].to_numpy(dtype=np.float32))
    torch.testing.assert_close(frame.encode(FRAME).values, (raw - frame.shift) * frame.scale)


def test_description_for_people():
    by_column = Schema.learn(FRAME).describe()
    assert [(row["name"], row["kind"], row["dtype"]) for row in by_column] == [
        ("x", "continuous", "float64"),
        ("b", "binary", "int64"),
        ("n", "continuous", "int64"),
        ("t", "binary", "bool"),
    ]
    assert (by_column[0]["low"], by_column[0]["high"], by_column[0]["mean"]) == (1.0, 4.0, 2.5)
    assert by_column[0]["scale"] == pytest.approx(1 / FRAME["x"].std(ddof=0))
    (images,) = Schema.learn(EXAMPLES["images"]).describe()
    assert (images["name"], images["columns"], images["scale"]) == ("images 4×5×3", 60, 1 / 255)
    (array,) = Schema.learn(EXAMPLES["continuous"]).describe()
    assert (array["name"], array["scale"]) == ("all 3 columns", None)


def damaged(**changes):
    description = Schema.learn(EXAMPLES["grey levels"]).to_json()
    for path, value in changes.items():
        *outer, last = path.split("__")
        target = description
        for key in outer:
            target = target[int(key) if key.isdigit() else key]
        target[last] = value
    return description


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"container": "pickle"}, "unknown container 'pickle'"),
        ({"extra": 1}, "expected exactly"),
        ({"row_shape": [5]}, "blocks must cover|shape|entries"),
        ({"row_shape": [-4]}, "row_shape must hold positive integers"),
        ({"row_shape": [2, 2]}, r"row_shape \(2, 2\) for array"),
        ({"row_shape": [1 << 40]}, "more than"),
        ({"labels": ["a", "b", "c", "d"]}, "labels for array"),
        ({"types": [["object", ""]]}, "unknown type 'object'"),
        ({"types": [["uint8", "category"]]}, "unknown type 'category'"),
        ({"types": [["float64", ""]]}, "stored_uint8 without uint8"),
        ({"blocks": []}, "blocks are needed"),
        ({"blocks__0__kind": "text"}, "unknown kind 'text'"),
        ({"blocks__0__stop": 3}, "blocks must cover"),
        ({"blocks__0__start": 1}, "blocks must cover"),
        ({"blocks__0__shape": [5]}, "shape"),
        ({"blocks__0__step": float("nan")}, "step of a block"),
        ({"blocks__0__variance": "1"}, "variance of a block"),
        ({"columns__scale": 0.0}, "every scale must be positive"),
        ({"columns__scale": [1.0]}, "`scale` must have 4 entries; got 1"),
        ({"columns__shift": float("inf")}, "`shift` must hold finite numbers; got inf"),
        ({"columns__shift": 10**400}, "`shift` must hold finite numbers"),
        ({"columns__shift": True}, "`shift` must hold finite numbers"),
        ({"columns__low": 99.0}, "low is above its high"),
        ({"columns__constant": 0}, "`constant` must hold true or false"),
        ({"columns__source": [0, 0, 1, 2]}, "permutation"),
        ({"columns__source": [1, 0, 2, 3]}, "another order"),
        ({"scaling": "robust"}, "unknown scaling"),
        ({"stored_uint8": 1}, "stored_uint8 must be"),
    ],
)
def test_a_damaged_description_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Schema.from_json(damaged(**changes))


@pytest.mark.parametrize("description", [None, [], "schema", {}, {"columns": 1}])
def test_what_is_no_description_is_refused(description):
    with pytest.raises(InputError, match="Not a schema: expected exactly"):
        Schema.from_json(description)


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["x", "b", "n"], "4 labels"), (["x", "x", "n", "t"], "twice"), (["x", {}, "n", "t"], "label of type dict")],
)
def test_damaged_labels_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        Schema.from_json({**Schema.learn(FRAME).to_json(), "labels": labels})
