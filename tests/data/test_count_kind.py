"""Counts: left as they are, checked exactly, and only where they are asked for."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from isthmus.core.errors import InputError
from isthmus.data import Schema

COUNTS = np.array([[0, 3, 1], [4, 3, 0], [2, 3, 5]])


def test_counts_are_left_as_they_are():
    schema = Schema.learn(COUNTS, kind="count")
    (block,) = schema.blocks
    assert (block.kind, block.start, block.stop, block.shape, block.step) == ("count", 0, 3, (3,), 1.0)
    assert block.mean == pytest.approx(COUNTS.mean())
    assert block.variance == pytest.approx(COUNTS[:, [0, 2]].var(axis=0).mean())  # of the columns that vary
    assert block.cardinality == 0
    values = schema.encode(COUNTS).values
    assert values.dtype == torch.float32
    assert values.tolist() == COUNTS.tolist()
    assert schema.log_jacobian() == 0.0
    assert schema.shift.tolist() == [0, 0, 0]
    assert schema.scale.tolist() == [1, 1, 1]


def test_small_integers_become_floats_too():
    schema = Schema.learn(COUNTS.astype(np.uint8), kind="count")
    assert not schema.stored_uint8
    assert schema.encode(COUNTS.astype(np.uint8)).values.dtype == torch.float32


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "f8"])
def test_sparse_counts_equal_dense_ones(dtype):
    dense = COUNTS.astype(dtype)
    schema = Schema.learn(sp.csr_array(dense), kind="count")
    assert schema == Schema.learn(dense, kind="count")
    assert torch.equal(schema.encode(sp.coo_array(dense)).values, torch.tensor(COUNTS, dtype=torch.float32))


def test_counts_in_a_frame_stand_after_the_other_numbers():
    frame = pd.DataFrame({"n": [0, 3, 1], "x": [0.5, 1.5, 2.5], "b": [0, 1, 1]})
    assert [block.kind for block in Schema.learn(frame).blocks] == ["binary", "continuous"]
    schema = Schema.learn(frame, kind={"n": "count"})
    assert [(block.kind, block.start, block.stop) for block in schema.blocks] == [
        ("binary", 0, 1),
        ("continuous", 1, 2),
        ("count", 2, 3),
    ]
    assert schema.encode(frame).values[:, 2].tolist() == [0, 3, 1]
    assert [row["kind"] for row in schema.describe()] == ["count", "continuous", "binary"]


def test_counts_are_never_inferred():
    assert Schema.learn(COUNTS).blocks[0].kind == "continuous"
    assert Schema.learn(np.array([[0, 300], [7, 2]])).blocks[0].kind == "continuous"


def test_decoded_counts_are_means_or_rounded_and_never_negative():
    features = np.array([[-1.0, 2.6, 2.4]])
    assert Schema.learn(COUNTS, kind="count").decode(features).tolist() == [[0, 3, 2]]
    assert Schema.learn(COUNTS.astype(float), kind="count").decode(features).tolist() == [[0.0, 2.6, 2.4]]
    assert Schema.learn(COUNTS, kind="count").decode(features, dtype=float).tolist() == [[0.0, 2.6, 2.4]]


@pytest.mark.parametrize(
    ("value", "words"), [(-1, "-1"), (0.5, r"0\.5"), (2**24 + 1, "16777217"), (1e-50, "1e-50"), (-1e-60, "-1e-60")]
)
def test_cells_that_are_no_counts_are_named(value, words):
    bad = COUNTS.astype(float)
    bad[2, 1] = value
    with pytest.raises(
        InputError,
        match=rf"said to be count, but row 2, column 1 is {words}; expected a whole number from 0 to 16777216",
    ):
        Schema.learn(bad, kind="count")
    with pytest.raises(
        InputError,
        match=rf"value {words}(\.0)? at row 2, column 1, which was count in training: expected a whole number from 0",
    ):
        Schema.learn(COUNTS, kind="count").encode(bad)


def test_the_largest_count_is_exact():
    schema = Schema.learn(np.array([[2**24], [0]]), kind="count")
    assert schema.encode(np.array([[2**24]])).values.tolist() == [[2**24]]
    with pytest.raises(InputError, match="value 16777217 at row 0, column 0"):
        schema.encode(np.array([[2**24 + 1]]))


def test_booleans_can_be_counts():
    assert Schema.learn(COUNTS > 2, kind="count").encode(COUNTS > 2).values.tolist() == (COUNTS > 2).tolist()


def test_missing_counts_are_missing():
    bad = COUNTS.astype(float)
    bad[1, 0] = np.nan
    with pytest.raises(InputError, match="contains NaN: 1 cell, first at row 1, column 0"):
        Schema.learn(bad, kind="count")


def test_the_mean_is_kept_in_json_and_in_no_other_kind():
    schema = Schema.learn(COUNTS, kind="count")
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert schema.to_json()["blocks"][0]["mean"] == schema.blocks[0].mean
    assert set(Schema.learn(COUNTS).to_json()["blocks"][0]) == {"kind", "start", "stop", "shape", "step", "variance"}
    description = Schema.learn(COUNTS).to_json()
    description["blocks"][0]["mean"] = 1.0
    with pytest.raises(InputError, match="a block has exactly"):
        Schema.from_json(description)


def test_images_of_counts_keep_their_shape():
    images = np.random.default_rng(0).poisson(3, size=(5, 2, 4)).astype(np.uint8)
    schema = Schema.learn(images, kind="count")
    assert schema.blocks[0].shape == (2, 4)
    np.testing.assert_array_equal(schema.decode(schema.encode(images).values), images)
