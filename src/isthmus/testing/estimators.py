"""What every estimator must do, beyond scikit-learn's own conformity checks."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from isthmus.components.networks.mlp import MLP
from isthmus.core.errors import IsthmusError
from isthmus.estimators.base import BaseAutoencoder
from isthmus.estimators.recipe import recipe
from isthmus.estimators.saving import load
from isthmus.models.defaults import AUTO

from .requirement import global_random_state_untouched, require, require_close

ROWS = 48
DENSITY_SAMPLES = 64
SMALL = {
    "decoder__hidden": (8,),
    "latent__n_codes": 8,
    "latent__top_k": 2,
    "latent__hidden": (8,),
    "prior__hidden": (8,),
    "prior__n_components": 4,
}


def example_data() -> np.ndarray:
    """48 rows of six columns on different scales, with two directions that carry most of them."""
    generator = np.random.Generator(np.random.PCG64(0))
    factors = generator.normal(size=(ROWS, 2)) @ generator.normal(size=(2, 6))
    return (factors + 0.2 * generator.normal(size=(ROWS, 6))) * np.array([1, 10, 0.1, 3, 1, 100]) + 5


def small_recipe(name: str, **params: Any) -> BaseAutoencoder:
    """A recipe with a network, a code and a run that are small enough for a check.

    ``params`` are set on top.

    >>> small_recipe("vamp-vae").prior.n_components
    4
    """
    estimator = recipe(name, latent_dim=4, max_epochs=2)
    known = estimator.get_params()
    # Two numbers of the same meaning may contradict each other: an estimator's own goes with its automatic parts.
    chosen = {key: value for key, value in SMALL.items() if key in known}
    if known["network"] == AUTO:
        chosen["network"] = MLP(hidden=(8,))
    if known["latent"] == AUTO and "n_codes" in known:
        chosen |= {"n_codes": 8, "tokens": 2}
    chosen |= {key: MLP(hidden=(8,), activation="relu") for key in known if key.endswith("__critic")}
    return estimator.set_params(**chosen).set_params(**params)


def check_estimator_contract(estimator: Any, X: np.ndarray | None = None) -> None:
    """Fit, and use the whole face: shapes, types, determinism, independence of rows, saving.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Not fitted, with few epochs; it is cloned, not changed.
    X : ndarray of float64, shape (n, d), optional
        At least 16 rows. Six columns by default.

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import MLP, Autoencoder
    >>> check_estimator_contract(Autoencoder(latent_dim=2, max_epochs=2, network=MLP(hidden=(8,))))
    """
    who = type(estimator).__name__
    X = example_data() if X is None else X
    given, threads, dtype = X.copy(), torch.get_num_threads(), torch.get_default_dtype()
    first = clone(estimator).set_params(random_state=0)
    with global_random_state_untouched(f"{who}.fit and the use of the fitted model"):
        require(first.fit(X) is first, f"{who}.fit must return the estimator")
        outputs = _outputs(who, first, X)
    require(np.array_equal(X, given), f"{who} changed the caller's X")
    require(torch.get_num_threads() == threads, f"{who} changed torch's number of threads")
    require(torch.get_default_dtype() == dtype, f"{who} changed torch's default dtype")
    _check_shapes(who, first, X, outputs)
    _check_rows(who, first, X, outputs)
    again = clone(estimator).set_params(random_state=0).fit(X)
    _check_same(f"{who}: fitted twice with one seed", outputs, _outputs(who, again, X))
    # Copying takes the road of pickling (__reduce_ex__, __getstate__), which joblib needs.
    _check_same(f"{who}: copied", outputs, _outputs(who, copy.deepcopy(first), X))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        first.save(path)
        trust = [spec.path for spec in first.get_params().values() if hasattr(spec, "path")]
        loaded = load(path, trust=trust)
        first.save(Path(folder) / "twin.safetensors")
        require(path.read_bytes() == (Path(folder) / "twin.safetensors").read_bytes(), f"{who}: saving twice differs")
    require(type(loaded) is type(first), f"{who}: loading gives a {type(loaded).__name__}")
    _check_same(f"{who}: saved and loaded", outputs, _outputs(who, loaded, X))
    _check_refusals(who, first, X)


def _outputs(who: str, estimator: Any, X: np.ndarray) -> dict[str, np.ndarray]:
    codes, posterior = estimator.transform(X), estimator.posterior(X)
    outputs = {
        "transform": codes,
        "inverse_transform": estimator.inverse_transform(codes),
        "reconstruct": estimator.reconstruct(X),
        "denoise": estimator.denoise(X),
        "score_samples": estimator.score_samples(X),
        "sample": estimator.sample(5, random_state=1),
        "sample from the prior": estimator.sample(5, prior=True, random_state=1),
        "interpolate": estimator.interpolate(X[0], X[1], steps=4),
        "codes": estimator.codes(X),
        "posterior mean": posterior.mean,
        "posterior sample": posterior.sample(2, random_state=1),
    }
    if posterior.standard_deviation is not None:
        outputs["posterior standard deviation"] = posterior.standard_deviation
    if estimator.module_.bounded:
        outputs["density"] = estimator.density(X, samples=DENSITY_SAMPLES).log_likelihood
    if hasattr(estimator.composition_.prior, "n_components"):
        outputs["clusters"] = estimator.clusters(X)
    _check_same(f"{who}: called twice", {"transform": codes}, {"transform": estimator.transform(X)})
    scores = {"score_samples": outputs["score_samples"]}
    _check_same(f"{who}: called twice", scores, {"score_samples": estimator.score_samples(X)})
    return outputs


def _check_shapes(who: str, estimator: Any, X: np.ndarray, outputs: dict[str, np.ndarray]) -> None:
    n, d, k = len(X), X.shape[1], estimator.latent_dim_
    symbols = estimator.module_.code_space == "symbols"
    expected: dict[str, tuple[tuple[int, ...], Any]] = {
        "transform": ((n, k), np.float32),
        "inverse_transform": ((n, d), X.dtype),
        "reconstruct": ((n, d), X.dtype),
        "denoise": ((n, d), X.dtype),
        "score_samples": ((n,), np.float64),
        "sample": ((5, d), X.dtype),
        "sample from the prior": ((5, d), X.dtype),
        "interpolate": ((4, d), X.dtype),
        "codes": ((n, len(estimator.module_.levels)), np.int64) if symbols else ((n, k), np.float32),
        "posterior mean": ((n, k), np.float32),
        "posterior standard deviation": ((n, k), np.float32),
        "posterior sample": ((2, n, k), np.float32),
        "density": ((n,), np.float64),
        "clusters": ((n, getattr(estimator.composition_.prior, "n_components", 0)), np.float32),
    }
    for name, got in outputs.items():
        shape, dtype = expected[name]
        require(got.shape == shape, f"{who}: {name} has shape {got.shape}, expected {shape}")
        require(got.dtype == dtype, f"{who}: {name} has type {got.dtype}, expected {np.dtype(dtype)}")
        require(np.isfinite(got).all(), f"{who}: {name} is not finite")
    ends = outputs["interpolate"][[0, -1]]
    require(np.array_equal(ends, outputs["reconstruct"][:2]), f"{who}: interpolate must end in the reconstructed rows")
    same = np.array_equal(outputs["posterior mean"], outputs["transform"])
    require(same, f"{who}: posterior(X).mean is not transform(X)")
    if "clusters" in outputs:
        sums = torch.from_numpy(outputs["clusters"]).sum(1)
        require_close(sums, torch.ones(n), f"{who}: the clusters of a row must sum to 1", 1e-6)
    names = estimator.get_feature_names_out()
    require(len(names) == k, f"{who}: get_feature_names_out gives {len(names)} names for {k} dimensions")
    mean = float(np.mean(outputs["score_samples"]))
    require(estimator.score(X) == mean, f"{who}: score must be the mean of score_samples")


def _check_rows(who: str, estimator: Any, X: np.ndarray, outputs: dict[str, np.ndarray]) -> None:
    """A row's result depends on that row alone: not on its place, nor on the other rows, nor on the memory layout."""
    order = np.random.Generator(np.random.PCG64(1)).permutation(len(X))
    layouts = {
        "in another order": (X[order], order),
        "some rows only": (X[3:10], np.arange(3, 10)),
        "one row": (X[7:8], np.array([7])),
        "in Fortran order": (np.asfortranarray(X), np.arange(len(X))),
        "strided": (np.repeat(X, 2, axis=0)[::2], np.arange(len(X))),
    }
    methods: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        name: getattr(estimator, name) for name in ("transform", "codes", "reconstruct", "score_samples")
    }
    for words, (rows, index) in layouts.items():
        for name, method in methods.items():
            same = np.array_equal(method(rows), outputs[name][index])
            require(same, f"{who}.{name}: {words}, the result of a row changes")
    if "density" in outputs:
        found = estimator.density(X[order], samples=DENSITY_SAMPLES).log_likelihood
        require(np.array_equal(found, outputs["density"][order]), f"{who}.density: the order of rows changes it")


def _check_same(words: str, wanted: dict[str, np.ndarray], got: dict[str, np.ndarray]) -> None:
    for name, value in wanted.items():
        require(np.array_equal(value, got[name]), f"{words}: {name} differs")


def _check_refusals(who: str, estimator: Any, X: np.ndarray) -> None:
    broken = X.copy()
    broken[2, 1] = np.nan
    cases: dict[str, Callable[[], Any]] = {
        "NaN in transform": lambda: estimator.transform(broken),
        "NaN in score_samples": lambda: estimator.score_samples(broken),
        "a column too few": lambda: estimator.transform(X[:, 1:]),
        "no rows": lambda: estimator.transform(X[:0]),
        "codes of another size": lambda: estimator.inverse_transform(np.zeros((2, estimator.latent_dim_ + 1))),
        "sample(0)": lambda: estimator.sample(0),
    }
    for words, call in cases.items():
        try:
            call()
        except IsthmusError as error:
            require(str(error), f"{who}: the error for {words} says nothing")
        else:
            raise AssertionError(f"{who} accepts {words}")
