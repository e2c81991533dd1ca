"""Bits per dimension, and what is unexpected in a row."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit
from sklearn.datasets import load_digits

from isthmus import MLP, VAE, VQVAE, Autoencoder, DiscretisedLogistic, Gaussian
from isthmus.core.errors import ParameterError
from isthmus.uses import scoring

IMAGES = (load_digits().images[:200] * 15).astype(np.uint8)
SMALL = {"max_epochs": 3, "network": MLP(hidden=(16,)), "random_state": 0}


@pytest.fixture(scope="module")
def exact():
    return VAE(2, likelihood=DiscretisedLogistic(), **SMALL).fit(IMAGES)


@pytest.fixture(scope="module")
def gaussian():
    return VAE(2, **SMALL).fit(IMAGES)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    a = rng.normal(5, 3, size=300)
    return pd.DataFrame({"a": a, "word": np.where(a > 5, "high", "low"), "b": 2 * a + rng.normal(size=300)})


def symbolic_bound(model, images):
    """log P(x) of one code per image with DiscretisedLogistic, from its definition, by numpy."""
    z = torch.from_numpy(model.transform(images))
    with torch.no_grad():
        distribution = model.module_.decode(z)
        cost = -np.log(model.n_codes) * len(model.module_.levels)
    where = distribution.locations[..., 0].double().numpy()
    scale = distribution.log_scales[..., 0].double().exp().numpy()
    x, half = images.reshape(len(images), -1) / 255, distribution.step / 2
    low = np.where(x < half, -np.inf, (x - half - where) / scale)
    high = np.where(x > 1 - half, np.inf, (x + half - where) / scale)
    # By symmetry on the side where the difference does not cancel.
    low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
    return np.log(expit(high) - expit(low)).sum(1) + cost


def test_bits_of_discretised_logistics_are_exact():
    model = VQVAE(4, n_codes=8, likelihood=DiscretisedLogistic(), **SMALL).fit(IMAGES)
    expected = -symbolic_bound(model, IMAGES) / (64 * math.log(2))
    np.testing.assert_allclose(model.bits_per_dimension(IMAGES), expected, rtol=1e-5)


def test_bits_are_the_score_per_pixel(exact, gaussian):
    for model in (exact, gaussian):
        expected = -model.score_samples(IMAGES) / (64 * math.log(2))
        np.testing.assert_allclose(model.bits_per_dimension(IMAGES), expected)
        assert expected.dtype == np.float64


def test_a_density_in_other_units_costs_the_same_with_its_step(gaussian):
    fractions = IMAGES / 255
    model = VAE(2, schema="unit-interval", **SMALL).fit(fractions.reshape(200, 64))
    score = model.score_samples(fractions.reshape(200, 64))
    found = model.bits_per_dimension(fractions.reshape(200, 64), step=1 / 255)
    np.testing.assert_allclose(found, -(score - 64 * math.log(255)) / (64 * math.log(2)))
    # The same pixels, as whole numbers: the same model within training's rounding.
    assert found.mean() == pytest.approx(gaussian.bits_per_dimension(IMAGES).mean(), rel=0.05)
    with pytest.raises(ParameterError, match=r"training showed fractions in column \d+\. Pass .* step=1/255"):
        model.bits_per_dimension(fractions.reshape(200, 64))


def test_a_fixed_gaussian_by_hand():
    """Whole numbers under a density that hardly changes within a step: the masses of all of them are one."""
    model = VAE(2, likelihood=Gaussian(sigma=0.2), **SMALL).fit(IMAGES)
    deviation = 0.2 * 255
    levels = np.arange(-500, 700)
    masses = np.exp(-0.5 * ((levels - 107.3) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    assert masses.sum() == pytest.approx(1, abs=1e-9)
    # The cost of an image: squared errors in units of the deviation, normalisers, and the divergence of its code.
    cells = model.surprise(IMAGES).reshape(200, 64)
    normaliser = math.log(deviation * math.sqrt(2 * math.pi))
    assert cells.min() == pytest.approx(normaliser, abs=1e-3)
    divergence = -cells.sum(1) - model.score_samples(IMAGES)
    assert (divergence > 0).all()
    expected = (cells.sum(1) + divergence) / (64 * math.log(2))
    np.testing.assert_allclose(model.bits_per_dimension(IMAGES), expected)


def test_importance_weighting_tightens_the_bits(exact):
    tight = exact.bits_per_dimension(IMAGES[:40], samples=64)
    np.testing.assert_allclose(tight, -exact.density(IMAGES[:40], 64).log_likelihood / (64 * math.log(2)))
    assert tight.mean() < exact.bits_per_dimension(IMAGES[:40]).mean()


def test_a_deterministic_code_has_no_bits():
    model = Autoencoder(2, **SMALL).fit(IMAGES)
    with pytest.raises(ParameterError, match=r"this one \(Point\) is a point, which has none\. Fit a VAE"):
        model.bits_per_dimension(IMAGES)


def test_surprise_adds_up_to_the_score_of_an_autoencoder():
    model = Autoencoder(2, **SMALL).fit(IMAGES)
    cells = model.surprise(IMAGES)
    assert cells.shape == IMAGES.shape
    assert cells.dtype == np.float64
    np.testing.assert_allclose(cells.sum((1, 2)), -model.score_samples(IMAGES), rtol=1e-6)
    scaled = (IMAGES[:5].astype(float) - model.inverse_transform(model.transform(IMAGES[:5]))) / 255
    np.testing.assert_allclose(cells[:5], scaled**2, atol=5e-3)  # decoded pixels are rounded


@pytest.mark.parametrize("name", ["exact", "gaussian"])
def test_surprise_and_divergence_add_up_to_the_score_of_a_vae(name, request):
    model = request.getfixturevalue(name)
    posterior = model.posterior(IMAGES)
    deviation = posterior.standard_deviation.astype(float)
    divergence = 0.5 * (posterior.mean.astype(float) ** 2 + deviation**2 - 1 - 2 * np.log(deviation)).sum(1)
    cells = model.surprise(IMAGES)
    assert cells.shape == IMAGES.shape
    np.testing.assert_allclose(-cells.sum((1, 2)) - divergence, model.score_samples(IMAGES), rtol=1e-4)


def test_surprise_points_at_what_was_changed(gaussian):
    odd = IMAGES[:1].copy()
    odd[0, 3, 4] = 255 if odd[0, 3, 4] < 128 else 0
    before, after = gaussian.surprise(IMAGES[:1])[0], gaussian.surprise(odd)[0]
    assert np.unravel_index((after - before).argmax(), (8, 8)) == (3, 4)
    np.testing.assert_array_equal(gaussian.surprise(np.repeat(odd, 3, 0))[2], after)


def test_surprise_of_a_mixed_frame_has_its_columns(table):
    model = VAE(2, schema={"word": "categorical"}, **SMALL).fit(table)
    cells = model.surprise(table)
    assert list(cells.columns) == ["a", "word", "b"]
    assert {str(dtype) for dtype in cells.dtypes} == {"float64"}
    features = scoring.column_terms(model.module_, model.schema_.rows(table), model._score_seed)
    np.testing.assert_allclose(cells["a"], features[:, 0] + np.log(table["a"].std(ddof=0)))
    np.testing.assert_allclose(cells["word"], features[:, 2])
    assert (cells["word"] >= 0).all()
    shifted = table.copy()
    shifted.loc[0, "b"] += 100
    assert model.surprise(shifted).loc[0].idxmax() == "b"


def test_known_columns_are_no_surprise(table):
    model = VAE(1, schema={"word": "condition"}, **SMALL).fit(table)
    assert (model.surprise(table[:9])["word"] == 0).all()
    array = np.column_stack([np.arange(50) % 2, np.random.default_rng(0).normal(size=(50, 2))])
    model = VAE(1, schema={0: "condition"}, **SMALL).fit(array)
    cells = model.surprise(array)
    assert cells.shape == (50, 3)
    assert (cells[:, 0] == 0).all()
    assert (cells[:, 2] != 0).all()
