"""Oracle 7: the shared σ² is the mean squared error per feature, and the loss is then (D/2)(ln 2πσ² + 1)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import isthmus
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.core.blocks import Block


def module_and_rows(width: int = 5, rows: int = 40) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    module = Gaussian().build(Block("continuous", 0, width, (width,))).double()
    mean, target = (torch.randn(rows, width, generator=generator, dtype=torch.float64) for _ in range(2))
    return module, mean, target


def test_calibration_is_the_maximum_of_the_likelihood() -> None:
    module, mean, target = module_and_rows()
    error = float((mean - target).square().mean())
    module.calibrate(module.statistics(module(mean), target), len(target))
    assert float(module.variance) == pytest.approx(error, rel=1e-12)
    loss = -float(module(mean).log_prob(target).mean())
    assert loss == pytest.approx(2.5 * (math.log(2 * math.pi * error) + 1), abs=1e-12)
    for factor in (0.99, 1.01):
        module.variance.fill_(error * factor)
        assert -float(module(mean).log_prob(target).mean()) > loss


def test_the_running_variance_tends_to_it() -> None:
    module, mean, target = module_and_rows()
    for _ in range(600):
        module.variance.copy_(module.updates(module(mean), target)["variance"])
    assert float(module.variance) == pytest.approx(float((mean - target).square().mean()), rel=1e-9)


@pytest.mark.parametrize("name", ["vae", "linear-vae"])
def test_after_fitting_it_is_the_error_of_the_training_rows(name: str) -> None:
    """Calibration samples each row's code once, so that it is the expected error up to that noise."""
    generator = np.random.Generator(np.random.PCG64(0))
    X = generator.normal(size=(400, 2)) @ generator.normal(size=(2, 5)) + 0.3 * generator.normal(size=(400, 5))
    fitted = isthmus.recipe(name, latent_dim=2, max_epochs=10, validation_fraction=None, random_state=0).fit(X)
    model = fitted.module_
    features = fitted.schema_.encode(X).values
    model.eval()
    errors = []
    with torch.no_grad():
        for seed in range(40):
            noise = model.draw_noise(len(features), torch.Generator().manual_seed(seed))
            errors.append(
                float((model.decode(model.encode(features).sample(noise.latent)).mean - features).square().mean())
            )
    spread = np.std(errors)
    assert abs(fitted.sigma_**2 - np.mean(errors)) <= 5 * spread
