"""What the family says of a row and of its code: likelihoods, posteriors, clusters, ordered dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import isthmus
from isthmus import (
    MLP,
    VAE,
    Autoencoder,
    CategoricalMixture,
    Gaussian,
    HypersphericalLatent,
    Mixture,
    VampPrior,
    VonMisesFisherMixture,
)
from isthmus.core.errors import ParameterError
from isthmus.testing import small_recipe

RNG = np.random.default_rng(0)
CENTRES = np.array([[4.0, 0, 0], [0, 4.0, 0], [0, 0, 4.0]])
GROUPS = RNG.integers(0, 3, 300)
X = (CENTRES[GROUPS] + 0.4 * RNG.normal(size=(300, 3))) @ RNG.normal(size=(3, 6)) + 0.1 * RNG.normal(size=(300, 6))
SMALL = {"network": MLP(hidden=(16,)), "random_state": 0}

BOUNDED = ["vae", "iaf-vae", "hyperspherical-vae", "vamp-vae", "flow-prior-vae"]


@pytest.fixture(scope="module", params=BOUNDED)
def bounded(request):
    return small_recipe(request.param, latent_dim=3, max_epochs=10, random_state=0).fit(X)


def test_the_likelihood_is_at_least_its_bound(bounded):
    rows = X[:100]
    bound, estimate = bounded.score_samples(rows), bounded.density(rows, samples=256)
    assert estimate.mean >= bound.mean()
    assert estimate.mean == estimate.log_likelihood.mean()
    assert estimate.mean_standard_error == pytest.approx(np.sqrt((estimate.standard_error**2).sum()) / 100)
    # Row by row too, but for the noise of both.
    assert (estimate.log_likelihood > bound - 3).mean() > 0.99


def test_the_standard_error_falls_with_the_square_root_of_the_draws(bounded):
    few, many = (bounded.density(X[:48], samples=count) for count in (64, 1024))
    # A row whose posterior is badly met has a heavy tail of weights, hence the middle row.
    ratio = np.median(few.standard_error) / np.median(many.standard_error)
    assert ratio == pytest.approx(4, rel=0.35)
    apart = np.abs(few.log_likelihood - many.log_likelihood) / few.standard_error
    assert np.median(apart) < 2


def test_the_likelihood_of_a_row_is_its_own(bounded):
    estimate = bounded.density(X[:40], samples=64)
    order = RNG.permutation(40)
    permuted = bounded.density(X[:40][order], samples=64)
    np.testing.assert_array_equal(permuted.log_likelihood, estimate.log_likelihood[order])
    np.testing.assert_array_equal(permuted.standard_error, estimate.standard_error[order])
    np.testing.assert_array_equal(bounded.density(X[7:8], samples=64).log_likelihood, estimate.log_likelihood[7:8])


@pytest.mark.parametrize("samples", [1, 0, 2.5, True])
def test_the_number_of_draws_is_checked(samples):
    model = small_recipe("vae", random_state=0).fit(X[:20])
    with pytest.raises(ParameterError, match=r"density: `samples` must be an integer in \[2, inf\); got"):
        model.density(X[:5], samples=samples)


# Posteriors


def test_draws_from_a_posterior_are_around_its_code(bounded):
    posterior = bounded.posterior(X[:200])
    np.testing.assert_array_equal(posterior.mean, bounded.transform(X[:200]))
    draws = posterior.sample(30, random_state=0)
    assert draws.shape == (30, 200, 3)
    np.testing.assert_array_equal(draws[:2], posterior.sample(2, random_state=0))
    assert not np.array_equal(draws[:2], posterior.sample(2, random_state=1))
    spread = draws.std(0)
    assert (spread > 0).all()
    if bounded.module_.code_space == "sphere":
        np.testing.assert_allclose(np.linalg.norm(draws, axis=-1), 1, rtol=1e-5)
        centre = draws.mean(0) / np.linalg.norm(draws.mean(0), axis=-1, keepdims=True)
        assert np.median((centre * posterior.mean).sum(-1)) > 0.98
    elif posterior.standard_deviation is not None:
        assert np.median(spread / posterior.standard_deviation) == pytest.approx(1, abs=0.05)
        standardised = (draws.mean(0) - posterior.mean) / posterior.standard_deviation * np.sqrt(30)
        assert standardised.std() == pytest.approx(1, abs=0.1)


def test_a_flow_says_that_it_knows_no_standard_deviation():
    model = small_recipe("iaf-vae", random_state=0).fit(X[:50])
    assert model.posterior(X[:5]).standard_deviation is None
    assert model.posterior(X[:5]).sample(3, random_state=0).shape == (3, 5, 4)


def test_the_posterior_of_a_point_is_a_point():
    model = Autoencoder(2, max_epochs=1, **SMALL).fit(X)
    posterior = model.posterior(X)
    assert not posterior.standard_deviation.any()
    np.testing.assert_array_equal(posterior.sample(2, random_state=0), np.stack([model.transform(X)] * 2))


# Clusters


@pytest.mark.parametrize(
    "parts",
    [
        {"prior": Mixture(n_components=3)},
        {"prior": VampPrior(n_components=3)},
        {"prior": VonMisesFisherMixture(n_components=3), "latent": HypersphericalLatent()},
    ],
    ids=["mixture", "vamp", "sphere"],
)
def test_clusters_are_shares_that_find_the_groups(parts):
    model = VAE(3, max_epochs=40, batch_size=30, learning_rate=0.01, **parts, **SMALL).fit(X)
    shares = model.clusters(X)
    assert shares.shape == (300, 3)
    assert shares.dtype == np.float32
    assert (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
    assert adjusted_rand_score(GROUPS, shares.argmax(1)) > 0.3
    order = RNG.permutation(300)
    np.testing.assert_array_equal(model.clusters(X[order]), shares[order])


@pytest.mark.parametrize("name", ["vae", "autoencoder", "flow-prior-vae", "hyperspherical-vae", "vq-vae"])
def test_clusters_of_a_prior_that_is_no_mixture(name):
    model = small_recipe(name, random_state=0).fit(X[:40])
    with pytest.raises(
        ParameterError, match=r"clusters needs a prior that is a mixture; this one is .+\. Use prior=Mix"
    ):
        model.clusters(X)


def test_symbols_have_no_clusters():
    """Nothing trains a prior over them; the density that `sample` draws from is fitted afterwards."""
    with pytest.raises(ParameterError, match="prior `categorical-mixture` is learnt, and no penalty here moves it"):
        small_recipe("vq-vae", prior=CategoricalMixture(n_components=3), random_state=0).fit(X)
    with pytest.raises(ParameterError, match="mixture"):
        small_recipe("vq-vae", random_state=0).fit(X).clusters(X)


# Ordered dimensions


def test_the_first_dimensions_of_an_ordered_code_are_enough_for_a_coarse_row():
    """Any prefix is decoded, the rest being zero, and each dimension tells less than the one before."""
    weights, generator = np.array([5.0, 2.5, 1.2, 0.6]), np.random.default_rng(0)
    rows = (generator.normal(size=(400, 4)) * weights) @ np.linalg.qr(generator.normal(size=(8, 4)))[0].T
    shared = {"latent_dim": 4, "max_epochs": 120, "batch_size": 100, "learning_rate": 0.05, "random_state": 0}
    shared["validation_fraction"] = None
    linear = {"network": MLP(hidden=()), "likelihood": Gaussian(sigma=1.0, mean="identity"), "scaling": "common"}
    model = isthmus.recipe("ordered-autoencoder", **shared, **linear).fit(rows)
    codes, errors = model.transform(rows), []
    for size in range(5):
        prefix = np.where(np.arange(4) < size, codes, 0)
        errors.append(np.square(model.inverse_transform(prefix) - rows).sum(1).mean())
    gains = -np.diff(errors)
    assert (gains > 0).all()
    assert gains[0] > gains[1] > gains[2] > gains[3]
    # What principal components of the same number would leave over.
    left = [np.square(weights[size:]).sum() for size in range(5)]
    np.testing.assert_allclose(errors[:4], left[:4], rtol=0.35)
    plain = Autoencoder(**shared, **linear).fit(rows)
    first = np.where(np.arange(4) < 1, plain.transform(rows), 0)
    assert np.square(plain.inverse_transform(first) - rows).sum(1).mean() > 1.2 * errors[1]
