"""Discrete codes through the face: symbols, the vectors that they stand for, and rows drawn from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits

import isthmus
from isthmus import MLP, VQVAE, FiniteScalar, ResidualQuantised, VectorQuantised
from isthmus.components.priors.symbol_transformer import SymbolTransformer
from isthmus.core.errors import CollapseWarning

ROWS = load_digits().data[:300]
SMALL = {"latent_dim": 4, "max_epochs": 4, "network": MLP(hidden=(16,)), "random_state": 0}

QUANTISED = {
    "ema": {"n_codes": 8, "tokens": 2},
    "gradient": {"latent": VectorQuantised(n_codes=8, tokens=2, update="gradient")},
    "residual": {"latent": ResidualQuantised(n_codes=8, stages=3)},
    "finite": {"latent": FiniteScalar(levels=(5, 3, 3, 2))},
}
LEVELS = {"ema": (8, 8), "gradient": (8, 8), "residual": (8, 8, 8), "finite": (5, 3, 3, 2)}


@pytest.fixture(scope="module", params=QUANTISED)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def model(kind):
    return VQVAE(**SMALL, **QUANTISED[kind]).fit(ROWS)


def vectors_of(model, symbols):
    with torch.no_grad():
        return model.module_.latent.vectors(torch.from_numpy(symbols)).numpy()


def test_codes_are_symbols_and_transform_gives_their_vectors(model, kind):
    symbols = model.codes(ROWS)
    assert symbols.dtype == np.int64
    assert symbols.shape == (300, len(LEVELS[kind]))
    assert (symbols >= 0).all()
    assert (symbols < np.array(LEVELS[kind])).all()
    assert len(np.unique(symbols, axis=0)) > 3
    np.testing.assert_array_equal(model.transform(ROWS), vectors_of(model, symbols))
    np.testing.assert_array_equal(model.codes(ROWS[::-1]), symbols[::-1])
    np.testing.assert_array_equal(model.codes(ROWS[5:6]), symbols[5:6])
    assert model.codes(pd.DataFrame(ROWS).to_numpy()).dtype == np.int64


def test_samples_are_decoded_symbols_of_the_fitted_density(model, kind):
    from isthmus.uses.generation import draw_codes  # what sample() decodes

    for prior, source in ((False, model.density_), (True, model.module_.prior)):
        codes = draw_codes(source, model.module_, 200, 1)
        every = np.stack(np.meshgrid(*map(np.arange, LEVELS[kind]), indexing="ij"), -1).reshape(-1, len(LEVELS[kind]))
        known = {tuple(row) for row in vectors_of(model, every)}
        assert {tuple(row) for row in codes} <= known
        np.testing.assert_array_equal(model.sample(200, prior=prior, random_state=1), model.inverse_transform(codes))
    if model.density_spec_.name == "categorical-mixture":
        # The density has learnt which symbols occur: unlike the uniform prior, it rarely draws others.
        occurring = {tuple(row) for row in model.transform(ROWS)}
        drawn = [
            np.mean([tuple(row) in occurring for row in draw_codes(source, model.module_, 300, 2)])
            for source in (model.density_, model.module_.prior)
        ]
        assert drawn[0] > drawn[1] + 0.1


def test_the_score_is_a_bound_with_the_codes_own_entry(model, kind):
    """log p(x|z) + log p(z) at the one code, with the uniform prior of the symbols."""
    features = (ROWS - ROWS.min()) / np.ptp(ROWS)
    with torch.no_grad():
        likelihood = model.module_.decode(torch.from_numpy(model.transform(ROWS)))
        conditional = likelihood.log_prob(torch.from_numpy(features.astype(np.float32))).double().numpy()
    expected = conditional - np.log(LEVELS[kind]).sum() - 64 * np.log(np.ptp(ROWS))
    np.testing.assert_allclose(model.score_samples(ROWS), expected, rtol=1e-4)
    estimate = model.density(ROWS[:20], samples=10)
    np.testing.assert_allclose(estimate.log_likelihood, model.score_samples(ROWS[:20]), rtol=1e-6)
    assert (estimate.standard_error == 0).all()
    assert model.rate_ == pytest.approx(np.log(LEVELS[kind]).sum(), rel=1e-5)


def test_nothing_is_drawn_from_a_posterior_that_is_one_symbol(model):
    posterior = model.posterior(ROWS[:10])
    np.testing.assert_array_equal(posterior.sample(2, random_state=0)[1], model.transform(ROWS[:10]))
    np.testing.assert_array_equal(posterior.mean, model.transform(ROWS[:10]))
    assert posterior.standard_deviation is None or not posterior.standard_deviation.any()


def test_saved_symbols_are_the_same_symbols(model, tmp_path):
    model.save(tmp_path / "model.safetensors")
    loaded = isthmus.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.codes(ROWS), model.codes(ROWS))
    np.testing.assert_array_equal(loaded.sample(9, random_state=3), model.sample(9, random_state=3))
    assert loaded.density_spec_ == model.density_spec_


def test_more_stages_say_more():
    """The first symbols of a residual code are a coarse version of the row; each further one refines it."""
    model = VQVAE(**{**SMALL, "max_epochs": 15}, latent=ResidualQuantised(n_codes=16, stages=3)).fit(ROWS)
    symbols = torch.from_numpy(model.codes(ROWS))
    stages = list(model.module_.latent._stages())
    partial, errors = torch.zeros(300, 4), []
    for stage, codebook in enumerate(stages):
        partial = partial + codebook.vectors[symbols[:, stage]]
        errors.append(np.square(model.inverse_transform(partial.numpy()) - ROWS).mean())
    assert errors[0] > errors[1] > errors[2]
    np.testing.assert_allclose(model.inverse_transform(partial.numpy()), model.reconstruct(ROWS), atol=1e-3)


def test_a_codebook_that_is_too_large_says_so():
    """Twelve different rows cannot use 64 codes."""
    rows = np.repeat(np.random.default_rng(0).normal(size=(12, 6)), 20, axis=0)
    latent = VectorQuantised(n_codes=64, tokens=1, decay=0.5, reset_below=0.0)
    with pytest.warns(CollapseWarning, match=r"of 64"):
        VQVAE(4, latent=latent, max_epochs=10, batch_size=60, network=MLP(hidden=(8,)), random_state=0).fit(rows)


def test_sequences_of_symbols_get_a_density_that_knows_what_follows_what(tmp_path):
    """Every place is like the one before: classes of independent symbols cannot say that in few words."""
    random = np.random.default_rng(0)
    walks = random.normal(size=(700, 1)) + 0.5 * random.normal(size=(700, 8)).cumsum(1)
    model = VQVAE(8, n_codes=8, tokens=8, network=MLP(hidden=()), max_epochs=15, random_state=0).fit(walks)
    assert isinstance(model.density_spec_, SymbolTransformer)
    model.save(tmp_path / "walk.safetensors")
    again = isthmus.load(tmp_path / "walk.safetensors")
    drawn = again.sample(400, random_state=0)
    np.testing.assert_array_equal(drawn, model.sample(400, random_state=0))
    wanted, found = (np.diag(np.corrcoef(rows.T), 1) for rows in (walks, drawn))
    np.testing.assert_allclose(found, wanted, atol=0.25)
