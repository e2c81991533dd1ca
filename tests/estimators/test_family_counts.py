"""Counts through the face: what generated them is found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from isthmus import MLP, VAE, Autoencoder, Gaussian, NegativeBinomial, Poisson, ZeroInflatedNegativeBinomial
from isthmus.core.errors import InputError

RNG = np.random.default_rng(0)
ROWS, COLUMNS = 1000, 12
FACTOR = RNG.normal(size=ROWS)
LOADINGS = RNG.choice([-1, 1], COLUMNS) * RNG.uniform(0.6, 1.0, COLUMNS)
RATES = RNG.uniform(10, 40, COLUMNS) * np.exp(FACTOR[:, None] * LOADINGS)
INVERSE_DISPERSIONS = np.geomspace(1.5, 12, COLUMNS)
LOST = np.linspace(0.05, 0.5, COLUMNS)

POISSON = RNG.poisson(RATES).astype(float)
# A Poisson of a gamma variable: negative binomial, with the variance μ + μ²/θ.
NEGATIVE_BINOMIAL = RNG.poisson(RNG.gamma(INVERSE_DISPERSIONS, RATES / INVERSE_DISPERSIONS)).astype(float)
INFLATED = np.where(RNG.random((ROWS, COLUMNS)) < LOST, 0, NEGATIVE_BINOMIAL)

SETTINGS = {
    "latent_dim": 1,
    "network": MLP(hidden=(16,)),
    "decoder": MLP(hidden=()),
    "max_epochs": 15,
    "batch_size": 50,
    "learning_rate": 0.02,
    "random_state": 0,
}


def fit(likelihood, rows, schema="count"):
    return VAE(**SETTINGS, likelihood=likelihood, schema=schema).fit(rows)


def inverse_dispersions(model):
    return model.module_.likelihood.parts[0].log_inverse_dispersion.detach().exp().numpy()


def correlation(a, b):
    return abs(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


def error_of_log_rates(model, rows):
    return np.median(np.abs(np.log(model.reconstruct(rows) / RATES)))


def test_rates_of_poisson_counts():
    model = fit(Poisson(), POISSON)
    np.testing.assert_allclose(model.reconstruct(POISSON).mean(0), POISSON.mean(0), rtol=0.05)
    assert error_of_log_rates(model, POISSON) < 0.1
    assert correlation(model.transform(POISSON), FACTOR) > 0.98
    # Whole numbers that are no counts of anything would be continuous: only the schema says so.
    plain = Autoencoder(1, max_epochs=1, network=MLP(hidden=(4,)), random_state=0).fit(POISSON)
    assert isinstance(plain.composition_.likelihoods[0], Gaussian)


def test_means_and_dispersions_of_negative_binomial_counts():
    model = fit("auto", NEGATIVE_BINOMIAL)
    assert model.composition_.likelihoods == (NegativeBinomial(),)
    np.testing.assert_allclose(model.reconstruct(NEGATIVE_BINOMIAL).mean(0), NEGATIVE_BINOMIAL.mean(0), rtol=0.1)
    assert error_of_log_rates(model, NEGATIVE_BINOMIAL) < 0.2
    ratio = inverse_dispersions(model) / INVERSE_DISPERSIONS
    assert np.median(ratio) == pytest.approx(1, abs=0.15)
    # The code follows the most telling columns, so that some look less dispersed than they are, given it.
    assert ((ratio > 0.3) & (ratio < 1.5)).all()
    # The counts are more likely under what they are than under what they are not.
    assert model.score(NEGATIVE_BINOMIAL) > fit(Poisson(), NEGATIVE_BINOMIAL).score(NEGATIVE_BINOMIAL) + 5


def test_lost_counts_are_told_from_small_ones():
    model = fit(ZeroInflatedNegativeBinomial(), INFLATED)
    with torch.no_grad():
        decoded = model.module_.decode(torch.from_numpy(model.transform(INFLATED)))
    lost = decoded.dropout_logits.sigmoid().mean(0).numpy()
    assert np.median(np.abs(lost - LOST)) < 0.04
    assert correlation(lost, LOST) > 0.9
    plain = fit(NegativeBinomial(), INFLATED)
    # Without a place for them, lost counts pass for dispersion.
    ratios = [inverse_dispersions(one)[6:] / INVERSE_DISPERSIONS[6:] for one in (model, plain)]
    assert np.median(ratios[0]) > 2 * np.median(ratios[1])
    assert model.score(INFLATED) > plain.score(INFLATED) + 1
    # The mean includes the lost ones.
    np.testing.assert_allclose(model.reconstruct(INFLATED).mean(0), INFLATED.mean(0), rtol=0.15)


def test_an_observed_library_takes_the_size_of_a_row_out_of_the_model():
    totals = RNG.integers(20, 400, size=ROWS)
    shares = RATES / RATES.sum(1, keepdims=True)
    rows = np.stack([RNG.multinomial(total, share) for total, share in zip(totals, shares, strict=True)]).astype(float)
    model = fit(Poisson(library="observed"), rows)
    back = model.reconstruct(rows)
    np.testing.assert_allclose(back.sum(1), totals, rtol=1e-4)
    error = np.abs(back / back.sum(1, keepdims=True) - shares).mean()
    assert error < 0.5 * np.abs(rows / totals[:, None] - shares).mean()
    assert correlation(model.transform(rows), FACTOR) > 0.95
    assert correlation(model.transform(rows), np.log(totals)) < 0.2
    # New rows get the middle one of the training rows' totals (the lower, of two).
    held = np.unique(np.round(model.sample(50, random_state=0).sum(1), 2))
    assert held == pytest.approx(np.median(totals), rel=0.05)


@pytest.fixture(scope="module")
def exposed():
    hours = np.random.default_rng(1).choice([1.0, 2.0, 4.0, 8.0], size=ROWS)
    counts = np.random.default_rng(2).poisson(RATES * hours[:, None] / 4).astype(float)
    frame = pd.DataFrame(counts, columns=[f"c{j}" for j in range(COLUMNS)]).assign(hours=hours)
    schema = {**{f"c{j}": "count" for j in range(COLUMNS)}, "hours": "exposure"}
    return fit(Poisson(), frame, schema), frame


def test_twice_the_exposure_means_twice_the_counts_and_the_same_code(exposed):
    model, frame = exposed
    codes = model.transform(frame)
    assert correlation(codes, FACTOR) > 0.97
    assert correlation(codes, np.log(frame["hours"])) < 0.1
    np.testing.assert_allclose(
        model.inverse_transform(codes, given={"hours": 2.0}).iloc[:, :-1],
        2 * model.inverse_transform(codes, given={"hours": 1.0}).iloc[:, :-1],
        rtol=1e-5,
    )
    twice = model.transform(2 * frame)
    assert np.abs(twice - codes).mean() < 0.15 * codes.std()
    # The same counts in twice the time are another matter: less likely, under rates that did not change.
    slower = frame.assign(hours=2 * frame["hours"])
    assert model.score(slower) < model.score(frame) - 10


def test_the_exposure_comes_back_and_is_the_mean_where_it_is_not_said(exposed):
    model, frame = exposed
    pd.testing.assert_series_equal(model.reconstruct(frame)["hours"], frame["hours"])
    assert model.sample(3, random_state=0)["hours"].to_numpy() == pytest.approx(frame["hours"].mean())
    assert model.sample(2, given={"hours": [1, 8]}, random_state=0)["hours"].tolist() == [1, 8]
    codes = model.transform(frame[:5])
    rates = model.inverse_transform(codes, given={"hours": 1}).iloc[:, :-1].to_numpy()
    found = model.reconstruct(frame[:5])
    np.testing.assert_allclose(found.iloc[:, :-1].to_numpy(), rates * frame["hours"].to_numpy()[:5, None], rtol=1e-5)
    with pytest.raises(InputError, match=r"the exposure 0 for column 'hours'; expected a positive number"):
        model.sample(1, given={"hours": 0})
    with pytest.raises(InputError, match=r"exposure.*'hours'"):
        model.transform(frame.assign(hours=-1.0))
