"""What is asked of columns that are modelled, in users' words."""

from __future__ import annotations

import datetime
import decimal
import math

import numpy as np
import pandas as pd
import pytest
import torch

from isthmus.core.errors import InputError
from isthmus.data import Schema
from isthmus.data.column_rules import ColumnRule
from isthmus.data.given_cells import given_cells

FRAME = pd.DataFrame(
    {
        "age": [20, 31, 40, 65] * 5,
        "price": [0.5, 1.25, 3.75, 2.5] * 5,
        "job": ["a", "b", None, "c,d"] * 5,
        "owns": [True, False, True, True] * 5,
        "when": pd.to_datetime(["2024-01-01", "2024-01-05", "2024-02-01", "2024-03-01"] * 5),
        "grade": pd.Categorical(["low", "high", "low", "high"] * 5, categories=["low", "high", "top"]),
        "site": ["p", "q", "p", "q"] * 5,
        "name": [f"n{number}" for number in range(20)],
        "empty": [None] * 20,
        "weight": [1.0, None, 2.0, 4.0] * 5,
    }
)
with pytest.warns(UserWarning, match="left out"):
    SCHEMA = Schema.learn(FRAME, kind={"site": "condition"}, missing="model")
ARRAY = Schema.learn(np.array([[0.0, 1.0, 2.0], [1.5, 3.0, 0.0], [4.0, 2.5, 1.0]]))
COUNTS = Schema.learn(np.array([[0, 1], [5, 3], [40, 2]]), kind="count")


def rules(asked, schema=SCHEMA, n=1) -> tuple[ColumnRule, ...]:
    return given_cells(schema, asked, n).rules(0)


def rule(asked, schema=SCHEMA) -> ColumnRule:
    (only,) = rules(asked, schema)
    return only


def feature(column: str, value: float) -> float:
    place = SCHEMA.columns.source.tolist().index(SCHEMA.labels.index(column))
    curve = SCHEMA.columns.curves.get(place)
    mapped = curve.forward(np.array([value]))[0] if curve else value
    return (mapped - SCHEMA.columns.shift[place]) * SCHEMA.columns.scale[place]


def test_numbers_are_encoded_as_in_training() -> None:
    for value in (31, 31.0, np.int64(31), np.array(31), torch.tensor(31), decimal.Decimal(31)):
        exact = rule({"age": value})
        assert (exact.values, exact.is_exact, exact.words) == ((31.0,), True, "column 'age' 31")
        assert exact.points[0] == pytest.approx(feature("age", 31), abs=1e-12)
        encoded = SCHEMA.features(SCHEMA.encode(FRAME.iloc[1:2]))[0, exact.start]
        assert exact.points[0] == pytest.approx(float(encoded), abs=1e-6)


def test_ranges_hold_what_is_decoded_into_them() -> None:
    age = rule({"age": (30.5, 40.2)})
    assert (age.is_range, age.ends) == (True, (31.0, 40.0))
    assert (age.low, age.high) == (pytest.approx(feature("age", 30.5)), pytest.approx(feature("age", 40.5)))
    assert age.words == "column 'age' from 30.5 to 40.2"
    open_ended = rule({"age": (40, None)})
    assert (open_ended.high, open_ended.ends) == (math.inf, (40.0, 65.0))  # beyond 65 decodes to 65
    assert rule({"age": (None, 40)}).low == -math.inf
    assert rule({"price": (1, 2)}).ends == (1.0, 2.0)
    assert rule({"price": (1.001, 2)}).ends == (1.01, 2.0)  # as fine as in training: hundredths
    assert rule({"age": (30.5, 31.5)}).values == (31.0,)
    assert rule({1: (-5.0, 2.25)}, ARRAY).ends == (-5.0, 2.25)
    assert rule({1: (7.0, 9.0)}, ARRAY).is_range  # arrays go beyond what was seen
    counted = rule({0: (2.5, 7)}, COUNTS)
    assert (counted.ends, counted.low, counted.high) == ((3.0, 7.0), 2.5, 7.5)


