"""Oracle 18: x → c·x shifts the log-likelihood by D ln c and nothing else; batches and layout change nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from linear_models import known_data, linear_model

import isthmus
from isthmus.core.batch import Batch
from isthmus.core.noise import Noise
from isthmus.core.progress import START


def rows() -> np.ndarray:
    generator = np.random.Generator(np.random.PCG64(0))
    return generator.normal(size=(120, 2)) @ generator.normal(size=(2, 5)) + 0.4 * generator.normal(size=(120, 5))


@pytest.mark.parametrize("factor", [4.0, 0.001, 37.0])
@pytest.mark.parametrize("name", ["vae", "linear-vae"])
def test_scaling_the_data_shifts_the_score_by_d_ln_c(name: str, factor: float) -> None:
    X = rows()
    params = {"latent_dim": 2, "max_epochs": 5, "random_state": 0}
    plain, scaled = isthmus.recipe(name, **params).fit(X), isthmus.recipe(name, **params).fit(factor * X)
    shift = -X.shape[1] * math.log(factor)
    # A power of two changes no bit of the scaled features; other factors change the last ones.
    tolerance = 1e-9 if math.log2(factor).is_integer() else 0.05
    np.testing.assert_allclose(scaled.score_samples(factor * X), plain.score_samples(X) + shift, atol=tolerance)
    assert scaled.rate_ == pytest.approx(plain.rate_, abs=tolerance)
    assert scaled.sigma_ == pytest.approx(plain.sigma_, rel=1e-3)
    np.testing.assert_allclose(
        scaled.reconstruct(factor * X), factor * plain.reconstruct(X), rtol=0.02, atol=1e-3 * factor
    )


def test_scaling_one_column_shifts_the_score_by_its_own_share() -> None:
    X = rows()
    scales = np.array([1.0, 8.0, 1.0, 0.25, 1.0])
    params = {"latent_dim": 2, "max_epochs": 5, "random_state": 0}
    plain, scaled = isthmus.VAE(**params).fit(X), isthmus.VAE(**params).fit(X * scales)
    np.testing.assert_allclose(
        scaled.score_samples(X * scales), plain.score_samples(X) - np.log(scales).sum(), atol=1e-9
    )


def test_the_score_is_a_density_of_the_data_as_given() -> None:
    """For a code that carries nothing the bound is exact: a normal density around the mean, in the user's units."""
    generator = np.random.Generator(np.random.PCG64(1))
    X = generator.normal(3, 5, size=(300, 2))
    fitted = isthmus.recipe(
        "linear-vae",
        latent_dim=1,
        beta=1000.0,
        warmup_epochs=0,
        max_epochs=30,
        validation_fraction=None,
        random_state=0,
    )
    fitted.fit(X)
    variance = X.var(0).mean()
    wanted = -0.5 * ((X - X.mean(0)) ** 2).sum(1) / variance - math.log(2 * math.pi * variance)
    np.testing.assert_allclose(fitted.score_samples(X), wanted, atol=0.15)
    assert fitted.score(X) == pytest.approx(wanted.mean(), abs=0.01)


def test_batches_add_up_and_order_does_not_matter() -> None:
    data = known_data(60)
    model = linear_model(data.width, 2)
    noise = Noise(torch.randn(60, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    whole = model.loss(Batch(data.rows), noise, model.weights(START))
    for size in (1, 7, 20, 60):
        pieces = [
            model.loss(Batch(data.rows[i : i + size]), noise[i : i + size], model.weights(START))
            for i in range(0, 60, size)
        ]
        for name, part in whole.parts.items():
            total = sum(float(piece.parts[name].detach()) for piece in pieces)
            assert total == pytest.approx(float(part.detach()), rel=1e-12), (name, size)
        assert sum(piece.rows for piece in pieces) == whole.rows
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    shuffled = model.loss(Batch(data.rows[order]), noise[order], model.weights(START))
    assert float(shuffled.total.detach()) == pytest.approx(float(whole.total.detach()), rel=1e-12)
    strided = data.rows.repeat_interleave(2, 0)[::2]
    transposed = data.rows.T.contiguous().T
    for layout in (strided, transposed):
        assert float(model.loss(Batch(layout), noise, model.weights(START)).total.detach()) == pytest.approx(
            float(whole.total.detach()), rel=1e-12
        )


def test_the_layout_of_an_image_changes_nothing() -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    flat = generator.integers(0, 256, size=(40, 12)).astype(np.uint8)
    params = {"latent_dim": 2, "max_epochs": 3, "random_state": 0}
    as_images = isthmus.VAE(**params, schema="images").fit(flat.reshape(40, 3, 4))
    wide = isthmus.VAE(**params, schema="images").fit(flat.reshape(40, 4, 3))
    first = as_images.score_samples(flat.reshape(40, 3, 4))
    assert np.array_equal(first, wide.score_samples(flat.reshape(40, 4, 3)))
