"""Oracle 4: a linear β-VAE with fixed σ fills the spectrum like water, up to θ = βσ²."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from linear_models import exact_loss, known_data, linear_model, rate, set_optimum, squared_error, train

from isthmus.metrics.latents import active_units, probabilistic_pca

DATA = known_data(14)  # the loss sees second moments only: a few rows are as good as many


@pytest.mark.parametrize(("beta", "variance"), [(1.0, 0.2), (4.0, 0.2), (1.0, 2.0), (0.5, 0.1), (50.0, 1.0)])
def test_training_fills_the_spectrum(beta: float, variance: float) -> None:
    model = train(linear_model(DATA.width, 6, sigma=math.sqrt(variance), beta=beta), DATA.rows, steps=120)
    water = beta * variance
    wanted_rate = 0.5 * np.log(np.clip(DATA.eigenvalues / water, 1, None)).sum()
    wanted_error = np.minimum(DATA.eigenvalues, water).sum()
    assert rate(model, DATA.rows) == pytest.approx(wanted_rate, abs=1e-3)
    assert squared_error(model, DATA.rows) == pytest.approx(wanted_error, rel=1e-3)
    active = int((DATA.eigenvalues > water).sum())
    assert active_units(model.encode(DATA.rows).code.detach().numpy()) == active
    assert int((torch.linalg.svdvals(model.decoder[0].weight.detach()) > 1e-2).sum()) == active


@pytest.mark.parametrize(("beta", "variance", "latent_dim"), [(1.0, 0.2, 6), (3.0, 0.3, 4), (2.0, 0.1, 2)])
def test_the_analytic_optimum_has_no_gradient_and_the_value_of_the_oracle(
    beta: float, variance: float, latent_dim: int
) -> None:
    model = linear_model(DATA.width, latent_dim, sigma=math.sqrt(variance), beta=beta)
    set_optimum(model, DATA, variance, beta)
    oracle = probabilistic_pca(DATA.eigenvalues, latent_dim, sigma_squared=variance, beta=beta)
    assert rate(model, DATA.rows) == pytest.approx(oracle.rate_nats, abs=1e-10)
    assert squared_error(model, DATA.rows) == pytest.approx(oracle.squared_error, abs=1e-10)
    terms = exact_loss(model, DATA.rows)
    lower_bound = -float((terms.parts["reconstruction"] + terms.parts["kl"]).detach()) / terms.rows
    assert lower_bound == pytest.approx(oracle.log_likelihood_per_row, abs=1e-10)
    terms.total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() < 1e-9, name


def test_a_huge_beta_switches_everything_off() -> None:
    model = linear_model(DATA.width, 3, sigma=1.0, beta=100.0)
    set_optimum(model, DATA, 1.0, 100.0)
    assert rate(model, DATA.rows) == 0.0
    assert squared_error(model, DATA.rows) == pytest.approx(DATA.eigenvalues.sum(), abs=1e-10)