def test_times() -> None:
    day = 86400.0
    moment = rule({"when": datetime.datetime(2024, 1, 5)})
    assert moment.values == (19727 * day,)
    assert rule({"when": "2024-01-05"}).values == rule({"when": pd.Timestamp("2024-01-05")}).values == moment.values
    span = rule({"when": ("2024-01-05T12:00", datetime.datetime(2024, 2, 3))})
    assert span.ends == (19728 * day, 19756 * day)  # whole days, as in training
    assert span.words == "column 'when' from 2024-01-05T12:00:00 to 2024-02-03T00:00:00"


def test_levels_and_what_is_not_missing() -> None:
    there, job = rules({"job": "b"})[::-1]
    assert (job.levels, job.is_exact) == ((False, True, False), True)
    assert (there.points, there.values, there.column) == ((0.0,), (), 8)
    for several in (["a", "c,d"], {"a", "c,d"}, ("a", "c,d")):
        assert rules({"job": several})[0].levels == (True, False, True)
    assert rules({"job": ["a", "c,d"]})[0].words == "column 'job' 'a' or 'c,d'"
    assert rule({"grade": "high"}).levels in ((False, True), (True, False))
    assert rule({"owns": True}).values == (1.0,)
    assert rule({"owns": np.False_}).values == (0.0,)
    assert rule({"age": [31, 20]}).values == (20.0, 31.0)


@pytest.mark.parametrize("nothing", [None, math.nan, pd.NA, np.nan, "missing", [None]])
def test_missing_cells(nothing) -> None:
    for column, indicator in (("job", 8), ("weight", 7)):
        absent = rule({column: nothing})
        assert (absent.column, absent.points, absent.values) == (indicator, (1.0,), ())
        assert absent.words == f"column '{column}' missing"


def test_a_level_may_be_called_missing() -> None:
    schema = Schema.learn(pd.DataFrame({"x": [1.0, 2.0, 4.0], "y": ["missing", "there", "there"]}), missing="model")
    assert rule({"y": "missing"}, schema).levels == (True, False)


def test_conditions_go_their_own_way_and_rows_may_differ() -> None:
    ages = pd.Series([20, 31, 20])
    asked = given_cells(SCHEMA, {"site": ["p", "q", "p"], "age": ages, "owns": True}, 3)
    assert asked.known == {"site": ["p", "q", "p"]}
    assert [[one.values for one in asked.rules(row)] for row in range(3)] == [
        [(1.0,), (20.0,)],
        [(1.0,), (31.0,)],
        [(1.0,), (20.0,)],
    ]
    assert given_cells(SCHEMA, None, 4).options == ()


