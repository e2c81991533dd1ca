"""Active units and the linear oracle against closed forms, scikit-learn and numerical optimisation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.decomposition import PCA

from isthmus.core.errors import InputError, ParameterError
from isthmus.metrics.latents import active_units, expected_active, probabilistic_pca

SPECTRUM = np.array([9.0, 4.0, 2.5, 0.7, 0.6, 0.2])


def test_active_units_counts_variances_not_deviations() -> None:
    signs = np.array([[1.0], [-1.0]])
    assert active_units(signs * [1.0, 0.11, 0.09, 0.0]) == 2
    assert active_units(signs * [1.0, 0.11, 0.09, 0.0], threshold=0.0001) == 3


@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_log_likelihood_is_scikit_learns(latent_dim: int) -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(4000, 6)) * np.sqrt(SPECTRUM)
    eigenvalues = np.linalg.eigvalsh(np.cov(rows.T, ddof=1))
    oracle = probabilistic_pca(eigenvalues, latent_dim)
    pca = PCA(latent_dim).fit(rows)
    assert oracle.sigma_squared == pytest.approx(pca.noise_variance_, rel=1e-10)
    # PCA fits the covariance with n - 1, the data that it scores has n.
    correction = 0.5 * 6 * (1 - 3999 / 4000)
    assert oracle.log_likelihood_per_row == pytest.approx(pca.score(rows) - correction, abs=1e-9)


def test_textbook_formulas_at_the_optimum() -> None:
    oracle = probabilistic_pca(SPECTRUM, 2)
    sigma_squared = SPECTRUM[2:].mean()
    assert oracle.sigma_squared == pytest.approx(sigma_squared)
    assert oracle.active_dimensions == 2
    assert oracle.rate_nats == pytest.approx(0.5 * np.log(SPECTRUM[:2] / sigma_squared).sum())
    by_hand = -0.5 * (6 * np.log(2 * np.pi) + np.log(SPECTRUM[:2]).sum() + 4 * np.log(sigma_squared) + 6)
    assert oracle.log_likelihood_per_row == pytest.approx(by_hand)


def test_fixed_noise_is_reverse_water_filling() -> None:
    oracle = probabilistic_pca(SPECTRUM, 4, sigma_squared=0.8, beta=3.0)
    water = 2.4
    assert oracle.active_dimensions == 3
    assert oracle.rate_nats == pytest.approx(0.5 * np.log(SPECTRUM[:3] / water).sum())
    assert oracle.squared_error == pytest.approx(np.minimum(SPECTRUM, water).sum())


def test_directions_below_the_noise_collapse_rightly() -> None:
    oracle = probabilistic_pca(SPECTRUM, 6, sigma_squared=10.0)
    assert (oracle.active_dimensions, oracle.rate_nats) == (0, 0.0)
    everything = -0.5 * (6 * np.log(2 * np.pi * 10.0) + SPECTRUM.sum() / 10.0)
    assert oracle.log_likelihood_per_row == pytest.approx(everything)


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.3, 2.0, 4.0])
@pytest.mark.parametrize("latent_dim", [1, 3, 5])
def test_learnt_noise_minimises_the_objective(beta: float, latent_dim: int) -> None:
    def loss(log_variance: float) -> float:
        variance = np.exp(log_variance)
        water, coded = beta * variance, SPECTRUM[:latent_dim]
        error = np.minimum(coded, water).sum() + SPECTRUM[latent_dim:].sum()
        rate = 0.5 * np.log(np.maximum(coded / water, 1.0)).sum()
        return 0.5 * (6 * np.log(2 * np.pi * variance) + error / variance) + beta * rate

    best = minimize_scalar(loss, bounds=(-6, 4), method="bounded", options={"xatol": 1e-10})
    oracle = probabilistic_pca(SPECTRUM, latent_dim, beta=beta)
    assert loss(np.log(oracle.sigma_squared)) == pytest.approx(best.fun, abs=1e-9)
    assert oracle.sigma_squared == pytest.approx(oracle.squared_error / 6)


def test_isotropic_data_needs_no_code() -> None:
    oracle = probabilistic_pca(np.full(5, 0.1) + np.arange(5) * 1e-17, 3)
    assert oracle.active_dimensions == 0
    assert oracle.rate_nats == 0.0


def test_a_full_code_explains_all_but_the_smallest_direction() -> None:
    oracle = probabilistic_pca(SPECTRUM, 40)
    assert oracle.sigma_squared == pytest.approx(0.2)
    full_gaussian = -0.5 * (6 * np.log(2 * np.pi) + np.log(SPECTRUM).sum() + 6)
    assert oracle.log_likelihood_per_row == pytest.approx(full_gaussian)


def test_scale_shifts_the_likelihood_and_nothing_else() -> None:
    plain, scaled = probabilistic_pca(SPECTRUM, 2), probabilistic_pca(SPECTRUM * 7.0**2, 2)
    assert scaled.log_likelihood_per_row == pytest.approx(plain.log_likelihood_per_row - 6 * np.log(7.0))
    assert scaled.rate_nats == pytest.approx(plain.rate_nats)


def test_degenerate_spectra_are_refused_with_the_fix() -> None:
    with pytest.raises(InputError, match=r"noise variance vanishes.*smaller `latent_dim` or pass `sigma_squared`"):
        probabilistic_pca([3.0, 1.0, 0.0], 2)
    assert probabilistic_pca([3.0, 1.0, 0.0], 2, sigma_squared=0.5).active_dimensions == 2
    with pytest.raises(InputError, match=r"cannot be negative; got -1\.0"):
        probabilistic_pca([3.0, -1.0], 1)
    with pytest.raises(ParameterError, match="`beta` must be a positive number; got 0"):
        probabilistic_pca(SPECTRUM, 1, beta=0)
    with pytest.raises(ParameterError, match="`sigma_squared` must be a positive number"):
        probabilistic_pca(SPECTRUM, 1, sigma_squared=0.0)
    with pytest.raises(ParameterError, match="`latent_dim` must be at least 0; got -1"):
        probabilistic_pca(SPECTRUM, -1)


def test_pure_noise_is_not_expected_to_be_active() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(300, 30))
    eigenvalues = np.linalg.eigvalsh(noise.T @ noise / 300)
    assert (eigenvalues > 1.0).sum() > 8  # a plain threshold would count these
    assert expected_active(eigenvalues, 1.0, 300) <= 1
    signal = noise + generator.normal(size=(300, 2)) @ generator.normal(size=(2, 30)) * 2
    eigenvalues = np.linalg.eigvalsh(signal.T @ signal / 300)
    assert expected_active(eigenvalues, 1.0, 300) == 2
    assert expected_active(eigenvalues, 1.0, 300, latent_dim=1) == 1
    assert expected_active(eigenvalues, 1.0, 300, beta=1e6) == 0
