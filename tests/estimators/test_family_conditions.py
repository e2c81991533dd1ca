"""Conditional models through the face: what is given stays given, and matters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import isthmus
from isthmus import MLP, VAE, VQVAE, Autoencoder, HypersphericalLatent, ImportanceWeighted, VampPrior, VectorQuantised
from isthmus.core.errors import InputError

PIXELS, DIGITS = load_digits(return_X_y=True)
PIXELS = PIXELS / 16
WORDS = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
SMALL = {"max_epochs": 2, "network": MLP(hidden=(16,)), "random_state": 0}


@pytest.fixture(scope="module")
def model():
    rows = np.column_stack([PIXELS, DIGITS])
    return isthmus.recipe(
        "conditional-vae",
        latent_dim=4,
        network=MLP(hidden=(64,)),
        schema={64: "condition"},
        max_epochs=20,
        random_state=0,
    ).fit(rows)


@pytest.fixture(scope="module")
def judge():
    return LogisticRegression(max_iter=200).fit(PIXELS, DIGITS)


@pytest.mark.parametrize("prior", [False, True])
def test_samples_of_a_digit_are_that_digit(model, judge, prior):
    asked = np.repeat(np.arange(10), 40)
    rows = model.sample(400, given={64: asked}, prior=prior, random_state=0)
    assert rows.shape == (400, 65)
    np.testing.assert_array_equal(rows[:, 64], asked)
    assert (judge.predict(rows[:, :64]) == asked).mean() > 0.8
    # Other draws, not one picture of each digit.
    assert rows[:40, :64].std(0).mean() > 0.02


def test_one_code_is_every_digit(model, judge):
    decoded = model.inverse_transform(np.zeros((10, 4)), given={64: list(range(10))})
    assert (judge.predict(decoded[:, :64]) == np.arange(10)).mean() >= 0.8
    np.testing.assert_array_equal(decoded[3], model.inverse_transform(np.zeros((1, 4)), given={64: 3})[0])


def test_reconstructions_keep_their_condition(model, judge):
    rows = np.column_stack([PIXELS, DIGITS])[:300]
    back = model.reconstruct(rows)
    np.testing.assert_array_equal(back[:, 64], DIGITS[:300])
    codes = model.transform(rows)
    np.testing.assert_array_equal(back, model.inverse_transform(codes, given={64: DIGITS[:300]}))
    # The score is that of the pixels, given the digit: it does not count the digit, but it depends on it.
    wrong = rows.copy()
    wrong[:, 64] = (wrong[:, 64] + 1) % 10
    assert model.score(rows) > model.score(wrong) + 1
    assert not np.array_equal(model.transform(wrong), codes)


def test_a_path_between_rows_under_a_condition(model):
    rows = np.column_stack([PIXELS, DIGITS])
    fours = rows[DIGITS == 4][:2]
    path = model.interpolate(fours[0], fours[1], steps=5, given={64: 4})
    assert (path[:, 64] == 4).all()
    np.testing.assert_array_equal(path[[0, 4]], model.reconstruct(fours))
    changing = model.interpolate(fours[0], fours[1], steps=5, given={64: [0, 1, 2, 3, 4]})
    np.testing.assert_array_equal(changing[:, 64], range(5))
    np.testing.assert_array_equal(changing[4], path[4])


@pytest.fixture(scope="module", params=[pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def frames(request):
    columns = {f"p{j}": PIXELS[:200, j] for j in range(20, 30)}
    frame = request.param({**columns, "digit": WORDS[DIGITS[:200]], "ink": PIXELS[:200].sum(1)})
    return VAE(2, schema={"digit": "condition", "ink": "condition"}, **SMALL).fit(frame), frame


def test_words_and_numbers_as_conditions_of_a_table(frames):
    model, frame = frames
    assert model.n_features_in_ == 12
    assert model.module_.width == 10
    assert model.module_.condition_width == 11
    back = model.reconstruct(frame)
    assert type(back) is type(frame)
    assert list(back.columns) == list(frame.columns)
    assert list(back["digit"]) == list(frame["digit"])
    assert list(back["ink"]) == list(frame["ink"])
    drawn = model.sample(3, given={"digit": ["one", "two", "one"], "ink": 20.0}, random_state=0)
    assert list(drawn["digit"]) == ["one", "two", "one"]
    assert list(drawn["ink"]) == [20.0, 20.0, 20.0]
    more = model.sample(3, given={"digit": ["one", "two", "one"], "ink": 30.0}, random_state=0)
    assert not np.array_equal(np.asarray(drawn["p25"]), np.asarray(more["p25"]))


USES = {
    "sample": lambda model, given: model.sample(2, given=given, random_state=0),
    "inverse_transform": lambda model, given: model.inverse_transform(np.zeros((2, 2)), given=given),
}


@pytest.mark.parametrize("use", USES)
def test_what_is_missing_or_wrong_in_given_is_named(frames, use):
    model, _ = frames
    call = USES[use]
    with pytest.raises(
        InputError, match=r"^The condition must be given: column 'digit', column 'ink' is missing. Known"
    ):
        call(model, None)
    with pytest.raises(InputError, match=r"column 'ink' is missing\. Known: column 'digit' \(levels 'eight', 'five'"):
        call(model, {"digit": "one"})
    with pytest.raises(
        InputError, match=r"level 'ten' for column 'digit', which was not seen in training. Known levels"
    ):
        call(model, {"digit": "ten", "ink": 1.0})
    with pytest.raises(
        InputError,
        match=r"names 'dgit', which is no (condition\. Known: column 'digit'|column\. Did you mean 'digit'\?)",
    ):
        call(model, {"dgit": "one", "ink": 1.0})
    with pytest.raises(InputError, match=r"3 values for column 'digit'; expected one for all rows, or 2"):
        call(model, {"digit": ["one", "two", "six"], "ink": 1.0})
    with pytest.raises(InputError, match=r"`given` has nan for column 'ink'; expected a finite number"):
        call(model, {"digit": "one", "ink": float("nan")})
    with pytest.raises(InputError, match=r"`given` must be a dict of columns to values; got list"):
        call(model, ["one"])


def test_interpolation_asks_for_the_condition_too(frames):
    model, frame = frames
    with pytest.raises(InputError, match=r"The condition must be given: column 'digit'"):
        model.interpolate(frame[:1], frame[1:2])


def test_a_model_without_conditions_takes_none():
    plain = Autoencoder(2, **SMALL).fit(PIXELS[:50, 20:30])
    with pytest.raises(
        InputError, match=r"`given` names 3, which is no condition\. The data has no column of the role"
    ):
        plain.inverse_transform(np.zeros((2, 2)), given={3: 1})


@pytest.mark.parametrize(
    "parts", [{"prior": VampPrior(n_components=5)}, {"objective": ImportanceWeighted(samples=3)}], ids=["vamp", "iwae"]
)
def test_conditions_go_with_the_rest_of_the_family(parts, tmp_path):
    rows = np.column_stack([PIXELS[:100, 20:30], DIGITS[:100]])
    model = VAE(2, schema={10: "condition"}, **SMALL, **parts).fit(rows)
    order = np.random.default_rng(0).permutation(100)
    np.testing.assert_array_equal(model.transform(rows[order]), model.transform(rows)[order])
    np.testing.assert_array_equal(model.score_samples(rows[7:8]), model.score_samples(rows)[7:8])
    estimate = model.density(rows, samples=200)
    assert estimate.mean > model.score(rows)
    model.save(tmp_path / "model.safetensors")
    loaded = isthmus.load(tmp_path / "model.safetensors")
    drawn = [one.sample(4, given={10: 3}, prior=True, random_state=0) for one in (model, loaded)]
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_array_equal(loaded.density(rows, samples=200).log_likelihood, estimate.log_likelihood)


# Codes that say what the condition says


@pytest.fixture(scope="module")
def keeping():
    """A linear model whose encoder keeps the side of a row, which is its condition."""
    random = np.random.default_rng(0)
    side = random.integers(0, 2, 300)
    place = (2 * side - 1)[:, None] * np.array([3, 3, 3, 0, 0, 0]) + random.normal(size=(300, 1)) * np.repeat([0, 1], 3)
    rows = np.column_stack([place + 0.1 * random.normal(size=(300, 6)), side])
    parts = {"network": MLP(hidden=()), "schema": {6: "condition"}, "learning_rate": 1e-2, "batch_size": 32}
    return Autoencoder(2, **parts, max_epochs=10, random_state=0).fit(rows)


def heeded(rows) -> float:
    """The share of the rows that lie on the side that was asked for."""
    return float(np.mean((rows[:, :3].mean(1) > 0) == (rows[:, 6] == 1)))


def test_codes_are_drawn_for_the_condition(keeping):
    asked = np.repeat([0, 1], 100)
    whatever = keeping.density_().draw(200, torch.Generator().manual_seed(0)).numpy()
    assert heeded(keeping.inverse_transform(whatever, given={6: asked})) < 0.85  # the code has a say
    drawn = keeping.sample(200, given={6: asked}, random_state=0)
    assert heeded(drawn) > 0.97
    assert heeded(keeping.sample(50, given={6: 1}, random_state=0)) > 0.97
    assert heeded(keeping.sample(200, given={6: asked}, prior=True, random_state=0)) < 0.9
    calm = keeping.sample(200, given={6: asked}, temperature=0.3, random_state=0)
    assert 0 < calm[:100, 0].std() < 0.5 * drawn[:100, 0].std()


def test_codes_are_drawn_for_the_condition_and_a_range_of_a_column(keeping):
    asked = np.repeat([0, 1], 40)
    drawn = keeping.sample(80, given={6: asked, 3: (0.5, 1.5)}, random_state=0)
    assert heeded(drawn) > 0.95
    assert ((drawn[:, 3] >= 0.5) & (drawn[:, 3] <= 1.5)).all()


def test_a_density_that_knows_conditions_is_saved(keeping, tmp_path):
    keeping.save(tmp_path / "model.safetensors")
    loaded = isthmus.load(tmp_path / "model.safetensors")
    assert loaded.density_spec_ == keeping.density_spec_
    assert loaded.density_spec_.name == "conditional-mixture"
    drawn = [one.sample(6, given={6: [0, 1] * 3}, random_state=0) for one in (keeping, loaded)]
    np.testing.assert_array_equal(*drawn)
    # What does not ask about a condition looks at all codes.
    assert loaded.manifold(steps=3, given={6: 1}).shape == (3, 3, 7)


@pytest.mark.parametrize("latent", [HypersphericalLatent(), VectorQuantised(n_codes=4)], ids=["sphere", "symbols"])
def test_directions_and_symbols_are_drawn_whatever_the_condition(latent):
    rows = np.column_stack([PIXELS[:100, 20:30], DIGITS[:100]])
    estimator = VAE if latent.stochastic else VQVAE
    model = estimator(4, latent=latent, schema={10: "condition"}, **SMALL).fit(rows)
    assert model.sample(4, given={10: [1, 2, 3, 4]}, temperature=0.5, random_state=0).shape == (4, 11)


def test_a_hole_in_a_condition_is_refused_as_such() -> None:
    frame = pd.DataFrame({"size": np.arange(40.0), "age": np.arange(40.0) % 7 + 0.5})
    frame.loc[3, "age"] = np.nan
    with pytest.raises(
        InputError, match=r"row 3, column 'age'\. Every cell of a condition and of the exposure must be"
    ):
        isthmus.VAE(1, schema={"age": "condition"}, max_epochs=1).fit(frame)
