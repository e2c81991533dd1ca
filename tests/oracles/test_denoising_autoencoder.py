"""Oracle 11: the best linear denoiser is the Wiener map; the best denoiser of all obeys Tweedie's identity.

Expectations over the noise are taken exactly, by points that integrate quadratic functions of it, so that training the
model's own loss must reach the closed form, not come near it. S = XᵀX/n of centred rows, with eigenvalues λ_j.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from linear_models import known_data
from scipy import stats
from torch import Tensor

from isthmus.components.corruptions.base import Corruption
from isthmus.components.corruptions.gaussian_noise import GaussianNoise
from isthmus.components.corruptions.masking import Masking
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete

DATA = known_data(60)
CENTRED = DATA.rows - DATA.rows.mean(0)
WIDTH = DATA.width
COVARIANCE = (CENTRED.T @ CENTRED / len(CENTRED)).numpy()
TAU = 0.8


def denoiser(width: int, latent_dim: int, corruption: Corruption, network: MLP) -> ComposedAutoencoder:
    block = Block("continuous", 0, width, (width,))
    parts = Parts(
        latent_dim=latent_dim, network=network, corruption=corruption, likelihood=Gaussian(sigma=1.0, mean="identity")
    )
    return complete(parts, [block]).build([block], torch.Generator().manual_seed(0)).double()


def train(model: ComposedAutoencoder, rows: Tensor, points: Tensor, steps: int = 500) -> float:
    """Minimise the model's loss over all pairs of a row and a noise point; returns twice the loss, no constants."""
    batch = Batch(rows.repeat(len(points), 1))
    noise = Noise(corruption=points.repeat_interleave(len(rows), 0))
    optimiser = torch.optim.LBFGS(
        model.parameters(),
        max_iter=steps,
        history_size=20,
        tolerance_grad=1e-11,
        tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = model.loss(batch, noise, {}).total
        loss.backward()
        return loss

    optimiser.step(closure)
    return 2 * float(closure().detach()) - rows.shape[1] * math.log(2 * math.pi)


def sigma_points(width: int) -> Tensor:
    """Equally likely points with mean 0 and covariance I: ±√d · e_j."""
    directions = math.sqrt(width) * torch.eye(width, dtype=torch.float64)
    return torch.cat([directions, -directions])


def linear_map(model: ComposedAutoencoder) -> np.ndarray:
    return (model.decoder[0].weight @ model.encoder[0].weight).detach().numpy()


@pytest.mark.parametrize("latent_dim", [WIDTH, 2])
def test_linear_denoising_reaches_the_wiener_map(latent_dim: int) -> None:
    model = denoiser(WIDTH, latent_dim, GaussianNoise(scale=TAU), MLP(hidden=()))
    error = train(model, DATA.rows, sigma_points(WIDTH))
    kept, basis = DATA.eigenvalues[:latent_dim], DATA.eigenvectors[:, :latent_dim]
    wiener = basis * (kept / (kept + TAU**2)) @ basis.T
    if latent_dim == WIDTH:
        full = COVARIANCE @ np.linalg.inv(COVARIANCE + TAU**2 * np.eye(WIDTH))
        np.testing.assert_allclose(wiener, full, atol=1e-12)
    np.testing.assert_allclose(linear_map(model), wiener, atol=2e-5)
    expected = (kept * TAU**2 / (kept + TAU**2)).sum() + DATA.eigenvalues[latent_dim:].sum()
    assert error == pytest.approx(expected, rel=1e-8)


def test_a_linear_encoder_under_masking_reaches_the_regression_on_what_is_left() -> None:
    """With a share r hidden: M = (1 − r) S [(1 − r)² S + r (1 − r) diag S]⁻¹, on centred rows."""
    width, rate = 4, 0.5
    rows = CENTRED[:, :width]
    second = (rows.T @ rows / len(rows)).numpy()
    bits = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * width)  # all masks, equally likely
    model = denoiser(width, width, Masking(rate=rate), MLP(hidden=()))
    error = train(model, rows, bits)
    seen = (1 - rate) ** 2 * second + rate * (1 - rate) * np.diag(np.diag(second))
    expected = (1 - rate) * second @ np.linalg.inv(seen)
    np.testing.assert_allclose(linear_map(model), expected, atol=2e-5)
    left = np.trace(second) - (1 - rate) * np.trace(expected @ second)
    assert error == pytest.approx(left, rel=1e-8)


MEANS, SPREAD, SHARES, NOISE = np.array([-1.5, 1.0]), 0.4, np.array([0.3, 0.7]), 0.6


def tweedie(damaged: np.ndarray) -> np.ndarray:
    """x̃ + τ² ∇ log p_τ(x̃) of the mixture that the noise widens."""
    variance = SPREAD**2 + NOISE**2
    densities = SHARES * stats.norm.pdf(damaged[:, None], MEANS, math.sqrt(variance))
    score = (densities * (MEANS - damaged[:, None]) / variance).sum(1) / densities.sum(1)
    return damaged + NOISE**2 * score


def test_the_identity_is_the_conditional_expectation() -> None:
    damaged = np.linspace(-4, 4, 9)
    x, weights = np.polynomial.hermite_e.hermegauss(80)
    clean = MEANS[:, None] + SPREAD * x
    joint = SHARES[:, None, None] * weights[:, None] * stats.norm.pdf(damaged, clean[..., None], NOISE)
    expected = (joint * clean[..., None]).sum((0, 1)) / joint.sum((0, 1))
    np.testing.assert_allclose(tweedie(damaged), expected, atol=1e-10)


def test_a_trained_denoiser_gives_the_score_of_a_mixture() -> None:
    middles = (np.arange(40) + 0.5) / 40
    counts = (20 * SHARES).round().astype(int)
    clean = np.concatenate(
        [stats.norm.ppf((np.arange(n) + 0.5) / n, m, SPREAD) for n, m in zip(counts, MEANS, strict=True)]
    )
    points = torch.from_numpy(stats.norm.ppf(middles))[:, None]
    model = denoiser(1, 1, GaussianNoise(scale=NOISE), MLP(hidden=(16,), activation="tanh"))
    train(model, torch.from_numpy(clean)[:, None], points, steps=300)
    damaged = np.linspace(-2.2, 1.9, 42)
    got = model(torch.from_numpy(damaged)[:, None]).detach().numpy()[:, 0]
    np.testing.assert_allclose(got, tweedie(damaged), atol=0.08)
    assert np.abs(tweedie(damaged) - damaged).max() > 0.4  # which the identity map would miss
