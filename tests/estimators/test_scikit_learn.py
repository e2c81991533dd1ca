"""scikit-learn's own conformity checks, and the tools that people combine estimators with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

import isthmus
from isthmus import MLP, VAE, VQVAE, Autoencoder, Gaussian, Mixture
from isthmus.core.errors import DataWarning, InputError, ParameterError

SMALL = {"max_epochs": 2, "network": MLP(hidden=(8,)), "random_state": 0}


@parametrize_with_checks([Autoencoder(max_epochs=2), VAE(max_epochs=2), VQVAE(max_epochs=2, n_codes=8)])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([Autoencoder(), VAE(), VQVAE()])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks_with_defaults(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.mark.parametrize("estimator", [Autoencoder(2, **SMALL), VAE(2, prior=Mixture(n_components=3), **SMALL)])
def test_clone_keeps_every_parameter_and_no_state(estimator, iris):
    estimator = clone(estimator).fit(iris[0])
    copy = clone(estimator)
    assert copy.get_params(deep=False) == estimator.get_params(deep=False)
    assert not hasattr(copy, "module_")


def test_nested_parameters_are_replaced_never_changed_in_place():
    prior = Mixture(n_components=3)
    first, second = VAE(prior=prior), VAE(prior=prior)
    first.set_params(prior__n_components=5)
    assert (first.prior.n_components, second.prior.n_components, prior.n_components) == (5, 3, 3)


def test_penalties_are_reached_by_name():
    model = VAE(penalties={"kl": isthmus.KL(weight=2.0)})
    assert model.get_params()["penalties__kl__weight"] == 2.0
    assert model.set_params(penalties__kl__weight=3.0).penalties["kl"].weight == 3.0


def test_a_nested_parameter_of_auto_names_the_default_spec():
    with pytest.raises(
        ParameterError, match=r"cannot set `prior__n_components` while `prior` is 'auto'.*StandardNormal"
    ):
        VAE().set_params(prior__n_components=5)


def test_an_unknown_parameter_is_refused_by_name():
    with pytest.raises(ValueError, match="VAE has no parameter `latent_dims`"):
        VAE().set_params(latent_dims=3)


def test_pipeline_and_grid_search_over_nested_parameters_in_two_processes(iris):
    X, y = iris
    pipeline = make_pipeline(VAE(2, likelihood=Gaussian(), **SMALL), LogisticRegression())
    grid = {"vae__beta": [0.5, 1.0], "vae__network__hidden": [(4,), (8, 4)]}
    search = GridSearchCV(pipeline, grid, n_jobs=2, cv=2).fit(X, y)
    assert set(search.best_params_) == set(grid)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_[0].network.hidden == search.best_params_["vae__network__hidden"]


def test_grid_search_by_the_models_own_score(iris):
    search = GridSearchCV(VAE(2, **SMALL), {"latent_dim": [1, 2]}, cv=2).fit(iris[0])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_column_transformer(iris):
    frame = pd.DataFrame(iris[0], columns=["a", "b", "c", "d"]).assign(kind=["x", "y"] * 75)
    both = ColumnTransformer(
        [("codes", Autoencoder(2, **SMALL), ["a", "b", "c", "d"]), ("kind", OneHotEncoder(), ["kind"])]
    )
    assert both.fit_transform(frame).shape == (150, 4)
    assert list(both.get_feature_names_out()) == [
        "codes__autoencoder0",
        "codes__autoencoder1",
        "kind__kind_x",
        "kind__kind_y",
    ]


@pytest.mark.parametrize(("container", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output(container, kind, iris):
    model = VAE(2, **SMALL).set_output(transform=container)
    codes = model.fit_transform(iris[0])
    assert isinstance(codes, kind)
    assert list(codes.columns) == ["vae0", "vae1"] == list(model.get_feature_names_out())
    np.testing.assert_array_equal(np.asarray(codes), model.set_output(transform="default").transform(iris[0]))


@pytest.mark.parametrize("frame_type", [pd.DataFrame, pl.DataFrame])
def test_frames_come_back_as_frames_with_their_columns_in_any_order(frame_type, iris):
    names = ["a", "b", "c", "d"]
    frame = frame_type(dict(zip(names, iris[0].T, strict=True)))
    model = VAE(2, **SMALL).fit(frame)
    assert list(model.feature_names_in_) == names
    back = model.reconstruct(frame)
    assert type(back) is frame_type
    assert list(back.columns) == names
    np.testing.assert_array_equal(model.transform(frame[names[::-1]]), model.transform(frame))
    np.testing.assert_array_equal(model.score_samples(frame[names[::-1]]), model.score_samples(frame))
    with pytest.raises(InputError, match="yet now missing:\n- c"):
        model.transform(frame[["a", "b", "d"]])


def test_the_same_estimator_twice_gives_the_same_bits(iris):
    first, second = (VAE(2, **SMALL).fit(iris[0]) for _ in range(2))
    np.testing.assert_array_equal(first.transform(iris[0]), second.transform(iris[0]))
    np.testing.assert_array_equal(first.sample(5, random_state=1), second.sample(5, random_state=1))


def test_repr_shows_what_was_set():
    assert repr(VAE(latent_dim=8, beta=2.0)) == "VAE(beta=2.0, latent_dim=8)"


def test_help_lists_shared_parameters():
    import inspect

    names = list(inspect.signature(VAE).parameters)
    assert names[:3] == ["latent_dim", "beta", "warmup_epochs"]
    assert {"network", "prior", "max_epochs", "random_state"} <= set(names)
    assert "early stopping" in (VAE.__doc__ or "")
    assert "[shared parameters]" not in (VAE.__doc__ or "") + (Autoencoder.__doc__ or "")


def test_an_unknown_constructor_parameter_is_refused_with_a_suggestion():
    with pytest.raises(TypeError, match=r"^VAE has no parameter `latnt_dim`. Did you mean `latent_dim`\?$"):
        VAE(latnt_dim=3)
    with pytest.raises(TypeError, match=r"^Autoencoder has no parameter `qqq`. It has: latent_dim, network"):
        Autoencoder(qqq=2)


def test_nameless_rows_for_a_model_of_named_columns_are_taken_with_a_warning(iris):
    frame = pd.DataFrame(iris[0], columns=["a", "b", "c", "d"])
    model = VAE(2, **SMALL).fit(frame)
    with pytest.warns(DataWarning, match="X does not have valid feature names, but VAE was fitted with feature names"):
        codes = model.transform(iris[0])
    np.testing.assert_array_equal(codes, model.transform(frame))
