"""A recipe and settings become the estimator that the same words make in Python."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus import (
    MLP,
    VAE,
    VQVAE,
    Autoencoder,
    Bernoulli,
    Custom,
    Gaussian,
    Masking,
    Mixture,
    Ordered,
    Point,
    VectorQuantised,
)
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
        ("autoencoder", {"latent": "ordered"}, Autoencoder(latent=Ordered())),
        ("autoencoder", {"latent": {"top_k": 2}}, Autoencoder(latent=Point(top_k=2))),
        ("vae", {"corruption": {"component": "masking", "rate": 0.3}}, VAE(corruption=Masking(rate=0.3))),
        ("denoising-autoencoder", {"corruption": {"rate": 0.5}}, Autoencoder(corruption=Masking(rate=0.5))),
        ("denoising-autoencoder", {"corruption": "none"}, Autoencoder(corruption=None)),
        ("denoising-autoencoder", {"corruption": None}, Autoencoder(corruption=None)),
        ("denoising-autoencoder", {"corruption": "auto"}, Autoencoder()),
        ("vq-vae", {"n_codes": 16, "tokens": 2}, VQVAE(n_codes=16, tokens=2)),
        (
            "vq-vae",
            {"n_codes": 16, "latent": {"decay": 0.9}},
            VQVAE(n_codes=16, latent=VectorQuantised(n_codes=16, tokens="auto", decay=0.9)),
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
            "hyperspherical-vae",
            {"prior": {"n_components": 3}},
            "UniformSphere has no parameter `n_components`. It has: none. It is a parameter of another prior: add "
            "--set prior=von-mises-fisher-mixture.",
        ),
        (
            "vae",
            {"likelihood": {"sigma": 1}},
            "Cannot set `likelihood.sigma` while `likelihood` is 'auto', which depends on the data. Choose one as "
            "well: --set likelihood=gaussian (known: autoregressive, bernoulli, ",
        ),
        (
            "autoencoder",
            {"corruption": {"rate": 0.3}},
            "Cannot set `corruption.rate` while `corruption` is 'auto', which depends on the data. Choose one as well: "
            "--set corruption=masking (known: ",
        ),
        ("autoencoder", {"corruption": "maskin"}, "No corruption is called 'maskin'. Did you mean 'masking'?"),
        ("vae", {"prior": 5}, "`prior` must be 'auto' or one of categorical-mixture, flow, full-gaussian, mixture, "),
        (
            "vq-vae",
            {"n_codes": 8, "latent": {"n_codes": 8}},
            "`n_codes` and `latent.n_codes` are the same. Leave one out.",
        ),
        ("vae", {"beta": "linear"}, "VAE: `beta` must be a number in [0, inf); got 'linear'."),
        ("iwae", {"beta": 2}, "`beta` has no effect: objective `importance-weighted` contains the divergence."),
        ("vae", {"beta": 2, "latent": "point"}, "`beta` has no effect: latent `point` has no divergence."),
        ("factor-vae", {"beta": 2}, "`beta` has no effect: the recipe names its penalties; set penalties.kl.weight."),
        (
            "beta-tc-vae",
            {"warmup_epochs": 2},
            "`warmup_epochs` has no effect: the recipe names its penalties; set penalties.kl.weight.",
        ),
        (
            "residual-vq-vae",
            {"n_codes": 8},
            "`n_codes` has no effect: the latent is `residual-quantised`; set latent.n_codes.",
        ),
        (
            "vq-vae",
            {"tokens": 2, "latent": "finite-scalar"},
            "`tokens` has no effect: the latent is `finite-scalar`; its parameters are levels, decay.",
        ),
        (
            "fsq-autoencoder",
            {"commitment": 1},
            "`commitment` has no effect: latent `finite-scalar` has no codebook that moves.",
        ),
        ("vae", {"max_epochs": {"x": 1}}, "Cannot set `max_epochs.x`: `max_epochs` is not a component."),
        ("vae", {"checkpoint": "runs"}, "`checkpoint` cannot be set here: use --checkpoint DIR."),
        ("vae", {"callbacks": ()}, "`callbacks` cannot be set here: callbacks are Python objects"),
    ],
)
def test_mistakes_are_named_with_the_fix(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        assemble(name, settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
