"""Faults during ``fit``: what the estimator says, and what is left of it."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest
import torch

import isthmus
from isthmus import MLP, VAE, Autoencoder, Callback
from isthmus.core.errors import CollapseWarning, DivergenceError, TrainingWarning
from isthmus.estimators import fitting
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.uses import euclidean_density

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(300, 3)) @ RNG.normal(size=(3, 6)) + 0.1 * RNG.normal(size=(300, 6))).astype(np.float32)
SMALL = {"network": isthmus.MLP(hidden=(16,)), "random_state": 0}


@pytest.mark.parametrize("estimator", [Autoencoder, VAE])
def test_an_absurd_learning_rate_is_rescued(estimator):
    model = estimator(2, learning_rate=1e6, max_epochs=15, **SMALL)
    with pytest.warns(TrainingWarning, match="rolled-back") as caught:
        model.fit(X)
    assert caught[0].filename == __file__
    assert model.score(X) > -200
    lowered = [event for event in model.history_.events if event["kind"] == "rolled-back"]
    assert "learning rate lowered to 1e+05" in lowered[0]["message"]
    assert np.isfinite(model.transform(X)).all()


@pytest.fixture
def loss_always_nan(monkeypatch):
    loss, calls = ComposedAutoencoder.loss, []

    def patched(self, batch, noise, weights):
        terms = loss(self, batch, noise, weights)
        if self.training:
            calls.append(1)
            if len(calls) > 20:
                terms.parts["reconstruction"] = terms.parts["reconstruction"] * math.nan
        return terms

    monkeypatch.setattr(ComposedAutoencoder, "loss", patched)
    return monkeypatch


@pytest.mark.parametrize("seed", [0, 4, 10, 11, 18])
def test_a_short_run_on_heavy_tails_is_no_divergence(seed):
    """An outlier among six held-out rows weighs more than an epoch can learn."""
    counts = np.floor(np.random.default_rng(seed).lognormal(2, 1.5, size=(60, 5)))
    model = VAE(2, max_epochs=1 + seed % 2, network=MLP(hidden=(8,)), random_state=seed).fit(counts)
    assert not model.history_.events


@pytest.mark.parametrize("estimator", [Autoencoder, VAE])
def test_divergence_error_leaves_an_estimator_that_works(estimator, loss_always_nan, tmp_path):
    model = estimator(2, max_epochs=15, **SMALL)
    with pytest.raises(DivergenceError, match="The model holds the last finite parameters") as caught:
        model.fit(X)
    assert caught.value.__cause__ is None
    loss_always_nan.undo()
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.sample(3, random_state=0)).all()
    assert model.n_iter_ == len(model.history_)
    assert "rolled-back" in {event["kind"] for event in model.history_.events}
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(isthmus.load(tmp_path / "model.safetensors").transform(X), model.transform(X))


def test_forced_collapse_is_told_counted_and_recorded(tmp_path):
    model = VAE(3, beta=1e3, warmup_epochs=0, max_epochs=80, batch_size=300, learning_rate=0.01, **SMALL)
    with pytest.warns(CollapseWarning) as caught:
        model.fit(X)
    words = str(caught[0].message)
    active = model.active_units_
    assert active <= 1
    assert words.startswith(
        f"{active} of 3 latent dimensions are active, where a linear model of the data would use 3: the posterior has "
        "collapsed to the prior. Lower `beta`"
    )
    assert caught[0].filename == __file__
    assert model.rate_ < 0.1
    assert model.collapse_ == words
    model.save(tmp_path / "model.safetensors")
    again = isthmus.load(tmp_path / "model.safetensors")
    assert again.collapse_ == words
    assert again.active_units_ == active
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        healthy = VAE(3, max_epochs=60, batch_size=64, learning_rate=0.01, **SMALL).fit(X)
    assert healthy.collapse_ is None
    assert healthy.active_units_ == 3


@pytest.mark.parametrize("dim", [2, 3])
def test_collapse_is_told_of_data_that_leave_nothing_over(dim):
    """A linear model of as many dimensions as the data have would need no noise."""
    flat = np.random.default_rng(0).normal(size=(80, 2)) @ np.array([[1.0, 2.0, 0.5, 0.0], [0.0, 1.0, -1.0, 3.0]])
    with pytest.warns(CollapseWarning, match=f"of {dim} latent dimensions are active, where .* would use 2:"):
        VAE(dim, beta=1e3, warmup_epochs=0, max_epochs=80, batch_size=80, learning_rate=0.01, **SMALL).fit(flat)


def test_sigma_is_calibrated_exactly(monkeypatch):
    """σ² is the mean squared error over the training rows and the very noise that calibration drew."""
    drawn, at = [], []
    draw, calibrate = ComposedAutoencoder.draw_noise, fitting.calibrate_likelihood

    def recorded(self, rows, generator):
        drawn.append(draw(self, rows, generator))
        return drawn[-1]

    def marked(model, rows, index, seed):
        assert index.tolist() == list(range(300))
        at.append(len(drawn))
        calibrate(model, rows, index, seed)

    monkeypatch.setattr(ComposedAutoencoder, "draw_noise", recorded)
    monkeypatch.setattr(fitting, "calibrate_likelihood", marked)
    model = VAE(2, max_epochs=10, validation_fraction=None, **SMALL).fit(X)
    noise = torch.cat([one.latent for one in drawn[at[0] :]])
    features = model.schema_.rows(X).take(slice(None)).values
    repeated = features.repeat(len(noise) // 300, 1)
    with torch.no_grad():
        decoded = model.module_.decode(model.module_.encode(repeated).sample(noise)).mean
    squared = (repeated.double() - decoded.double()).square().mean()
    assert len(noise) >= 300
    assert model.sigma_**2 == pytest.approx(float(squared), rel=1e-6)
    exact = Autoencoder(2, max_epochs=10, likelihood=isthmus.Gaussian(), validation_fraction=None, **SMALL).fit(X)
    scaled = exact.module_(features).detach().double()
    assert exact.sigma_**2 == pytest.approx(float((features.double() - scaled).square().mean()), rel=1e-6)


def test_memory_that_runs_out_is_worked_around_and_told(monkeypatch):
    plain = Autoencoder(2, max_epochs=3, batch_size=64, **SMALL).fit(X)
    loss = ComposedAutoencoder.loss

    def patched(self, batch, noise, weights):
        if len(batch) > 20:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.")
        return loss(self, batch, noise, weights)

    monkeypatch.setattr(ComposedAutoencoder, "loss", patched)
    with pytest.warns(TrainingWarning, match=re.escape("(2 × split-batch)")):
        split = Autoencoder(2, max_epochs=3, batch_size=64, **SMALL).fit(X)
    np.testing.assert_allclose(split.transform(X), plain.transform(X), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("rows", "batch_size"), [(20, 500), (33, 16), (2, 1)])
def test_odd_batches_train_with_batch_normalisation(rows, batch_size):
    network = isthmus.MLP(hidden=(8,), normalisation="batch")
    model = Autoencoder(
        2, network=network, batch_size=batch_size, validation_fraction=None, max_epochs=4, random_state=0
    ).fit(X[:rows])
    assert model.n_iter_ == 4
    assert np.isfinite(model.transform(X)).all()
    assert model.history_.events == []


def test_warm_start_goes_on_from_the_fitted_model():
    cold = Autoencoder(2, max_epochs=20, **SMALL).fit(X)
    warm = Autoencoder(2, max_epochs=20, warm_start=True, **SMALL).fit(X)
    module, schema = warm.module_, warm.schema_
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    assert all(torch.equal(before[name], tensor) for name, tensor in cold.module_.state_dict().items())
    warm.set_params(max_epochs=1, learning_rate=1e-9)
    warm.fit(X)
    assert warm.module_ is module
    assert warm.schema_ is schema
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=1e-7)
    fresh = Autoencoder(2, max_epochs=1, learning_rate=1e-9, **SMALL).fit(X)
    assert warm.score(X) > fresh.score(X) + 0.5
    assert len(warm.history_) == warm.n_iter_ == 1
    # Another shape begins anew.
    warm.set_params(latent_dim=3)
    assert warm.fit(X).module_ is not module


class Interrupting(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, event):
        if event.epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("estimator", [Autoencoder, VAE])
def test_interrupt_leaves_a_fitted_partial_model_and_is_raised_again(estimator, tmp_path):
    model = estimator(2, max_epochs=10, callbacks=[Interrupting(4)], **SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.n_iter_ == len(model.history_) == 4
    assert model.stopped_ == "KeyboardInterrupt"
    assert not model.module_.training
    best = min(model.history_.column("validation/total"))
    assert best < model.history_.column("validation/total")[0]
    assert np.isfinite(model.score_samples(X)).all()
    assert model.sample(3).shape == (3, 6)
    model.save(tmp_path / "partial.safetensors")
    again = isthmus.load(tmp_path / "partial.safetensors")
    assert again.stopped_ == "KeyboardInterrupt"
    np.testing.assert_array_equal(again.transform(X), model.transform(X))


def test_interrupt_after_training_leaves_a_model_that_samples_from_its_prior(monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(euclidean_density, "_mixture", interrupted)
    model = VAE(2, max_epochs=5, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert model.n_iter_ == 5
    assert type(model.density_spec_).__name__ == "StandardNormal"
    np.testing.assert_array_equal(model.sample(4, random_state=1), model.sample(4, prior=True, random_state=1))
    assert model.active_units_ >= 0


def test_a_failed_refit_leaves_nothing_of_the_fit_before(monkeypatch):
    model = Autoencoder(2, max_epochs=2, **SMALL).fit(X)

    class Failing(Callback):
        def on_epoch_end(self, event):
            raise LookupError("mine")

    model.set_params(callbacks=[Failing()], latent_dim=3)
    with pytest.raises(LookupError, match="mine"):
        model.fit(X)
    assert model.transform(X).shape == (300, 3)
    assert model.sample(2).shape == (2, 6)
    for name in ("diagnosis_", "n_iter_", "stopped_", "collapse_"):
        assert not hasattr(model, name)
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        model.save("never-written.safetensors")


def test_bfloat16_on_the_cpu():
    model = Autoencoder(3, max_epochs=60, precision="bfloat16", **SMALL).fit(X)
    exact = Autoencoder(3, max_epochs=60, **SMALL).fit(X)
    assert model.score(X) == pytest.approx(exact.score(X), abs=0.3)
    assert model.transform(X).dtype == np.float32


@pytest.mark.parametrize("rate", [1e15, 1e30, 1e300])
def test_weights_that_are_finite_but_absurd_do_not_hide_the_divergence(rate):
    rows = np.random.default_rng(0).normal(size=(200, 6))
    model = isthmus.VAE(2, learning_rate=rate, max_epochs=3, random_state=0)
    with pytest.raises(DivergenceError, match=r"Training diverged: .*The model holds the last finite parameters"):
        model.fit(rows)
    assert np.isfinite(model.transform(rows)).all()