def test_balanced_values_come_in_equal_numbers() -> None:
    asked = given_cells(SCHEMA, None, 8, balanced="job")
    levels = [asked.rules(row)[0].levels.index(True) for row in range(8)]
    assert sorted(np.bincount(levels)) == [2, 3, 3]
    assert levels != sorted(levels)
    some = given_cells(SCHEMA, {"job": ["a", "b"], "age": 31}, 6, balanced="job")
    assert sorted(some.rules(row)[1].levels.index(True) for row in range(6)) == [0, 0, 0, 1, 1, 1]
    assert given_cells(SCHEMA, None, 4, "site").known["site"].count("p") == 2
    assert {given_cells(SCHEMA, None, 9, "owns").rules(row)[0].values for row in range(9)} == {(0.0,), (1.0,)}
    whole = Schema.learn(pd.DataFrame({"x": [1.0, 2.5, 4.0], "n": [3, 5, 4]}))
    assert {given_cells(whole, {"n": (4, None)}, 9, "n").rules(row)[0].values for row in range(9)} == {(4.0,), (5.0,)}
    first, again = (given_cells(SCHEMA, None, 8, "job", seed=3).chosen for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([("age", 3)], r"`given` must be a dict of columns to values; got list\."),
        (
            {"agee": 3},
            r"'agee', which is no column\. Did you mean 'age'\? There are the columns 'age', 'price', .*'weight'\.",
        ),
        ({"name": "n1"}, r"column 'name', which was left out as an identifier when .* fit with it: schema=\{'name'"),
        ({"empty": "n1"}, r"column 'empty', which had no cell in training"),
        ({"job": "z"}, r"level 'z' for column 'job', which was not seen in training\. Known levels: 'a', 'b', 'c,d'\."),
        ({"grade": "top"}, r"level 'top' for column 'grade', which was not seen"),
        ({"job": 3}, r"level 3 for column 'job', which was not seen"),
        ({"job": []}, r"allows nothing for column 'job': the list is empty"),
        ({"job": ["a", None]}, r"mixes a missing cell with values for column 'job'"),
        ({"age": "old"}, r"'old' for column 'age', which holds numbers; expected a number, a range"),
        ({"age": True}, r"True for column 'age', which holds numbers; expected a number\."),
        ({"age": math.inf}, r"inf for column 'age'; expected a finite number"),
        ({"age": 30.5}, r"30\.5 for column 'age', which holds whole numbers"),
        ({"age": 5}, r"5 for column 'age', which held 20 to 65 in training: .* fit with extrapolate=True"),
        ({"age": (40, 30)}, r"a range from 40 to 30 for column 'age': its low end is above its high end\. Swap them"),
        ({"age": (70, None)}, r"column 'age' from 70 to any, but it held 20 to 65 in training"),
        ({"age": (30.2, 30.8)}, r"column 'age' from 30\.2 to 30\.8, where it holds no value: .* multiples of 1"),
        ({"age": (1, 2, 3)}, r"\(1, 2, 3\) for column 'age'; expected a range \(low, high\)"),
        ({"age": (None, None)}, r"expected a range \(low, high\), of which one end may be None"),
        ({"age": None}, r"asks for missing cells of column 'age', which had none in training"),
        ({"owns": 2}, r"2 for column 'owns', which held 0 to 1"),
        ({"when": "soon"}, r"column 'when': .* Pass a datetime of the datetime module, or ISO text"),
        ({"age": np.array([20, 31])}, r"has 2 values for column 'age'; expected one for each of the 3 rows"),
    ],
)
def test_what_cannot_be_asked_is_named(asked, message: str) -> None:
    with pytest.raises(InputError, match=message):
        given_cells(SCHEMA, asked, 3)


def test_other_mistakes() -> None:
    with pytest.raises(InputError, match=r"`given` names column 1 twice, as 1 and '1'\."):
        given_cells(ARRAY, {1: 2.0, "1": 3.0}, 1)
    with pytest.raises(InputError, match=r"names 7, which is no column\. There are the columns 0 to 2\."):
        given_cells(ARRAY, {7: 1.0}, 1)
    with pytest.raises(InputError, match=r"-1 for column 0, which held 0 to inf"):
        given_cells(COUNTS, {0: -1}, 1)
    with pytest.raises(
        InputError, match=r"`balanced` needs a column of levels, or of at most 20 whole numbers; column 'p"
    ):
        given_cells(SCHEMA, None, 3, "price")
    with pytest.raises(InputError, match=r"`balanced` names 'x', which is no column"):
        given_cells(SCHEMA, None, 3, "x")
    with pytest.raises(InputError, match=r"'a' for column 'job', which is to be balanced: pass a list"):
        given_cells(SCHEMA, {"job": "a"}, 3, "job")
    images = Schema.learn(np.random.default_rng(0).random((5, 4, 4)), kind="images")
    with pytest.raises(InputError, match=r"the model was fitted to images\. .* impute\(images, mask, samples=n\)"):
        given_cells(images, {0: 1.0}, 1)


def test_decoding_keeps_numbers_within() -> None:
    features = SCHEMA.features(SCHEMA.encode(FRAME.head(3)))
    carried = SCHEMA.carried_given({"site": "p"}, 3)
    ends = np.array([[33.0, 18.0, 36.0], [38.0, 19.0, 36.0]])
    decoded = SCHEMA.decode(features, carried=carried, within={0: ends})
    assert decoded["age"].tolist() == [33, 19, 36]
    assert decoded["age"].dtype == FRAME["age"].dtype
    array = ARRAY.decode(ARRAY.encode(np.zeros((2, 3))).values, within={1: np.array([[5.1, -9.0], [5.1, -2.0]])})
    np.testing.assert_allclose(array, [[0, 5.1, 0], [0, -2, 0]], atol=1e-6)
    assert array[0, 1] == 5.1
