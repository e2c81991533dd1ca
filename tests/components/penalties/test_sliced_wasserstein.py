"""SlicedWasserstein: against optimal assignments, and closed forms of Gaussians."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from isthmus.components.penalties.sliced_wasserstein import (
    PROJECTIONS,
    SlicedWasserstein,
    sliced_squared_distance,
)
from isthmus.core.batch import Batch
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal
from isthmus.testing.examples import LATENT_DIM, WIDTH, example_model


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def unit(*shape: int, seed: int = 0) -> Tensor:
    return torch.nn.functional.normalize(values(*shape, seed=seed), dim=-1)


def assigned(x: Tensor, y: Tensor, direction: Tensor) -> float:
    """The squared 2-Wasserstein distance along a line, by the best of all assignments."""
    costs = (x @ direction)[:, None] - (y @ direction)[None, :]
    squared = costs.square().numpy()
    return float(squared[linear_sum_assignment(squared)].mean())


@pytest.mark.parametrize(("projections", "lines"), [("auto", 7), (3, 3), (100, 7)])
def test_value_is_rows_times_the_mean_cost_of_the_best_assignments(projections: int | str, lines: int) -> None:
    codes, noise = values(7, LATENT_DIM) + 1, values(7, 2 * LATENT_DIM + 1, seed=1)
    model = example_model(True)
    found = model.pass_of(DiagonalNormal(codes, torch.zeros_like(codes)), Batch(values(7, WIDTH)), None)
    value = SlicedWasserstein(projections=projections).value(found, noise)
    drawn = noise[:, LATENT_DIM : 2 * LATENT_DIM]
    directions = noise[:lines, :LATENT_DIM] / noise[:lines, :LATENT_DIM].norm(dim=-1, keepdim=True)
    wanted = np.mean([assigned(codes, drawn, direction) for direction in directions])
    assert float(value) == pytest.approx(7 * wanted, rel=1e-12)


def test_automatic_number_of_projections() -> None:
    codes, noise = values(80, LATENT_DIM) + 1, values(80, 2 * LATENT_DIM + 1, seed=1)
    found = example_model(True).pass_of(DiagonalNormal(codes, torch.zeros_like(codes)), Batch(values(80, WIDTH)), None)
    auto = SlicedWasserstein().value(found, noise)
    assert torch.equal(auto, SlicedWasserstein(projections=PROJECTIONS).value(found, noise))
    assert not torch.equal(auto, SlicedWasserstein(projections=PROJECTIONS + 1).value(found, noise))


def test_a_shift_costs_the_squared_shift_along_the_line() -> None:
    y, shift, directions = values(30, 4), values(4, seed=1), unit(9, 4, seed=2)
    found = sliced_squared_distance(y.flip(0) + shift, y, directions)
    assert float(found) == pytest.approx(float((directions @ shift).square().mean()), rel=1e-12)


def test_gaussians_have_a_closed_form() -> None:
    """Along θ: W2²(N(μ, c²I), N(0, I)) = (θ·μ)² + (c − 1)²."""
    mean, scale, directions = values(3, seed=1), 1.7, unit(20, 3, seed=2)
    x, y = mean + scale * values(40_000, 3, seed=3), values(40_000, 3, seed=4)
    wanted = float((directions @ mean).square().mean()) + (scale - 1) ** 2
    assert float(sliced_squared_distance(x, y, directions)) == pytest.approx(wanted, rel=0.02)
