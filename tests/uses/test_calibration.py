"""After training, σ² is the mean squared error over the training rows, not what a running buffer remembers."""

import numpy as np
import pytest
import torch

from isthmus import MLP, VAE, Autoencoder, Gaussian
from isthmus.core.random import torch_generator
from isthmus.uses.calibration import calibrate_likelihood

SMALL = {"max_epochs": 2, "network": MLP(hidden=(8,)), "random_state": 0, "validation_fraction": None}


def test_a_deterministic_model_gets_exactly_its_mean_squared_error():
    rows = np.random.default_rng(0).normal(size=(300, 4))
    model = Autoencoder(2, likelihood=Gaussian(), scaling="none", **SMALL).fit(rows)
    error = ((rows.astype(np.float32).astype(float) - model.reconstruct(rows)) ** 2).mean()
    assert model.sigma_**2 == pytest.approx(error, rel=1e-5)


def test_a_stochastic_model_gets_the_error_of_sampled_codes_within_half_a_percent():
    rows = np.random.default_rng(0).normal(size=(60, 4))
    model = VAE(2, scaling="none", **SMALL).fit(rows)
    index = torch.arange(60)
    features = torch.from_numpy(rows.astype(np.float32)).repeat(3000, 1)
    module = model.module_
    with torch.no_grad():
        z = module.encode(features).sample(torch.randn(len(features), 2, generator=torch_generator(7)))
        exact = float((features - module.decode(z).mean).double().square().mean())
    for seed in range(5):
        calibrate_likelihood(module, model.schema_.rows(rows), index, seed)
        assert model.sigma_**2 == pytest.approx(exact, rel=0.015)


def test_a_fixed_scale_is_left_alone():
    rows = np.random.default_rng(0).normal(size=(60, 4))
    assert VAE(2, likelihood=Gaussian(sigma=0.3), **SMALL).fit(rows).sigma_ == pytest.approx(0.3)
