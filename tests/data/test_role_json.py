"""The JSON form of levels and roles: exact, and refused when damaged."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from isthmus.core.errors import InputError
from isthmus.data import Schema

FRAME = pd.DataFrame(
    {
        "x": [1.0, 2.0, 4.0, 8.0],
        "city": ["b", "a", "c", "a"],
        "size": pd.Categorical(["L", "S", "L", "S"], categories=["S", "M", "L"], ordered=True),
        "age": [20.5, 30.0, 41.0, 19.0],
        "site": ["q", "p", "q", "p"],
        "hours": [1, 2, 4, 2],
    }
)
KINDS = {
    "city": "categorical",
    "size": "categorical",
    "age": "condition",
    "site": "condition",
    "hours": "exposure",
}
SCHEMA = Schema.learn(FRAME, kind=KINDS)


def test_round_trip():
    again = Schema.from_json(json.loads(json.dumps(SCHEMA.to_json(), allow_nan=False)))
    assert again == SCHEMA
    assert again.roles == SCHEMA.roles
    assert again.fingerprint() == SCHEMA.fingerprint()
    for other in (again, pickle.loads(pickle.dumps(SCHEMA)), copy.deepcopy(SCHEMA)):  # noqa: S301 - in memory
        batch, expected = other.encode(FRAME), SCHEMA.encode(FRAME)
        assert torch.equal(SCHEMA.features(batch), SCHEMA.features(expected))
        assert torch.equal(batch.condition, expected.condition)


def test_columns_of_equal_levels_share_them():
    data = np.arange(12).reshape(4, 3) % 2
    described = Schema.learn(data, kind="categorical").to_json()
    assert described["levels"] == [{"values": [0, 1], "categories": None, "ordered": False}]
    assert described["categorical"] == {"source": [0, 1, 2], "levels": [0, 0, 0]}
    mixed = pd.DataFrame({"a": [0, 1], "b": [0.0, 1.0], "c": [False, True]})
    schema = Schema.from_json(json.loads(json.dumps(Schema.learn(mixed, kind="categorical").to_json())))
    assert len(schema.to_json()["levels"]) == 3  # equal, but not the same
    pd.testing.assert_frame_equal(schema.decode(schema.features(schema.encode(mixed))), mixed)


def damaged(path, value):
    description = SCHEMA.to_json()
    *outer, last = [int(key) if key.isdigit() else key for key in path.split("__")]
    target = description
    for key in outer:
        target = target[key]
    if value is KeyError:
        del target[last]
    else:
        target[last] = value
    return description


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("levels", [], "levels must be a list"),
        ("levels__0", {"values": ["a"]}, "levels have exactly"),
        ("levels__0__values", [], "1 to 10000 levels are needed"),
        ("levels__0__values", list(range(10_001)), "1 to 10000 levels are needed"),
        ("levels__0__values", ["a", None], "a level of type NoneType"),
        ("levels__0__values", ["a", "a"], "levels occur twice"),
        ("levels__0__values", ["a", 1], "levels of text and numbers"),
        ("levels__0__values", [0.5, float("inf")], "a level that is not finite"),
        ("levels__0__values", ["a", "b" * 1001], "a level that is too long"),
        ("levels__0__categories", ["S"], "levels that are no categories"),
        ("levels__0__ordered", 1, "`ordered` must be true or false"),
        ("levels__1__values", ["a", "b"], "another order"),
        ("levels__1__values", ["a", "b", "c", "d"], "cover the columns"),
        ("levels__1__values", [1, 2, 3], "numbers in a column of text"),
        ("categorical__source", [2, 2], "different columns"),
        ("categorical", {"source": [1, 2], "levels": [1, 0]}, "another order"),
        ("categorical__source", [2, 9], "different columns of 6"),
        ("categorical__source", [2, -1], "different columns of 6"),
        ("categorical__source", [2], "two lists of positions"),
        ("categorical__source", [2, True], "two lists of positions"),
        ("categorical__levels", [0, 9], "levels that are not there"),
        ("categorical__levels", [0, -1], "levels that are not there"),
        ("categorical", {"source": [], "levels": []}, "two lists of positions"),
        ("categorical", KeyError, "unknown type 'object'"),
        ("condition", [], "conditions must be a list"),
        ("condition__0__scale", 0.0, "scale of a condition must be positive"),
        ("condition__0__scale", 10**400, "scale of a condition must be a finite number"),
        ("condition__0__shift", "1", "shift of a condition must be a finite number"),
        ("condition__0__shift", KeyError, "a condition has exactly"),
        ("condition__0__levels", 9, "levels that are not there"),
        ("condition__1__levels", None, "unknown type 'object'"),
        ("condition__0__source", 3.0, "a condition has exactly"),
        ("condition__0__source", 4, "different columns"),
        ("exposure", {"source": 5}, "an exposure has exactly"),
        ("exposure__mean", 0.0, "mean exposure must be positive"),
        ("exposure__mean", float("nan"), "mean exposure must be positive"),
        ("exposure__source", 0, "blocks|permutation"),
        ("exposure", KeyError, "blocks must cover"),
        ("blocks__1__cardinality", 1, "categorical blocks must have the levels"),
        ("blocks__1__cardinality", -2, "cardinality of a block must be positive"),
        ("blocks__1__cardinality", KeyError, "categorical blocks must have the levels"),
        ("blocks__0__cardinality", 2, "a block has exactly"),
        ("blocks__1__kind", "count", "a block has exactly"),
        ("columns__source", [1], "`source` must be a permutation of 1 columns"),
        ("types__1", ["object", "interval"], "unknown type 'interval'"),
        ("types__3", ["object", "str"], "unknown type 'object'"),
        ("types__1", ["float64", ""], "text in a column of numbers"),
        ("stored_uint8", True, "stored_uint8 without uint8"),
        ("roles", {}, "expected exactly"),
    ],
)
def test_a_damaged_description_is_refused(path, value, message):
    with pytest.raises(InputError, match=rf"Not a schema: .*({message})"):
        Schema.from_json(damaged(path, value))


def test_images_and_arrays_have_no_text():
    described = Schema.learn(np.arange(8).reshape(4, 2), kind={1: "condition"}).to_json()
    described["types"] = [["object", "str"]]
    with pytest.raises(InputError, match="unknown type 'object'"):
        Schema.from_json(described)
    described = Schema.learn(np.arange(12, dtype=np.uint8).reshape(3, 2, 2)).to_json()
    described["exposure"] = {"source": 0, "mean": 1.0}
    with pytest.raises(InputError, match="roles of pixels"):
        Schema.from_json(described)
