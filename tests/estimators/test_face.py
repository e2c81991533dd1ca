"""Every use of a fitted model, on the kinds of data that users have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import isthmus
from isthmus import MLP, VAE, Autoencoder, Bernoulli
from isthmus.core.errors import InputError, ModelFileError, ParameterError
from isthmus.uses.generation import draw_codes

SMALL = {"max_epochs": 3, "network": MLP(hidden=(16,)), "random_state": 0}


@pytest.fixture(scope="module")
def images():
    return (load_digits().images[:200] * 15).astype(np.uint8)


@pytest.fixture(scope="module", params=[Autoencoder, VAE], ids=["autoencoder", "vae"])
def model(request, images):
    return request.param(3, **SMALL).fit(images)


def test_images_come_back_as_images(model, images):
    for rows in (model.reconstruct(images), model.denoise(images), model.inverse_transform(model.transform(images))):
        assert rows.shape == images.shape
        assert rows.dtype == np.uint8
    np.testing.assert_array_equal(model.reconstruct(images), model.inverse_transform(model.transform(images)))
    assert model.sample(7, random_state=0).shape == (7, 8, 8)


def test_a_boolean_table_comes_back_as_one():
    rows = np.random.default_rng(0).random((150, 6)) < 0.4
    model = VAE(2, **SMALL).fit(rows)
    assert model.sample(5, random_state=0).dtype == bool
    assert isinstance(model.composition_.likelihoods[0], Bernoulli)
    assert model.score(rows) < 0


def test_posterior_is_centred_on_the_code_and_sampled_from_a_seed(model, images):
    posterior = model.posterior(images)
    np.testing.assert_array_equal(posterior.mean, model.transform(images))
    draws = posterior.sample(2000, random_state=0)
    assert draws.shape == (2000, 200, 3)
    spread = posterior.standard_deviation.max()
    np.testing.assert_allclose(draws.mean(0, dtype=float), posterior.mean, atol=0.15 * spread + 1e-6)
    np.testing.assert_allclose(draws.std(0, dtype=float), posterior.standard_deviation, rtol=0.1, atol=1e-6)
    np.testing.assert_array_equal(draws[:1], posterior.sample(1, random_state=0))
    assert (posterior.standard_deviation > 0).all() == model.module_.stochastic


def test_sampling_is_seeded_and_the_prior_is_another_source(model):
    np.testing.assert_array_equal(model.sample(9, random_state=1), model.sample(9, random_state=1))
    assert not np.array_equal(model.sample(9, random_state=1), model.sample(9, random_state=2))
    for prior, source in ((False, model.density_), (True, model.module_.prior)):
        expected = model.inverse_transform(draw_codes(source, model.module_, 9, 1))
        np.testing.assert_array_equal(model.sample(9, prior=prior, random_state=1), expected)
    assert not np.array_equal(model.sample(9), model.sample(9))
    with pytest.raises(InputError, match=r"`n` must be an integer in \[1, inf\); got 0"):
        model.sample(0)


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_interpolation_begins_and_ends_at_the_reconstructions(model, images, path):
    strip = model.interpolate(images[0], images[1], steps=6, path=path)
    assert strip.shape == (6, 8, 8)
    np.testing.assert_array_equal(strip[[0, -1]], model.reconstruct(images[:2]))
    np.testing.assert_array_equal(strip, model.interpolate(images[:1], images[1:2], steps=6, path=path))


def test_interpolation_wants_single_rows(model, images):
    with pytest.raises(InputError, match=r"`b` must be one single row of shape .*; got 2 rows"):
        model.interpolate(images[0], images[:2])


def test_codes_of_the_wrong_shape_or_content_are_named(model):
    with pytest.raises(InputError, match=r"codes of shape \(n, 3\); got \(5, 4\)"):
        model.inverse_transform(np.zeros((5, 4)))
    with pytest.raises(InputError, match=r"NaN or infinity, first at row 1, column 2"):
        model.inverse_transform([[0, 0, 0], [0, 0, np.nan]])


def test_an_autoencoders_score_is_minus_its_squared_error():
    rows = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    model = Autoencoder(2, scaling="none", **SMALL).fit(rows)
    expected = -((rows.astype(float) - model.reconstruct(rows)) ** 2).sum(1)
    np.testing.assert_allclose(model.score_samples(rows), expected, rtol=1e-5)
    assert model.score_samples(rows).dtype == np.float64
    assert model.score(rows) == pytest.approx(expected.mean())


def test_a_vaes_score_is_its_bound_recomputed_by_hand():
    rows = np.random.default_rng(0).normal(size=(64, 4)) * 3 + 1
    model = VAE(2, **SMALL).fit(rows)
    posterior = model.posterior(rows)
    z = torch.from_numpy(posterior.sample(4_000, random_state=0))
    module, scale = model.module_, rows.std(0)
    features = torch.from_numpy(((rows - rows.mean(0)) / scale).astype(np.float32))
    with torch.no_grad():
        mean = module.decoder(z.reshape(-1, 2)).reshape(4_000, 64, 4)
        error = (features - mean).double().square().sum(-1).mean(0).numpy()
    variance = model.sigma_**2
    likelihood = -error / (2 * variance) - 2 * np.log(2 * np.pi * variance)
    deviation = posterior.standard_deviation.astype(float)
    kl = 0.5 * (posterior.mean.astype(float) ** 2 + deviation**2 - 1 - 2 * np.log(deviation)).sum(1)
    expected = likelihood - kl - np.log(scale).sum()
    scores = model.score_samples(rows)
    assert scores.mean() == pytest.approx(expected.mean(), abs=0.1)
    assert np.corrcoef(scores, expected)[0, 1] > 0.99


def test_diagnostics_agree_with_a_recomputation(images):
    model = VAE(3, validation_fraction=None, **SMALL).fit(images)
    posterior = model.posterior(images)
    deviation = posterior.standard_deviation.astype(float)
    kl = 0.5 * (posterior.mean.astype(float) ** 2 + deviation**2 - 1 - 2 * np.log(deviation))
    assert model.rate_ == pytest.approx(kl.sum(1).mean(), rel=1e-4)
    np.testing.assert_allclose(model.diagnosis_.rate_per_dimension, kl.mean(0), rtol=1e-3, atol=1e-5)
    assert model.active_units_ == (posterior.mean.var(0) > 0.01).sum()
    assert model.sigma_ > 0


def test_recipes_by_name():
    assert isthmus.recipe("beta-vae", latent_dim=2).beta == 4.0
    assert isthmus.recipe("linear-vae", network__hidden=(4,)).network.hidden == (4,)
    with pytest.raises(ParameterError, match=r"No recipe is called 'bta-vae'. Did you mean 'beta-vae'"):
        isthmus.recipe("bta-vae")


def test_beta_and_explicit_penalties_contradict_each_other(images):
    with pytest.raises(ParameterError, match=r"`beta`=2.0 sets the weight of the automatic KL penalty"):
        VAE(2, beta=2.0, penalties={"kl": isthmus.KL()}, **SMALL).fit(images)


def test_a_penalty_on_a_point_code_is_refused_by_name(images):
    with pytest.raises(
        ParameterError, match=r"penalty `kl` \(KL\) needs a stochastic latent; `point` has none|no dist"
    ):
        Autoencoder(2, penalties={"kl": isthmus.KL()}, **SMALL).fit(images)


def test_a_bernoulli_on_continuous_data_is_refused_with_the_remedy():
    rows = np.random.default_rng(0).normal(size=(50, 3))
    with pytest.raises(ParameterError, match=r"Bernoulli needs data in \{0, 1\}, but the schema found continuous"):
        VAE(2, likelihood=Bernoulli(), **SMALL).fit(rows)


def test_saved_and_loaded_models_are_the_same(model, images, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = isthmus.load(path)
    assert type(loaded) is type(model)
    for method in ("transform", "reconstruct", "score_samples"):
        np.testing.assert_array_equal(getattr(loaded, method)(images), getattr(model, method)(images))
    for prior in (False, True):
        np.testing.assert_array_equal(
            loaded.sample(5, prior=prior, random_state=0), model.sample(5, prior=prior, random_state=0)
        )
    assert loaded.get_params()["latent_dim"] == 3
    assert loaded.history_.rows == model.history_.rows
    assert loaded.diagnosis_ == model.diagnosis_
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_a_thousand_random_bit_flips_of_a_real_model_are_all_refused(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    for position in generator.integers(0, 8 * len(content), size=1000):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=r"model.safetensors"):
            isthmus.load(path)


def test_a_linear_autoencoder_on_images_keeps_the_image_type(images):
    model = isthmus.recipe("linear-autoencoder", latent_dim=4, max_epochs=2, random_state=0).fit(images)
    assert model.reconstruct(images).shape == images.shape
    assert model.reconstruct(images).dtype == np.uint8
