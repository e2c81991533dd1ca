"""Mixed tables with holes: the decoder is told of what is there, and draws rows that have holes, too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from isthmus import MLP, VAE
from isthmus.errors import ParameterError
from isthmus.uses.imputation_told import is_told

LEVELS = np.array(["low", "middle", "high"])


def table(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    level = random.integers(0, 3, n)
    size = (10.0 * level + random.normal(0, 1, n)).round(1)
    return pd.DataFrame({"size": size, "level": LEVELS[level], "double": (2 * size).round(1)})


@pytest.fixture(scope="module")
def model() -> VAE:
    holes = table(400, 0).mask(np.random.default_rng(1).random((400, 3)) < 0.15)
    return VAE(2, network=MLP(hidden=(32,)), max_epochs=28, random_state=0).fit(holes)


def test_levels_and_numbers_follow_from_the_others_and_what_is_there_stays(model: VAE) -> None:
    assert is_told(model.module_)
    whole = table(200, 2)
    hidden = np.random.default_rng(3).random((200, 3)) < 0.3
    hidden[hidden.all(1)] = False
    filled = model.impute(whole.mask(hidden), random_state=0)
    assert filled.dtypes.equals(whole.dtypes)
    for place, column in enumerate(whole):
        pd.testing.assert_series_equal(filled[column][~hidden[:, place]], whole[column][~hidden[:, place]])
    assert (filled["level"] == whole["level"])[hidden[:, 1]].mean() > 0.9
    error = (filled["double"] - whole["double"])[hidden[:, 2]]
    assert error.std() < 0.3 * whole["double"].std()


def test_draws_vary_as_far_as_the_others_leave_it_open(model: VAE) -> None:
    asked = pd.DataFrame({"size": [0.0, np.nan], "level": ["low", None], "double": [np.nan, np.nan]})
    many = model.impute(asked, samples=40, random_state=0)
    known, open_ = (np.array([one["double"][row] for one in many]) for row in (0, 1))
    assert abs(known.mean()) < 6
    assert known.std() < 8
    assert open_.std() > 10  # nothing is known of this row
    assert len({one["level"][1] for one in many}) == 3
    again = model.impute(asked, samples=40, random_state=0)
    pd.testing.assert_frame_equal(many[7], again[7])
    alone = model.impute(asked[1:], samples=40, random_state=0)
    pd.testing.assert_frame_equal(many[7][1:], alone[7])


def test_rows_of_tables_are_drawn_with_their_holes_and_means_have_none(model: VAE) -> None:
    drawn = model.sample(600, random_state=0)
    missing = drawn.isna().mean()
    assert ((missing > 0.08) & (missing < 0.24)).all()  # 15 % in training
    both = drawn.dropna(subset=["size", "double"])
    assert np.corrcoef(both["size"], both["double"])[0, 1] > 0.9
    means = model.sample(600, random_state=0, noise=False)
    assert not means.isna().any().any()
    pd.testing.assert_frame_equal(drawn, model.sample(600, random_state=0, noise=True))
    with pytest.raises(ParameterError, match="`noise` must be True, False or 'auto'; got 'much'"):
        model.sample(2, noise="much")
