"""Every recipe, when something goes wrong: parameters, learning rates, gradients, collapse."""

from __future__ import annotations

import math
import pickle
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch

import isthmus
from isthmus.core.errors import CollapseWarning, DivergenceError, ParameterError
from isthmus.core.spec import Spec
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.deterministic_recipes import DETERMINISTIC
from isthmus.models.importance_weighted_recipes import IMPORTANCE_WEIGHTED
from isthmus.models.quantised_recipes import QUANTISED
from isthmus.models.recipes import RECIPES, find_recipe
from isthmus.models.variational_recipes import VARIATIONAL
from isthmus.testing import small_recipe
from isthmus.testing.estimators import example_data

X = example_data()
NAMES = sorted(RECIPES)


def specs_of(estimator):
    """Each spec of an estimator by its nested name."""
    return {name: value for name, value in estimator.get_params().items() if isinstance(value, Spec)}


def finite(model):
    codes = model.transform(X)
    found = (codes, model.score_samples(X), model.reconstruct(X), model.sample(3, random_state=0))
    return all(np.isfinite(one).all() for one in found)


def test_the_whole_family_is_there_and_each_says_where_it_comes_from():
    tables = (DETERMINISTIC, VARIATIONAL, IMPORTANCE_WEIGHTED, QUANTISED)
    assert len(RECIPES) == sum(map(len, tables)) >= 39
    for name, recipe in RECIPES.items():
        assert recipe.name == name
        assert find_recipe(name) is recipe
        for words in (recipe.summary, recipe.use):
            assert words.endswith(".") or words[-1].isalnum(), name
            assert len(words) > 20, name
        assert any(year in recipe.paper for year in map(str, range(1984, 2027))), name
        assert recipe.formula, name
        # A recipe is a name for what can be said without one.
        params = isthmus.recipe(name).get_params(deep=False)
        assert params | dict(recipe.params) == params


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_checked_by_fit_and_not_before(name):
    for parameter, value, words in (
        ("latent_dim", 0, "`latent_dim` must be 'auto', or an integer in [1, inf); got 0."),
        ("learning_rate", -1, "`learning_rate` must be a number in (0, inf); got -1."),
        ("max_epochs", "x", "`max_epochs` must be 'auto', or an integer in [1, inf); got 'x'."),
    ):
        model = isthmus.recipe(name, **{parameter: value})
        with pytest.raises(ParameterError) as caught:
            model.fit(X)
        assert str(caught.value) == f"{type(model).__name__}: {words}"
    for size in (4, "auto"):
        for prefix, spec in specs_of(isthmus.recipe(name)).items():
            for parameter in spec.constraints:
                model = isthmus.recipe(name, latent_dim=size).set_params(**{f"{prefix}__{parameter}": "absurd"})
                with pytest.raises(ParameterError) as caught:
                    model.fit(X)
                words = str(caught.value)
                assert words.startswith(f"{type(spec).__name__}: `{parameter}` must be "), (prefix, words)
                assert words.endswith("; got 'absurd'."), words
                assert not hasattr(model, "module_")


@pytest.mark.parametrize("name", NAMES)
def test_an_absurd_learning_rate_leaves_a_finite_model(name):
    model = small_recipe(name, max_epochs=4, learning_rate=1e6, batch_size=12, random_state=0)
    try:
        model.fit(X)
    except DivergenceError as error:
        assert "The model holds the last finite parameters" in str(error)  # noqa: PT017 - either is right
    else:
        assert model.score(X) > -1e6
    assert finite(model)
    assert all(bool(tensor.isfinite().all()) for tensor in model.module_.state_dict().values())


@pytest.mark.parametrize("name", NAMES)
def test_a_step_with_a_gradient_that_is_not_finite_changes_nothing(name, monkeypatch):
    loss, before = ComposedAutoencoder.loss, []

    def patched(self, batch, noise, weights):
        terms = loss(self, batch, noise, weights)
        if self.training:
            before.append({key: tensor.clone() for key, tensor in self.state_dict().items()})
            if len(before) == 3:
                terms.parts["reconstruction"] = terms.parts["reconstruction"] * math.nan
                terms.parts["importance_bound"] = terms.parts["reconstruction"] * 1.0
        return terms

    monkeypatch.setattr(ComposedAutoencoder, "loss", patched)
    model = small_recipe(name, max_epochs=2, batch_size=16, validation_fraction=None, random_state=0).fit(X)
    skipped = [event for event in model.history_.events if event["kind"] == "skipped"]
    assert [event["count"] for event in skipped] == [1]
    assert len(before) == 6
    changed = [not all(torch.equal(a[key], b[key]) for key in a) for a, b in pairwise(before)]
    assert changed == [True, True, False, True, True]
    assert finite(model)


# What presses the code onto the prior, where something does, at a weight that leaves nothing of the code.
PRESSED = {
    "annealed-beta-vae": {"penalties__kl__weight": 1e3, "penalties__kl__capacity": 0.0},
    "free-bits-vae": {"penalties__kl__weight": 1e3, "penalties__kl__nats": 0.0},
}
FULL_BATCH = {
    "max_epochs": 80,
    "batch_size": 48,
    "learning_rate": 0.1,
    "validation_fraction": None,
    "random_state": 0,
}
BY_THE_WEIGHT = {"penalties__kl__weight": 1e3}
BY_BETA = {"beta": 1e3, "warmup_epochs": 0}
# On a sphere there is no linear model of the same size to compare with.
NOT_JUDGED = {"hyperspherical-vae"}
COLLAPSING = [recipe.name for recipe in VARIATIONAL if recipe.name not in NOT_JUDGED]


@pytest.mark.parametrize("name", COLLAPSING)
def test_forced_collapse_is_told_and_recorded(name):
    explicit = "penalties__kl__weight" in isthmus.recipe(name).get_params()
    pressure = PRESSED.get(name, BY_THE_WEIGHT if explicit else BY_BETA)
    model = small_recipe(name, **pressure, **FULL_BATCH)
    with pytest.warns(CollapseWarning, match=r"^[01] of 4 latent dimensions are active") as caught:
        model.fit(X)
    assert str(caught[0].message) == model.collapse_
    assert model.active_units_ <= 1


@cache
def fitted(name):
    return small_recipe(name, random_state=0).fit(X)


@pytest.mark.parametrize("name", NAMES)
def test_a_fitted_recipe_goes_through_pickle_in_memory(name):
    model = fitted(name)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - what joblib does between processes
    assert again.get_params(deep=False) == model.get_params(deep=False)
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    np.testing.assert_array_equal(again.sample(4, random_state=0), model.sample(4, random_state=0))


@pytest.mark.parametrize("name", [name for name in NAMES if RECIPES[name].estimator == "autoencoder"])
def test_a_point_has_no_density_and_says_so(name):
    with pytest.raises(ParameterError, match=r"density needs a model that gives rows a likelihood.*use score_samples"):
        fitted(name).density(X, samples=10)
