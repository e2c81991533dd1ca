"""Searching over the family's nested parameters, and composing what no recipe names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import isthmus
from isthmus import (
    KL,
    MLP,
    VAE,
    Autoencoder,
    Autoregressive,
    Categorical,
    Contraction,
    Gaussian,
    GaussianNoise,
    VampPrior,
)
from isthmus.testing import small_recipe

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3)) @ RNG.normal(size=(3, 6)) + 0.1 * RNG.normal(size=(90, 6))
SMALL = {"latent_dim": 2, "max_epochs": 3, "network": MLP(hidden=(8,)), "random_state": 0}


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("beta-tc-vae", {"beta": [1.0, 6.0]}),
        ("beta-vae", {"beta": [1.0, 50.0]}),
        ("vamp-vae", {"prior__n_components": [1, 5]}),
        ("mixture-vae", {"prior__n_components": [1, 4]}),
        ("dip-vae-i", {"penalties__covariance__weight": [0.0, 100.0]}),
        ("factor-vae", {"penalties__kl__weight": [0.1, 10.0], "penalties__total_correlation__weight": [1.0]}),
        ("k-sparse-autoencoder", {"latent__top_k": [1, 4]}),
        ("denoising-autoencoder", {"corruption__rate": [0.0, 0.9]}),
        ("iwae", {"objective__samples": [1, 10]}),
        ("student-vae", {"likelihood__degrees_of_freedom": [2.5, 30.0]}),
        ("vq-vae", {"n_codes": [2, 16]}),
        ("residual-vq-vae", {"latent__stages": [1, 3]}),
    ],
)
def test_a_grid_over_nested_parameters(name, grid):
    estimator = small_recipe(name, random_state=0)
    if name == "beta-tc-vae":
        weights = [clone(estimator).set_params(beta=beta).fit(X).composition_.penalties for beta in grid["beta"]]
        assert [found["total_correlation"].weight for found in weights] == [0.0, 5.0]
    before = estimator.get_params()
    search = GridSearchCV(estimator, grid, cv=2).fit(X)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) == len(scores)  # the parameter reached the model
    assert {key: search.best_estimator_.get_params()[key] for key in grid} == search.best_params_
    assert estimator.get_params() == before


def test_a_schedule_inside_a_penalty_is_searched_too():
    search = GridSearchCV(
        small_recipe("cyclical-vae", random_state=0), {"penalties__kl__weight__cycles": [1, 3]}, cv=2
    ).fit(X)
    assert search.best_estimator_.penalties["kl"].weight.cycles == search.best_params_["penalties__kl__weight__cycles"]


def test_a_combination_that_no_recipe_names(tmp_path):
    """A denoising VampPrior VAE with Hutchinson's estimate of a contraction."""
    model = VAE(
        **SMALL,
        prior=VampPrior(n_components=4),
        corruption=GaussianNoise(0.2),
        penalties={"kl": KL(), "contraction": Contraction(weight=0.1, estimator="hutchinson")},
    ).fit(X)
    assert {"train/kl", "train/contraction", "train/reconstruction"} <= set(model.history_.names)
    assert model.module_.penalties_by_name["contraction"].spec.estimator == "hutchinson"
    model.save(tmp_path / "model.safetensors")
    loaded = isthmus.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    np.testing.assert_array_equal(loaded.score_samples(X), model.score_samples(X))
    np.testing.assert_array_equal(
        loaded.sample(4, prior=True, random_state=0), model.sample(4, prior=True, random_state=0)
    )
    assert loaded.composition_ == model.composition_
    assert model.clusters(X).shape == (90, 4)
    # Noise while training only: what is embedded is the row itself.
    np.testing.assert_array_equal(model.transform(X), model.transform(X))


# Categorical data


@pytest.fixture(scope="module")
def survey():
    kind = RNG.integers(0, 3, 400)
    words = np.array(["ash", "beech", "cedar"])
    return pd.DataFrame(
        {
            "tree": pd.Categorical(words[kind], categories=["cedar", "ash", "beech", "yew"]),
            "leaf": np.where(RNG.random(400) < 0.95, kind, RNG.integers(0, 3, 400)).astype(str),
            "height": kind + 0.1 * RNG.normal(size=400),
        }
    )


def test_levels_go_in_and_come_out(survey):
    schema = {"tree": "categorical", "leaf": "categorical"}
    network = MLP(hidden=(16,))
    model = VAE(2, schema=schema, max_epochs=15, batch_size=40, learning_rate=0.01, network=network, random_state=0)
    model.fit(survey)
    kinds = [type(one) for one in model.composition_.likelihoods]
    assert set(kinds) == {Autoregressive}
    separate = Autoencoder(2, schema=schema, max_epochs=1, random_state=0).fit(survey)
    kinds = [type(one) for one in separate.composition_.likelihoods]
    assert kinds.count(Gaussian) == 1
    assert set(kinds) == {Gaussian, Categorical}
    back = model.reconstruct(survey)
    pd.testing.assert_series_equal(back.dtypes, survey.dtypes)
    assert (back["tree"].astype(str) == survey["tree"].astype(str)).mean() > 0.95
    drawn = model.sample(300, random_state=0)
    assert set(drawn["tree"].astype(str)) <= {"ash", "beech", "cedar"}  # never a level that no row has
    # What goes together stays together.
    expected = {"ash": "0", "beech": "1", "cedar": "2"}
    agree = [expected[tree] == leaf for tree, leaf in zip(drawn["tree"].astype(str), drawn["leaf"], strict=True)]
    assert np.mean(agree) > 0.8
    order = np.random.default_rng(1).permutation(400)
    np.testing.assert_array_equal(model.score_samples(survey.iloc[order]), model.score_samples(survey)[order])
