"""MaximumMeanDiscrepancy: against sums over pairs, one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from isthmus.components.penalties.maximum_mean_discrepancy import MaximumMeanDiscrepancy
from isthmus.core.batch import Batch
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, UniformSphere
from isthmus.testing.examples import LATENT_DIM, WIDTH, example_model

KERNELS = {
    "rbf": lambda squared, scale: math.exp(-squared / (2 * scale**2)),
    "inverse-multiquadratic": lambda squared, scale: scale**2 / (scale**2 + squared),
}
# s² for the typical squared distance 2·latent_dim of draws from N(0, I).
AUTO = {"rbf": math.sqrt(LATENT_DIM), "inverse-multiquadratic": math.sqrt(2 * LATENT_DIM)}


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def pass_of(codes: Tensor) -> ForwardPass:
    model = example_model(True)
    return model.pass_of(DiagonalNormal(codes, torch.zeros_like(codes)), Batch(values(len(codes), WIDTH)), None)


def pair_by_pair(x: Tensor, y: Tensor, kernel: str, scale: float) -> float:
    n = len(x)

    def similarity(a: Tensor, b: Tensor) -> float:
        return KERNELS[kernel](float((a - b).square().sum()), scale)

    within = sum(similarity(s[i], s[j]) for s in (x, y) for i in range(n) for j in range(n) if i != j)
    between = sum(similarity(x[i], y[j]) for i in range(n) for j in range(n))
    return within / (n * (n - 1)) - 2 * between / n**2


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scale", ["auto", 0.7])
def test_value_is_rows_times_the_unbiased_estimate(kernel: str, scale: float | str) -> None:
    codes, noise = values(6, LATENT_DIM) + 1, values(6, LATENT_DIM + 1, seed=1)
    found = MaximumMeanDiscrepancy(kernel=kernel, scale=scale).value(pass_of(codes), noise)
    number = AUTO[kernel] if scale == "auto" else scale
    wanted = pair_by_pair(codes, noise[:, :LATENT_DIM], kernel, number)
    assert float(found) == pytest.approx(6 * wanted, abs=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_automatic_scale_on_the_sphere(kernel: str) -> None:
    codes, noise = torch.nn.functional.normalize(values(6, LATENT_DIM), dim=-1), values(6, LATENT_DIM + 1, seed=1)
    prior = UniformSphere(LATENT_DIM)
    found = MaximumMeanDiscrepancy(kernel=kernel).value(replace(pass_of(codes), prior=prior), noise)
    scale = {"rbf": 1.0, "inverse-multiquadratic": math.sqrt(2)}[kernel]
    assert float(found) == pytest.approx(6 * pair_by_pair(codes, prior.sample_shared(noise), kernel, scale), abs=1e-12)


def test_it_is_negative_for_equal_sets_and_zero_for_one_row() -> None:
    noise = values(6, LATENT_DIM + 1)
    assert float(MaximumMeanDiscrepancy().value(pass_of(noise[:, :LATENT_DIM]), noise)) < 0
    alone = MaximumMeanDiscrepancy().value(pass_of(values(1, LATENT_DIM)), noise[:1])
    assert float(alone) == 0.0


def test_equal_codes_have_a_finite_gradient() -> None:
    codes = torch.zeros(6, LATENT_DIM, dtype=torch.float64, requires_grad=True)
    MaximumMeanDiscrepancy().value(pass_of(codes), values(6, LATENT_DIM + 1)).backward()
    assert codes.grad is not None
    assert codes.grad.isfinite().all()
