"""After training, what was only tracked is exact: σ² is the mean squared error, cells are as likely as frequent."""

import numpy as np
import pandas as pd
import pytest
import torch

from isthmus import MLP, VAE, Autoencoder, Gaussian
from isthmus.core.random import torch_generator
from isthmus.uses.calibration import calibrate_likelihood, calibrate_without_code

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


def test_cells_are_as_likely_without_a_code_as_they_are_frequent():
    random = np.random.default_rng(0)
    level = random.choice(3, 400, p=[0.7, 0.2, 0.1])
    frame = pd.DataFrame(
        {"level": np.array(["a", "b", "c"])[level], "size": (level + random.normal(0, 1, 400)).round()}
    )
    frame.loc[::7, "size"] = np.nan
    frame.loc[::9, "level"] = None
    model = VAE(1, **{**SMALL, "max_epochs": 1}).fit(frame)  # far from what it would converge to

    def gaps() -> np.ndarray:
        """Expected less found shares of the cells of all columns, among the rows that have them."""
        module, likelihood = model.module_, model.module_.likelihood
        with torch.no_grad():
            batch = model.schema_.rows(frame).take(slice(0, 400))
            features = module.features(batch)
            told = module.decode(torch.zeros(400, 1), module.context(batch, features)).without_code()
            cells, found = likelihood.positions(features, batch.present), []
            for column, logits in enumerate(told.logits(cells)):
                known = cells[:, column] < logits.shape[-1]
                there = torch.bincount(cells[known, column], minlength=logits.shape[-1]) / known.sum()
                found.append((torch.softmax(logits[known], -1).mean(0) - there).numpy())
        return np.concatenate(found)

    assert np.abs(gaps()).max() < 0.004  # half a row is added to each cell
    tilt = model.module_.likelihood.tilt.clone()
    calibrate_without_code(model.module_, model.schema_.rows(frame), torch.arange(400))
    torch.testing.assert_close(model.module_.likelihood.tilt, tilt)  # it begins anew
    model.module_.likelihood.tilt.zero_()
    assert np.abs(gaps()).max() > 0.01
