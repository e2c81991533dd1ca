"""Oracles 1, 2, 3 and 5: the linear VAE is probabilistic PCA, to the last digit and end to end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from linear_models import (
    data_of,
    exact_loss,
    known_data,
    linear_model,
    log_likelihood_per_row,
    noise_variance,
    rate,
    set_optimum,
    train,
)
from scipy import stats
from sklearn.datasets import load_iris, load_wine

import isthmus
from isthmus.core.batch import Batch
from isthmus.core.noise import Noise
from isthmus.distributions import kl_divergence
from isthmus.metrics.latents import probabilistic_pca

DATA = known_data(80)


def bound(model: torch.nn.Module) -> float:
    return -float(exact_loss(model, DATA.rows).total.detach())


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_bound_at_the_analytic_optimum_is_the_exact_log_likelihood(latent_dim: int) -> None:
    model = linear_model(DATA.width, latent_dim)
    variance = noise_variance(DATA, latent_dim)
    weights = set_optimum(model, DATA, variance)
    covariance = weights @ weights.T + variance * np.eye(DATA.width)
    marginal = stats.multivariate_normal(DATA.mean, covariance).logpdf(DATA.rows.numpy()).mean()
    assert log_likelihood_per_row(DATA, latent_dim) == pytest.approx(marginal, abs=1e-10)
    assert bound(model) == pytest.approx(marginal, abs=1e-9)


def test_the_bound_is_tight_for_every_row_and_every_sample() -> None:
    """With the exact posterior, log p(x, z) − log q(z|x) is log p(x) whatever z is."""
    model = linear_model(DATA.width, 3)
    weights = set_optimum(model, DATA, noise_variance(DATA, 3))
    covariance = weights @ weights.T + noise_variance(DATA, 3) * np.eye(DATA.width)
    marginal = stats.multivariate_normal(DATA.mean, covariance).logpdf(DATA.rows.numpy())
    for seed in range(3):
        noise = torch.randn(80, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        found = model.forward_pass(Batch(DATA.rows), Noise(noise))
        joint = found.likelihood.log_prob(DATA.rows) + found.prior.log_prob(found.z)
        np.testing.assert_allclose((joint - found.posterior.log_prob(found.z)).detach(), marginal, atol=1e-9)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_training_the_real_loss_reaches_it(latent_dim: int) -> None:
    model = train(linear_model(DATA.width, latent_dim), DATA.rows)
    variance = noise_variance(DATA, latent_dim)
    assert bound(model) == pytest.approx(log_likelihood_per_row(DATA, latent_dim), abs=1e-7)
    assert float(model.likelihood.parts[0].variance) == pytest.approx(variance, rel=1e-5)
    # Oracle 2: rate and posterior variances.
    kept = DATA.eigenvalues[:latent_dim]
    assert rate(model, DATA.rows) == pytest.approx(0.5 * np.log(kept / variance).sum(), abs=1e-5)
    variances = model.encode(DATA.rows[:1]).stddev.detach().numpy()[0] ** 2
    np.testing.assert_allclose(np.sort(variances), np.sort(variance / kept), rtol=1e-3)


@pytest.mark.parametrize("angle", [0.2, math.pi / 4])
def test_a_rotated_code_with_a_diagonal_posterior_loses_its_correlations(angle: float) -> None:
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    model = linear_model(DATA.width, 2)
    variance = noise_variance(DATA, 2)
    weights = set_optimum(model, DATA, variance, rotation=rotation)
    precision = np.eye(2) + weights.T @ weights / variance
    lost = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    assert lost > 0.01
    assert bound(model) == pytest.approx(log_likelihood_per_row(DATA, 2) - lost, abs=1e-10)


def test_directions_below_the_noise_collapse_to_exactly_zero() -> None:
    """Oracle 5: with σ² fixed at 1, only the three eigenvalues above 1 of the six are worth coding."""
    model = linear_model(DATA.width, 5, sigma=1.0)
    set_optimum(model, DATA, 1.0)
    posterior = model.encode(DATA.rows)
    per_dimension = 0.5 * (posterior.mean**2 + posterior.stddev**2 - 1) - posterior.log_std
    assert (per_dimension[:, 3:] == 0).all()
    assert (per_dimension[:, :3].mean(0) > 0.1).all()
    total = kl_divergence(posterior, model.prior()).mean()
    assert float(total.detach()) == pytest.approx(0.5 * np.log(DATA.eigenvalues[:3]).sum(), abs=1e-10)


def test_training_collapses_them_too() -> None:
    model = train(linear_model(DATA.width, 5, sigma=1.0), DATA.rows)
    oracle = probabilistic_pca(DATA.eigenvalues, 5, sigma_squared=1.0)
    assert rate(model, DATA.rows) == pytest.approx(oracle.rate_nats, abs=1e-6)
    assert bound(model) == pytest.approx(oracle.log_likelihood_per_row, abs=1e-7)
    # A code that is rotated among equals hides the zeros, so count directions: W has rank 3.
    singular = torch.linalg.svdvals(model.decoder[0].weight.detach())
    assert int((singular > 1e-2).sum()) == 3


@pytest.mark.parametrize(("load", "latent_dim"), [(load_iris, 2), (load_wine, 3)])
def test_the_recipe_reaches_probabilistic_pca_on_real_data(load: Callable[[], Any], latent_dim: int) -> None:
    X = load().data
    X = (X - X.mean(0)) / X.std(0)
    estimator = isthmus.recipe("linear-vae", latent_dim=latent_dim, validation_fraction=None, random_state=0).fit(X)
    exact = log_likelihood_per_row(data_of(X), latent_dim)
    assert estimator.score(X) == pytest.approx(exact, rel=0.01)
    # The same bound with the exact expectation, in the units of the data: it cannot pass the maximum of the likelihood.
    features = estimator.schema_.encode(X).values.double()
    reached = -float(exact_loss(estimator.module_.double().eval(), features).total.detach())
    reached += estimator.schema_.log_jacobian()
    assert exact - 0.01 * abs(exact) < reached <= exact + 1e-6
    # σ² is calibrated on one sample per row, which leaves it a few per cent of noise on so few rows.
    unit = np.exp(-2 * estimator.schema_.log_jacobian() / X.shape[1])
    assert estimator.sigma_**2 * unit == pytest.approx(noise_variance(data_of(X), latent_dim), rel=0.1)
    assert estimator.active_units_ == latent_dim


def test_the_reported_oracle_agrees() -> None:
    for latent_dim in range(1, 6):
        oracle = probabilistic_pca(DATA.eigenvalues, latent_dim)
        assert oracle.log_likelihood_per_row == pytest.approx(log_likelihood_per_row(DATA, latent_dim), abs=1e-10)
        assert oracle.sigma_squared == pytest.approx(noise_variance(DATA, latent_dim), abs=1e-12)
