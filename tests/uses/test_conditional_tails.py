"""Masses between two numbers, and draws between them, against scipy's distribution functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus import distributions
from isthmus.uses.conditional_tails import drawn_between, log_mass_between, log_tails


def tensor(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


LOGITS = tensor(-3.0, 1e-12, 40.0)


def cut_exponential(value: np.ndarray) -> np.ndarray:
    """The distribution function of the continuous Bernoulli, by its density's integral."""
    rate = LOGITS.numpy()[0]
    return np.where(np.abs(rate) < 1e-6, value, np.expm1(rate * value) / np.expm1(np.where(rate == 0, 1, rate)))


CASES = {
    "isotropic": (
        distributions.IsotropicNormal(tensor(0.0, 1.0, -2.0), torch.tensor(0.25)),
        stats.norm([0, 1, -2], 0.5).cdf,
        (-0.3, 1.9, -2.5),
    ),
    "diagonal": (
        distributions.DiagonalNormal(tensor(0.0, 1.0, -2.0), tensor(0.0, 1.0, -1.0)),
        stats.norm([0, 1, -2], np.exp([0, 1, -1])).cdf,
        (-0.3, 1.9, -2.5),
    ),
    "laplace": (
        distributions.IndependentLaplace(tensor(0.0, 1.0, -2.0), torch.tensor(0.5)),
        stats.laplace([0, 1, -2], 0.5).cdf,
        (-0.3, 1.9, -2.0),
    ),
    "student": (
        distributions.IndependentStudentT(tensor(0.0, 1.0, -2.0), tensor(1.0, 2.0, 0.5), tensor(3.0, 5.0, 40.0)),
        stats.t([3, 5, 40], [0, 1, -2], [1, 2, 0.5]).cdf,
        (-0.3, 1.9, -2.5),
    ),
    "poisson": (
        distributions.IndependentPoisson(tensor(0.0, 1.0, 3.0)),
        stats.poisson(np.exp([0, 1, 3])).cdf,
        (-0.5, 2.5, 17.0),
    ),
    "negative-binomial": (
        distributions.IndependentNegativeBinomial(tensor(0.0, 1.0, 3.0), tensor(0.0, 1.0, -1.0)),
        lambda value: stats.nbinom(np.exp([0, 1, -1]), 1 / (1 + np.exp([0, 0, 4.0]))).cdf(value),
        (0.5, 2.5, 17.0),
    ),
    "zero-inflated": (
        distributions.ZeroInflatedNegativeBinomial(
            tensor(0.0, 1.0, 3.0), tensor(0.0, 1.0, -1.0), tensor(0.0, 0.0, 0.0)
        ),
        lambda value: (
            0.5 * (value >= 0) + 0.5 * stats.nbinom(np.exp([0, 1, -1]), 1 / (1 + np.exp([0, 0, 4.0]))).cdf(value)
        ),
        (-0.5, 2.5, 17.0),
    ),
    "continuous-bernoulli": (distributions.ContinuousBernoulli(LOGITS), cut_exponential, (0.2, 0.7, 0.9)),
}


@pytest.mark.parametrize("name", CASES)
def test_tails_are_those_of_scipy(name: str) -> None:
    distribution, function, value = CASES[name]
    below, above = log_tails(distribution, tensor(*value))
    expected = function(np.array(value))
    np.testing.assert_allclose(below.exp()[0], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(above.exp()[0], 1 - expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_draws_lie_between_and_are_spread_as_the_distribution_is(name: str) -> None:
    distribution, function, value = CASES[name]
    width = 1.5 if value[2] < 5 else 20.0
    low = tensor(*value).expand(2000, -1)
    high = low + (0.1 if name == "continuous-bernoulli" else width)
    uniform = ((torch.arange(2000, dtype=torch.float64) + 0.5) / 2000)[:, None].expand(-1, 3)
    drawn = drawn_between(distribution, low, high, uniform, 3)
    assert bool((drawn >= low).all() and (drawn <= high).all())
    start, end = function(low[0].numpy()), function(high[0].numpy())
    reached = (function(drawn.numpy()) - start) / (end - start)
    if name in ("poisson", "negative-binomial", "zero-inflated"):
        assert bool((drawn == drawn.round()).all())
        assert (reached >= uniform.numpy() - 1e-6).all()  # the least count whose chance to be reached is enough
    else:
        np.testing.assert_allclose(reached, uniform, atol=1e-4)
    mass = log_mass_between(distribution, low[:1], high[:1])[0]
    np.testing.assert_allclose(mass, np.log(end - start), atol=1e-9)


def test_open_ends_and_far_tails() -> None:
    normal = distributions.IsotropicNormal(torch.zeros(1, 3), torch.tensor(1.0))
    infinite = math.inf
    mass = log_mass_between(normal, tensor(-infinite, 30.0, -51.0), tensor(infinite, infinite, -50.0))[0]
    np.testing.assert_allclose(mass, [0, stats.norm.logsf(30), stats.norm.logcdf(-50)], rtol=1e-9, atol=1e-12)
    assert log_mass_between(normal, tensor(1.0, 2.0, 3.0), tensor(1.0, 2.0, 3.0)).max() == -infinite


def test_only_what_is_asked_of_rows_of_several_kinds() -> None:
    nothing = math.nan
    joint = distributions.Joint(
        [
            (0, 2, distributions.IndependentLaplace(torch.zeros(1, 2), torch.tensor(1.0))),
            (2, 5, distributions.IndependentCategorical(torch.zeros(1, 3), 3)),
        ]
    )
    low, high = tensor(nothing, 0.0, nothing, nothing, nothing), tensor(nothing, 1.0, nothing, nothing, nothing)
    seen = distributions.Observed(joint, torch.ones(1, 3, dtype=torch.bool))
    for asked in (joint, seen):
        assert log_mass_between(asked, low, high)[0, 1].exp().item() == pytest.approx(0.5 * (1 - math.exp(-1)))
    drawn = drawn_between(joint, low, high, torch.full((1, 5), 0.5, dtype=torch.float64), 3)
    assert drawn[0, 1].item() == pytest.approx(-math.log(1 - 0.5 * (1 - math.exp(-1))), abs=1e-6)


def test_unknown_distributions_are_searched() -> None:
    class Logistic:
        """Known by its quantiles only."""

        def cells(self, noise: Tensor) -> Tensor:
            return torch.special.ndtr(noise.double()).logit()

    below, above = log_tails(Logistic(), tensor(-2.0, 0.0, 3.0))
    np.testing.assert_allclose(below.exp()[0], stats.logistic.cdf([-2, 0, 3]), atol=1e-9)
    np.testing.assert_allclose(above.exp()[0], stats.logistic.sf([-2, 0, 3]), atol=1e-9)
