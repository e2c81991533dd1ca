"""Draws of single cells against quantiles, and slopes of likelihoods and densities against autograd."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus import distributions
from isthmus.core.errors import ParameterError
from isthmus.uses.imputation_curvature import expectation, local_normal, score_and_information
from isthmus.uses.imputation_draws import drawn_cells

# Draws of cells

UNIFORM = torch.linspace(0.002, 0.998, 500).double()
NOISE = torch.special.ndtri(UNIFORM)[:, None]


def many(value: float) -> Tensor:
    return torch.full((500, 1), value, dtype=torch.float64)


@pytest.mark.parametrize(
    ("distribution", "quantiles"),
    [
        (distributions.IsotropicNormal(many(1.0), torch.tensor(4.0).double()), stats.norm(1, 2).ppf),
        (distributions.DiagonalNormal(many(1.0), many(math.log(3.0))), stats.norm(1, 3).ppf),
        (distributions.IndependentLaplace(many(-1.0), torch.tensor(2.0).double()), stats.laplace(-1, 2).ppf),
        (
            distributions.IndependentStudentT(many(1.0), torch.tensor(2.0).double(), torch.tensor(3.0).double()),
            stats.t(3, 1, 2).ppf,
        ),
        (distributions.IndependentBernoulli(many(0.5)), stats.bernoulli(1 / (1 + math.exp(-0.5))).ppf),
        (distributions.IndependentPoisson(many(math.log(2.5))), stats.poisson(2.5).ppf),
        (
            distributions.IndependentNegativeBinomial(many(math.log(3.0)), torch.tensor(math.log(1.5)).double()),
            stats.nbinom(1.5, 1.5 / 4.5).ppf,
        ),
    ],
    ids=lambda one: type(one).__name__ if not callable(one) else "",
)
def test_cells_are_quantiles(distribution, quantiles) -> None:
    np.testing.assert_allclose(drawn_cells(distribution, NOISE)[:, 0], quantiles(UNIFORM.numpy()), atol=1e-6, rtol=1e-6)


def test_cells_of_mixed_distributions_have_their_masses() -> None:
    levels = distributions.IndependentCategorical(torch.tensor([0.1, 0.6, 0.3]).double().log().expand(500, -1), 3)
    found = drawn_cells(levels, NOISE)
    np.testing.assert_allclose(found.mean(0), [0.1, 0.6, 0.3], atol=0.003)
    assert (found.sum(1) == 1).all()
    zeros = distributions.ZeroInflatedNegativeBinomial(many(math.log(3.0)), many(math.log(1.5)), many(0.0))
    expected = 0.5 + 0.5 * stats.nbinom(1.5, 1.5 / 4.5).pmf(0)
    assert abs(float((drawn_cells(zeros, NOISE) == 0).double().mean()) - expected) < 0.005
    coins = distributions.ContinuousBernoulli(torch.cat([many(2.0), many(-2.0), many(0.0)], 1))
    found = drawn_cells(coins, NOISE.expand(-1, 3))
    np.testing.assert_allclose(found.mean(0), coins.mean[0], atol=2e-3)
    grey = distributions.DiscretisedLogisticMixture(
        torch.tensor([0.0, 1.0]).double().expand(500, 1, 2),
        torch.tensor([0.2, 0.7]).double().expand(500, 1, 2),
        torch.tensor([-3.0, -2.0]).double().expand(500, 1, 2),
        1 / 15,
    )
    found = drawn_cells(grey, NOISE)[:, 0]
    masses = grey.log_prob(torch.linspace(0, 1, 16).double()[:, None, None]).exp()[:, 0]
    counted = torch.bincount((found * 15).round().long(), minlength=16) / 500
    np.testing.assert_allclose(counted, masses, atol=0.006)
    joint = distributions.Joint([(0, 3, levels), (3, 4, zeros)])
    assert drawn_cells(joint, NOISE.expand(-1, 2)).shape == (500, 4)


def test_unknown_distributions_are_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="gives int, from which single cells cannot be drawn"):
        drawn_cells(3, NOISE)


# Slopes

FAMILIES = {
    "normal": lambda m: distributions.IsotropicNormal(m, torch.tensor(0.7).double()),
    "per feature": lambda m: distributions.DiagonalNormal(m, torch.tensor([[0.3]]).double()),
    "coins": lambda m: distributions.IndependentBernoulli(torch.logit(m)),
    "laplace": lambda m: distributions.IndependentLaplace(m, torch.tensor(0.7).double()),
    "student": lambda m: distributions.IndependentStudentT(m, torch.tensor(0.7).double(), torch.tensor(5.0).double()),
    "poisson": lambda m: distributions.IndependentPoisson(m.log()),
    "negative binomial": lambda m: distributions.IndependentNegativeBinomial(m.log(), torch.tensor(0.4).double()),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_derivatives_by_the_mean(family: str) -> None:
    mean = torch.tensor([[0.35]], dtype=torch.float64, requires_grad=True)
    value = torch.tensor([[1.0]], dtype=torch.float64)
    (expected,) = torch.autograd.grad(FAMILIES[family](mean).log_prob(value).sum(), mean)
    score, information = score_and_information(FAMILIES[family](mean.detach()), value)
    np.testing.assert_allclose(score, expected, rtol=1e-6)
    draws = drawn_cells(FAMILIES[family](mean.detach().expand(500, 1)), NOISE)
    scores, _ = score_and_information(FAMILIES[family](mean.detach().expand(500, 1)), draws)
    assert abs(float(scores.square().mean() / information) - 1) < 0.06  # the information is the score's variance


@pytest.mark.parametrize("name", ["StandardNormal", "FullNormal", "DiagonalMixture", "NormalMixture"])
def test_densities_have_their_gradients(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    weights, means = torch.tensor([0.3, 0.7]).double().log(), torch.randn(2, 2, generator=generator).double()
    factors = torch.tril(torch.rand(2, 2, 2, generator=generator).double()) + 0.5 * torch.eye(2)
    density = {
        "StandardNormal": lambda: distributions.StandardNormal(2, dtype=torch.float64),
        "FullNormal": lambda: distributions.FullNormal(means[0], factors[0]),
        "DiagonalMixture": lambda: distributions.DiagonalMixture(weights, means, 0.3 * means),
        "NormalMixture": lambda: distributions.NormalMixture(weights, means, factors),
    }[name]()
    z = torch.tensor([[0.4, -0.3]], dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(density.log_prob(z).sum(), z)
    gradient, precision = local_normal(density, z.detach())
    np.testing.assert_allclose(gradient, expected, atol=1e-9)
    hessian = torch.autograd.functional.hessian(lambda point: density.log_prob(point).sum(), z.detach())[0, :, 0]
    if "Mixture" in name:  # that of the components is at least as large
        assert torch.linalg.eigvalsh(precision[0] + hessian).min() > -1e-9
    else:
        np.testing.assert_allclose(precision[0], -hessian, atol=1e-9)


def test_grey_levels_have_a_cheap_mean() -> None:
    grey = distributions.DiscretisedLogisticMixture(
        torch.zeros(1, 3, 2),
        torch.rand(1, 3, 2, generator=torch.Generator().manual_seed(0)),
        torch.full((1, 3, 2), -2.0),
        1 / 255,
    )
    np.testing.assert_allclose(expectation(grey), grey.mean, atol=0.5 / 255)
