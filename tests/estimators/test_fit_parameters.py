"""Every parameter out of range is refused by ``fit``, in one message, and never in ``__init__``."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import isthmus
from isthmus import VAE, Autoencoder, Checkpoint
from isthmus.core.errors import ParameterError

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)

AUTO_OR_COUNT = "must be 'auto', or an integer in [1, inf); got "

CASES = [
    ("latent_dim", 0, AUTO_OR_COUNT + "0."),
    ("latent_dim", 2.5, AUTO_OR_COUNT + "2.5."),
    ("latent_dim", True, AUTO_OR_COUNT + "True."),
    ("network", "mlp", "must be 'auto', or a spec such as isthmus.MLP(hidden=(64, 32)); got 'mlp'."),
    ("encoder", 3, "must be 'auto', or a spec such as isthmus.MLP(hidden=(64, 32)); got 3."),
    ("decoder", 3, "must be 'auto', or a spec such as isthmus.MLP(hidden=(64, 32)); got 3."),
    ("latent", None, "must be 'auto', or a spec such as isthmus.GaussianLatent(); got None."),
    ("prior", "normal", "must be 'auto', or a spec such as isthmus.Mixture(n_components=10); got 'normal'."),
    ("likelihood", "mse", "must be 'auto', or a spec such as isthmus.Gaussian(sigma=0.5); got 'mse'."),
    ("corruption", 0.1, "must be 'auto' or None, or a spec such as isthmus.Masking(rate=0.25); got 0.1."),
    ("objective", 1, "must be 'auto', or a spec such as isthmus.PenalisedLikelihood(); got 1."),
    ("penalties", [], "must be 'auto', or a dict of named penalty specs; got []."),
    (
        "schema",
        "text",
        "must be 'auto' or 'images' or 'binary' or 'unit-interval' or 'continuous' or 'count' or 'categorical', or a ",
    ),
    ("scaling", "robust", "must be 'auto' or 'column' or 'common' or 'none'; got 'robust'."),
    ("extrapolate", "yes", "must be True or False; got 'yes'."),
    ("missing", "drop", "must be 'auto' or 'model' or 'error'; got 'drop'."),
    ("max_epochs", "x", AUTO_OR_COUNT + "'x'."),
    ("max_epochs", 0, AUTO_OR_COUNT + "0."),
    ("max_seconds", 0, "must be None, or a number in (0, inf); got 0."),
    ("max_seconds", float("nan"), "must be None, or a number in (0, inf); got nan."),
    ("batch_size", -1, AUTO_OR_COUNT + "-1."),
    ("learning_rate", -1, "must be a number in (0, inf); got -1."),
    ("learning_rate", float("inf"), "must be a number in (0, inf); got inf."),
    ("learning_rate", "0.1", "must be a number in (0, inf); got '0.1'."),
    ("learning_rate_schedule", "step", "must be 'one-cycle' or 'cosine' or 'constant'; got 'step'."),
    ("validation_fraction", 1.0, "must be None, or a number in (0, 1); got 1.0."),
    ("validation_fraction", 0, "must be None, or a number in (0, 1); got 0."),
    ("patience", 0, "must be 'auto' or None, or an integer in [1, inf); got 0."),
    ("checkpoint", 7, "must be None, or a folder or a Checkpoint; got 7."),
    ("warm_start", "yes", "must be True or False; got 'yes'."),
    ("device", 0, "must be 'auto' or the name of a torch device; got 0."),
    ("precision", "float16", "must be 'auto' or 'float32' or 'bfloat16'; got 'float16'."),
    ("compile", 1.5, "must be True or False; got 1.5."),
    ("callbacks", 5, "must be None, or a list of callbacks; got 5."),
    ("callbacks", [print], "must hold Callback objects; got <built-in function print>."),
    ("verbose", -1, "must be True or False, or an integer in [0, inf); got -1."),
    ("random_state", -1, "must be None, an integer >= 0, or a numpy RandomState or Generator; got -1."),
    ("random_state", "seed", "must be None, an integer >= 0, or a numpy RandomState or Generator; got 'seed'."),
]


@pytest.mark.parametrize(("name", "value", "words"), CASES, ids=[f"{name}-{value}" for name, value, _ in CASES])
@pytest.mark.parametrize("estimator", [Autoencoder, VAE])
def test_out_of_range(estimator, name, value, words):
    model = estimator(**{name: value})  # never in __init__
    assert model.get_params(deep=False)[name] is value
    with pytest.raises(ParameterError) as caught:
        model.fit(X)
    assert f"`{name}` {words}" in str(caught.value)
    if name != "random_state":
        assert str(caught.value).startswith(f"{estimator.__name__}: ")
    assert not hasattr(model, "module_")


def test_every_constructor_parameter_has_a_case():
    assert {name for name, *_ in CASES} == set(Autoencoder().get_params(deep=False))
    assert set(VAE().get_params(deep=False)) - {name for name, *_ in CASES} == {"beta", "warmup_epochs"}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"beta": -1.0}, "VAE: `beta` must be a number in [0, inf); got -1.0."),
        ({"warmup_epochs": "x"}, "VAE: `warmup_epochs` must be 'auto', or a number in [0, inf); got 'x'."),
        ({"prior": isthmus.MLP()}, "`prior` must be 'auto' or a Prior spec; got MLP("),
        ({"network": isthmus.MLP(dropout=1.0)}, "MLP: `dropout` must be a number in [0, 1); got 1.0."),
        ({"penalties": {"kl": 3}}, "`penalties` must be 'auto' or a dict of named penalty specs; got {'kl': 3}."),
        (
            {"checkpoint": Checkpoint("x", every_seconds=-1)},
            "Checkpoint: `every_seconds` must be a number in [0, inf); got -1.",
        ),
        (
            {"checkpoint": Checkpoint("x", accept_mismatch="no")},
            "Checkpoint: `accept_mismatch` must be True or False; got 'no'.",
        ),
        ({"checkpoint": Checkpoint(None)}, "Checkpoint: `folder` must be a folder; got None."),
    ],
)
def test_parameters_of_one_estimator_and_of_specs(parameters, words):
    model = VAE(**parameters)
    with pytest.raises(ParameterError) as caught:
        model.fit(X)
    assert words in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_refused_before_the_data_are_read():
    with pytest.raises(ParameterError, match="`device`='cuda' is not available here; use 'auto' or 'cpu'"):
        Autoencoder(device="cuda").fit(object())
