"""Conditions and exposure asked for by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from isthmus.core.errors import InputError
from isthmus.data import Schema

FRAME = pd.DataFrame(
    {
        "site": ["q", "p", "q", "p"],
        "x": [1.0, 2.0, 4.0, 8.0],
        "age": [20.5, 30.0, 41.0, 19.0],
        "hours": [1, 2, 4, 2],
        "well": [True, False, True, True],
    }
)
SCHEMA = Schema.learn(FRAME, kind={"site": "condition", "age": "condition", "well": "condition", "hours": "exposure"})
GIVEN = {"site": "q", "age": 30.0, "well": False}
ARRAY = Schema.learn(np.column_stack([np.arange(6.0), np.arange(6) % 3, np.arange(6) % 2 + 5]), kind={1: "condition"})


def test_given_rows_encode_as_the_rows_themselves():
    columns = {name: FRAME[name].tolist() for name in GIVEN}
    encoded = SCHEMA.encode_condition(columns, 4)
    assert encoded.dtype == torch.float32
    assert torch.equal(encoded, SCHEMA.encode(FRAME).condition)
    assert torch.equal(SCHEMA.encode_exposure({**columns, "hours": FRAME["hours"]}, 4), torch.tensor([1.0, 2, 4, 2]))
    decoded = SCHEMA.decode(
        SCHEMA.features(SCHEMA.encode(FRAME)), carried=SCHEMA.carried_given({**columns, "hours": [1, 2, 4, 2]}, 4)
    )
    pd.testing.assert_frame_equal(decoded, FRAME, rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [["p", "q"], ("p", "q"), np.array(["p", "q"]), pd.Series(["p", "q"]), pl.Series(["p", "q"])],
    ids=["list", "tuple", "numpy", "pandas", "polars"],
)
def test_values_may_come_as_any_sequence(values):
    encoded = SCHEMA.encode_condition({**GIVEN, "site": values}, 2)
    assert encoded[:, :2].tolist() == [[1, 0], [0, 1]]


def test_one_value_stands_for_all_rows():
    encoded = SCHEMA.encode_condition(GIVEN, 3)
    assert encoded.shape == (3, 5)
    age = (30.0 - FRAME["age"].mean()) / FRAME["age"].std(ddof=0)
    np.testing.assert_allclose(encoded, [[0, 1, age, 1, 0]] * 3, rtol=1e-6)
    assert SCHEMA.encode_condition(GIVEN, 0).shape == (0, 5)
    for three in (2, 2.0, np.int64(2), np.float32(2), torch.tensor(2), np.array(2)):
        assert ARRAY.encode_condition({1: three}, 1).tolist() == [[0, 0, 1]]
    assert ARRAY.encode_condition({"1": torch.tensor([0, 1])}, 2).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_the_exposure_is_the_mean_of_training_unless_given():
    assert SCHEMA.encode_exposure(GIVEN, 2).tolist() == [2.25, 2.25]
    assert SCHEMA.encode_exposure({**GIVEN, "hours": 3}, 2).tolist() == [3.0, 3.0]
    assert ARRAY.encode_exposure({1: 0}, 2).tolist() == [1.0, 1.0]
    decoded = SCHEMA.decode(torch.zeros(2, 1), carried=SCHEMA.carried_given(GIVEN, 2))
    assert decoded["hours"].tolist() == [2, 2]  # in the user's whole numbers
    assert decoded["hours"].dtype == np.int64
    assert decoded["site"].tolist() == ["q", "q"]
    assert decoded["well"].tolist() == [False, False]
    assert decoded["age"].tolist() == [30.0, 30.0]


KNOWN = r"Known: column 'site' \(levels 'p', 'q'\); column 'age' \(a number\); column 'well' \(levels False, True\); "


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"condition must be given: column 'site', column 'age', column 'well' is missing\. " + KNOWN),
        ({"site": "p", "age": 3}, r"condition must be given: column 'well' is missing"),
        ({**GIVEN, "x": 3}, r"names 'x', which is no condition\. " + KNOWN + r"column 'hours' \(the exposure\)"),
        ({**GIVEN, 3: 3}, "names 3, which is no condition"),
        ({**GIVEN, "site": "r"}, r"level 'r' for column 'site'.* Known levels: 'p', 'q'\. Pass only levels seen"),
        ({**GIVEN, "site": ["p", None]}, r"level None for column 'site'"),
        ({**GIVEN, "site": ["p", "p", "p"]}, r"has 3 values for column 'site'; expected one for all rows, or 2"),
        ({**GIVEN, "age": "old"}, r"has 'old' for column 'age'; expected a finite number"),
        ({**GIVEN, "age": [1, float("nan")]}, r"has nan for column 'age'; expected a finite number"),
        ({**GIVEN, "age": 1e300}, r"beyond float32 after scaling for column 'age'"),
        ([("site", "p")], r"`given` must be a dict of columns to values; got list\. Known"),
    ],
)
def test_what_cannot_be_given_is_named(given, message):
    with pytest.raises(InputError, match=message):
        SCHEMA.encode_condition(given, 2)
    with pytest.raises(InputError, match=message):
        SCHEMA.carried_given(given, 2)


@pytest.mark.parametrize("hours", [0, -1, 1e300, 1e-60])
def test_exposures_are_positive(hours):
    for ask in (SCHEMA.encode_exposure, SCHEMA.carried_given):
        with pytest.raises(InputError, match=r"exposure .* for column 'hours'; expected a positive number"):
            ask({**GIVEN, "hours": hours}, 2)


def test_nothing_can_be_given_where_nothing_is_known():
    plain = Schema.learn(FRAME[["x", "age"]])
    assert plain.encode_condition({}, 3).shape == plain.encode_condition(None, 3).shape == (3, 0)
    with pytest.raises(InputError, match=r"names 'age', which is no condition\. The data has no column of the role"):
        plain.encode_condition({"age": 3}, 3)
    with pytest.raises(InputError, match=r"names 9, which is no condition"):
        ARRAY.encode_condition({9: 0}, 1)
    with pytest.raises(InputError, match=r"column 1 is missing\. Known: column 1 \(levels 0\.0, 1\.0, 2\.0\)\."):
        ARRAY.encode_condition({}, 1)
