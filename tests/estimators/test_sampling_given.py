"""``sample`` with columns given, from the user's side."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from isthmus import MLP, VAE, VQVAE, Autoencoder, Autoregressive, Gaussian
from isthmus.errors import CollapseWarning, InputError, IsthmusWarning, ParameterError
from isthmus.uses import conditional_chain

SMALL = {"batch_size": 100, "learning_rate": 5e-3}
LEVELS = np.array(["low", "middle", "high"])


def table(n: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    level = random.choice(3, n, p=[0.6, 0.3, 0.1])
    size = 10 * level + random.normal(0, 2, n)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 100, n), "D")
    frame = pd.DataFrame({"size": size.round(1), "level": LEVELS[level], "count": level * 3 + 20, "day": day})
    frame["own"] = random.random(n) < 0.5
    return frame


@pytest.fixture(scope="module")
def model() -> VAE:
    frame = table(500, 0)
    frame.loc[np.random.default_rng(1).random(500) < 0.2, "size"] = np.nan
    parts = {"network": MLP(hidden=(16,)), "likelihood": Autoregressive(width=32)}
    return VAE(2, **parts, **SMALL, max_epochs=20, random_state=0).fit(frame)


def test_given_cells_come_back_as_given_and_the_others_follow(model: VAE) -> None:
    frame = table(5, 0)
    drawn = model.sample(200, given={"level": "high", "count": 26, "own": True}, random_state=0)
    assert drawn.dtypes.equals(frame.dtypes)
    assert list(drawn.columns) == list(frame.columns)
    assert (drawn["level"] == "high").all()
    assert (drawn["count"] == 26).all()
    assert drawn["own"].all()
    assert 17 < drawn["size"].mean() < 22
    assert 0.1 < drawn["size"].isna().mean() < 0.35
    pd.testing.assert_frame_equal(
        drawn, model.sample(200, given={"level": "high", "count": 26, "own": True}, random_state=0)
    )


def test_ranges_lists_dates_and_holes(model: VAE) -> None:
    first, last = pd.Timestamp("2024-02-01"), pd.Timestamp("2024-02-10")
    drawn = model.sample(
        200, given={"size": (9.05, 22.04), "level": ["middle", "high"], "day": (first, last)}, random_state=0
    )
    assert drawn["size"].between(9.1, 22.0).all()
    assert (drawn["size"] == drawn["size"].round(1)).all()
    assert set(drawn["level"]) == {"middle", "high"}
    assert 0.55 < (drawn["level"] == "middle").mean() < 0.97
    assert drawn["day"].between(first, last).all()
    assert (drawn["day"] == drawn["day"].dt.normalize()).all()
    day = model.sample(3, given={"day": "2024-03-05"}, random_state=0)["day"]
    assert (day == pd.Timestamp("2024-03-05")).all()
    holes = model.sample(50, given={"size": None, "count": [20, 23]}, random_state=0)
    assert holes["size"].isna().all()
    assert set(holes["count"]) == {20, 23}
    means = model.sample(50, given={"size": (8.0, 12.0)}, noise=False, random_state=0)
    assert means["size"].between(8, 12).all()
    assert (means["level"] == "middle").mean() > 0.6  # three in ten without


def test_balanced_levels_and_one_value_for_each_row(model: VAE) -> None:
    drawn = model.sample(90, balanced="level", random_state=0)
    assert drawn["level"].value_counts().tolist() == [30, 30, 30]
    means = drawn.groupby("level")["count"].mean()
    assert abs(means["low"] - 20) < 1
    assert abs(means["high"] - 26) < 1
    both = model.sample(40, balanced="own", given={"level": "low"}, random_state=0)
    assert both["own"].sum() == 20
    assert (both["level"] == "low").all()
    counts = np.array([20, 26, 23, 20])
    assert (model.sample(4, given={"count": counts}, random_state=0)["count"] == counts).all()


def test_rare_wishes_get_a_warning_at_the_users_line(model: VAE, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ROUND": 64, "MOST_PROPOSALS": 0, "LEAST_PROPOSALS": 64}.items():
        monkeypatch.setattr(conditional_chain, name, value)
    message = (
        r"hardly ever makes rows with column 'day' 2024-02-01T00:00:00 and column 'level' 'high': the 900 rows rest"
    )
    with pytest.warns(IsthmusWarning, match=message) as caught:
        drawn = model.sample(900, given={"level": "high", "day": "2024-02-01"}, random_state=0)
    assert caught[0].filename == __file__
    assert (drawn["level"] == "high").all()


def test_cells_that_contradict_each_other_get_a_warning(model: VAE) -> None:
    message = (
        r"sample: column 'count' 26 and column 'level' 'low' seem to contradict each other: the model makes them "
        r"together [\d,]+ times less often"
    )
    with pytest.warns(IsthmusWarning, match=message):
        drawn = model.sample(20, given={"level": "low", "count": 26}, random_state=0)
    assert (drawn["count"] == 26).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.sample(20, given={"level": "high", "count": 26, "day": "2024-02-01"}, random_state=0)  # rare, not odd


def test_mistakes(model: VAE) -> None:
    with pytest.raises(InputError, match="level 'huge' for column 'level', which was not seen in training"):
        model.sample(2, given={"level": "huge"})
    with pytest.raises(InputError, match="`balanced` needs a column of levels"):
        model.sample(2, balanced="size")
    with pytest.raises(InputError, match="names 'x', which is no column"):
        model.sample(2, given={"x": 1})


def test_conditions_and_columns_together() -> None:
    frame = table(400, 2).drop(columns=["day", "own"])
    conditional = VAE(
        2, network=MLP(hidden=(32,)), schema={"level": "condition"}, max_epochs=8, **SMALL, random_state=0
    ).fit(frame)
    asked = np.repeat(["low", "high"], 30)
    drawn = conditional.sample(60, given={"level": asked, "size": (None, 12.0)}, random_state=0)
    assert (drawn["level"] == asked).all()
    assert (drawn["size"] <= 12).all()
    balanced = conditional.sample(60, balanced="level", given={"size": (8.0, 12.0)}, random_state=0)
    assert balanced["level"].value_counts().tolist() == [20, 20, 20]
    with pytest.raises(InputError, match="The condition must be given: column 'level' is missing"):
        conditional.sample(3, given={"size": (8.0, 12.0)})


LINE = np.random.default_rng(0).normal(size=(300, 1)) @ np.array([[1.0, -2.0, 3.0]])
LINE += 0.1 * np.random.default_rng(1).normal(size=LINE.shape)


@pytest.mark.parametrize(
    "estimator",
    [
        VAE(1, max_epochs=20, **SMALL, random_state=0),
        Autoencoder(1, max_epochs=20, **SMALL, random_state=0),
        Autoencoder(1, likelihood=Gaussian(), max_epochs=20, **SMALL, random_state=0),
        VQVAE(n_codes=16, max_epochs=10, random_state=0),
    ],
    ids=["vae", "plain squared error", "autoencoder", "symbols"],
)
def test_arrays_and_models_that_never_saw_holes(estimator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        estimator.fit(LINE)
    drawn = estimator.sample(100, given={0: (0.5, 1.0)}, random_state=0)
    assert ((drawn[:, 0] >= 0.5) & (drawn[:, 0] <= 1.0)).all()
    near = LINE[(LINE[:, 0] > 0.5) & (LINE[:, 0] < 1.0)].mean(0)
    np.testing.assert_allclose(drawn.mean(0), near, atol=0.8)  # 0 without what is given
    exact = estimator.sample(50, given={"1": 1.5}, random_state=0, noise=True)
    assert (exact[:, 1] == 1.5).all()
    assert abs(exact[:, 2].mean() + 2.25) < 0.4


def test_what_cannot_be_given() -> None:
    frame = table(100, 0).drop(columns=["day", "own"])
    plain = Autoencoder(2, max_epochs=1, random_state=0).fit(frame)
    with pytest.raises(ParameterError, match="`given` needs to know how far rows are from what their codes decode to"):
        plain.sample(2, given={"size": (0.0, 1.0)})
    images = VAE(2, network=MLP(hidden=(8,)), schema="images", max_epochs=1, random_state=0)
    images.fit(np.random.default_rng(0).random((40, 4, 4)))
    with pytest.raises(InputError, match="the model was fitted to images"):
        images.sample(2, given={0: 0.5})
