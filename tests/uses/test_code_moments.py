"""Means and standard deviations of densities, in closed form and by brute force."""

from __future__ import annotations

import pytest
import torch

from isthmus.distributions import DiagonalMixture, DiagonalNormal, FullNormal, NormalMixture, StandardNormal
from isthmus.uses.code_moments import moments

LOG_WEIGHTS = torch.tensor([0.25, 0.75], dtype=torch.float64).log()
MEANS = torch.tensor([[-1.0, 2.0], [3.0, 0.5]], dtype=torch.float64)
FACTORS = torch.tensor([[[1.0, 0.0], [0.5, 2.0]], [[0.3, 0.0], [0.1, 0.2]]], dtype=torch.float64)


@pytest.mark.parametrize(
    "density",
    [
        StandardNormal(2, dtype=torch.float64),
        FullNormal(MEANS[0], FACTORS[0]),
        NormalMixture(LOG_WEIGHTS, MEANS, FACTORS),
        DiagonalMixture(LOG_WEIGHTS, MEANS, FACTORS.sum(-1).log()),
    ],
    ids=["standard", "full", "mixture", "diagonal mixture"],
)
def test_closed_forms_are_those_of_many_draws(density):
    rows = density.draw(200_000, torch.Generator().manual_seed(0))
    mean, deviation = moments(density)
    torch.testing.assert_close(mean, rows.mean(0), atol=0.02, rtol=0)
    torch.testing.assert_close(deviation, rows.std(0), atol=0, rtol=0.01)


def test_a_mixture_by_hand():
    two = NormalMixture(torch.tensor([0.5, 0.5]).log(), torch.tensor([[-3.0], [3.0]]), torch.full((2, 1, 1), 4.0))
    mean, deviation = moments(two)
    assert mean.item() == pytest.approx(0, abs=1e-7)
    assert deviation.item() == pytest.approx(5)  # 4² within and 3² between


def test_other_densities_are_drawn_from_and_always_alike():
    density = DiagonalNormal(torch.tensor([1.0, -2.0]), torch.tensor([0.0, 1.0]))
    mean, deviation = moments(density)
    torch.testing.assert_close(mean, torch.tensor([1.0, -2.0]).double(), atol=0.1, rtol=0)
    torch.testing.assert_close(deviation, torch.tensor([1.0, 2.718281828]).double(), atol=0, rtol=0.03)
    assert torch.equal(mean, moments(density)[0])
