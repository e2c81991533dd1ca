"""A recipe and settings become the estimator that the same words make in Python."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus import KL, MLP, VAE, Autoencoder, Bernoulli, Custom, Gaussian, Mixture
from isthmus.cli.assembling import assemble
from isthmus.core.errors import ParameterError
from isthmus.estimators.recipe import recipe

LINEAR = MLP(hidden=())


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("vae", {}, VAE()),
        ("vae", {"latent_dim": 3, "learning_rate": 0.1}, VAE(latent_dim=3, learning_rate=0.1)),
        ("vae", {"prior": "mixture"}, VAE(prior=Mixture())),
        ("vae", {"prior": {"component": "mixture", "n_components": 5}}, VAE(prior=Mixture(n_components=5))),
        ("vae", {"prior": "auto"}, VAE()),
        ("autoencoder", {"network": {"hidden": (64, 32)}}, Autoencoder(network=MLP(hidden=(64, 32)))),
        ("autoencoder", {"encoder": {"dropout": 0.1}}, Autoencoder(encoder=MLP(dropout=0.1))),
        ("linear-vae", {"decoder": {"dropout": 0.1}}, recipe("linear-vae", decoder=MLP(hidden=(), dropout=0.1))),
        ("linear-vae", {"likelihood": {"sigma": 0.5}}, recipe("linear-vae", likelihood__sigma=0.5)),
        ("linear-vae", {"likelihood": "bernoulli"}, recipe("linear-vae", likelihood=Bernoulli())),
        ("vae", {"likelihood": {"component": "gaussian", "sigma": 2.0}}, VAE(likelihood=Gaussian(sigma=2.0))),
        (
            "vae",
            {"network": {"component": "custom", "path": "a:b", "kwargs": {"width": 2}}},
            VAE(network=Custom("a:b", {"width": 2})),
        ),
        ("vae", {"penalties": {"kl": {"weight": 2}}}, VAE(beta=2)),
        ("beta-vae", {"penalties": {"kl": {"warmup_epochs": 3}}}, VAE(beta=4.0, warmup_epochs=3)),
        ("vae", {"penalties": "auto"}, VAE()),
        ("vae", {"penalties": {"kl": "kl"}}, VAE(penalties={"kl": KL()})),
        ("autoencoder", {"penalties": {"kl": {"weight": 2}}}, Autoencoder(penalties={"kl": KL(weight=2)})),
        (
            "vae",
            {"penalties": {"kl": {"weight": 2}, "more": {"component": "kl"}}},
            VAE(penalties={"kl": KL(weight=2), "more": KL()}),
        ),
        ("vae", {"schema": {"age": "continuous"}}, VAE(schema={"age": "continuous"})),
    ],
)
def test_settings_mean_what_python_means(name: str, settings: dict[str, Any], expected: Any) -> None:
    made = assemble(name, settings)
    assert type(made) is type(expected)
    assert made.get_params(deep=False) == expected.get_params(deep=False)


def test_encoder_starts_from_the_network_that_is_set() -> None:
    made = assemble("vae", {"encoder": {"dropout": 0.5}, "network": {"hidden": (3,)}})
    assert made.encoder == MLP(hidden=(3,), dropout=0.5)
    assert made.network == MLP(hidden=(3,))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("vea", {}, "No recipe is called 'vea'. Did you mean 'vae'?"),
        ("vae", {"latnet_dim": 3}, "VAE has no parameter `latnet_dim`. Did you mean `latent_dim`?"),
        ("autoencoder", {"beta": 3}, "Autoencoder has no parameter `beta`. It has: batch_size, "),
        ("vae", {"network": {"hiden": (3,)}}, "MLP has no parameter `hiden`. Did you mean `hidden`?"),
        ("vae", {"prior": "mixtur"}, "No prior is called 'mixtur'. Did you mean 'mixture'?"),
        ("vae", {"encoder": "lmp"}, "No network is called 'lmp'. Did you mean 'mlp'?"),
        (
            "vae",
            {"prior": {"n_components": 3}},
            "StandardNormal has no parameter `n_components`. It has: none. It is a parameter of another prior: add "
            "--set prior=mixture.",
        ),
        (
            "vae",
            {"likelihood": {"sigma": 1}},
            "Choose one as well: --set likelihood=gaussian (known: bernoulli, gaussian)",
        ),
        ("vae", {"prior": 5}, "`prior` must be 'auto' or one of full-gaussian, mixture, standard-normal; got 5."),
        ("vae", {"max_epochs": {"x": 1}}, "Cannot set `max_epochs.x`: `max_epochs` is not a component."),
        ("vae", {"checkpoint": "runs"}, "`checkpoint` cannot be set here: use --checkpoint DIR."),
        ("vae", {"callbacks": ()}, "`callbacks` cannot be set here: callbacks are Python objects"),
        ("vae", {"penalties": 3}, "`penalties` takes names and parameters, such as penalties.kl.weight=2; got 3."),
        ("vae", {"penalties": {"kl": 3}}, "`penalties.kl` takes parameters, such as penalties.kl.weight=2; got 3."),
        ("vae", {"penalties": {"kl": {"wieght": 3}}}, "KL has no parameter `wieght`. Did you mean `weight`?"),
        ("vae", {"penalties": {"lk": {"weight": 3}}}, "No penalty is called 'lk'. Known: kl."),
        ("vae", {"beta": 2, "penalties": {"kl": {"weight": 3}}}, "`beta` and `penalties.kl.weight` are the same."),
        ("vae", {"penalties": {"x": {"component": "kl"}}}, "Add --set penalties.kl.weight=1 to keep it"),
    ],
)
def test_mistakes_are_named_with_the_fix(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        assemble(name, settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
