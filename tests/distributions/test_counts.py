"""Poisson, negative binomial and zero-inflated counts against scipy and against products written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import IndependentNegativeBinomial, IndependentPoisson, ZeroInflatedNegativeBinomial
from isthmus.distributions.gamma_ratio import log_gamma_ratio
from isthmus.testing.requirement import require_gradient

COUNTS = torch.tensor([0.0, 1.0, 2.0, 7.0, 60.0, 400.0], dtype=torch.float64)
MEANS = [1e-8, 0.3, 1.0, 25.0, 3e3]
SHAPES = [1e-6, 0.1, 1.0, 9.9, 10.1, 250.0]


def column(number: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor([math.log(number)], dtype=dtype)


def log_mass_written_out(count: int, mean: float, shape: float) -> float:
    """Σ ln(θ+i) − Σ ln i + θ ln(θ/(θ+μ)) + x ln(μ/(θ+μ)), with the powers of θ taken out of the product."""
    terms = [math.log1p(i / shape) for i in range(count)]
    terms += [-math.log(i) for i in range(1, count + 1)]
    terms += [count * math.log(mean), -count * math.log1p(mean / shape), -shape * math.log1p(mean / shape)]
    return math.fsum(terms)


# Poisson


@pytest.mark.parametrize("mean", MEANS)
def test_poisson_is_scipys(mean: float) -> None:
    got = IndependentPoisson(column(mean)).log_prob(COUNTS.unsqueeze(-1))
    np.testing.assert_allclose(got.numpy(), stats.poisson(mean).logpmf(COUNTS.numpy()), rtol=1e-10, atol=1e-10)


def test_poisson_sums_over_features_and_to_one() -> None:
    log_rate = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    grid = torch.cartesian_prod(*[torch.arange(40, dtype=torch.float64)] * 2)
    assert float(IndependentPoisson(log_rate).log_prob(grid).exp().sum()) == pytest.approx(1, abs=1e-10)


def test_poisson_mean_and_mode() -> None:
    distribution = IndependentPoisson(torch.tensor([[0.3, 2.5, 7.9]], dtype=torch.float64).log())
    np.testing.assert_allclose(distribution.mean.numpy(), [[0.3, 2.5, 7.9]], rtol=1e-14)
    assert distribution.mode.tolist() == [[0.0, 2.0, 7.0]]


def test_poisson_draws_have_variance_equal_to_mean() -> None:
    rows = 20_000
    drawn = IndependentPoisson(torch.tensor([0.4, 30.0], dtype=torch.float64).log()).draw(rows, torch_generator(0))
    mean = torch.tensor([0.4, 30.0], dtype=torch.float64)
    assert ((drawn.mean(0) - mean).abs() <= 5 * (mean / rows).sqrt()).all()
    assert ((drawn.var(0) - mean).abs() <= 5 * ((mean + 2 * mean**2) / rows).sqrt()).all()
    assert (drawn == drawn.round()).all()


def test_draws_of_absurd_rates_do_not_wrap_around() -> None:
    for dtype in (torch.float32, torch.float64):
        huge = torch.tensor([[60.0, 85.0, 500.0]], dtype=dtype)
        assert (IndependentPoisson(huge).draw(1, torch_generator(0)) > 0).all()
        assert (IndependentNegativeBinomial(huge, torch.tensor([5.0])).draw(1, torch_generator(0)) > 0).all()


# Negative binomial


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("shape", SHAPES)
def test_negative_binomial_is_scipys(mean: float, shape: float) -> None:
    got = IndependentNegativeBinomial(column(mean), column(shape)).log_prob(COUNTS.unsqueeze(-1))
    wanted = stats.nbinom(shape, shape / (shape + mean)).logpmf(COUNTS.numpy())
    written_out = [log_mass_written_out(int(count), mean, shape) for count in COUNTS]
    np.testing.assert_allclose(got.numpy(), written_out, rtol=1e-11, atol=1e-11)
    if mean / shape < 1e5 and shape / mean < 1e5:  # else scipy's own p is rounded to 0 or 1
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("shape", [1e-30, 1e4, 1e8, 1e15])
def test_negative_binomial_of_extreme_dispersion_is_exact(mean: float, shape: float) -> None:
    """Where the difference of two log-gammas has lost its digits."""
    got = IndependentNegativeBinomial(column(mean), column(shape)).log_prob(COUNTS.unsqueeze(-1))
    wanted = [log_mass_written_out(int(count), mean, shape) for count in COUNTS]
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("log_shape", [12.0, 40.0, 79.0, 81.0, 300.0])
def test_negative_binomial_tends_to_poisson_in_float32(log_shape: float) -> None:
    log_mean = torch.tensor([2.0])
    counts = torch.tensor([[0.0], [3.0], [20.0]])
    got = IndependentNegativeBinomial(log_mean, torch.tensor([log_shape])).log_prob(counts)
    wanted = IndependentPoisson(log_mean).log_prob(counts)
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-3 if log_shape < 20 else 2e-5)


def test_negative_binomial_sums_to_one_with_its_mean_and_variance() -> None:
    mean, shape = 3.0, 1.7
    counts = torch.arange(400, dtype=torch.float64)
    distribution = IndependentNegativeBinomial(column(mean), column(shape))
    mass = distribution.log_prob(counts.unsqueeze(-1)).exp()
    assert float(mass.sum()) == pytest.approx(1, abs=1e-10)
    first = float((mass * counts).sum())
    assert first == pytest.approx(mean, abs=1e-9)
    assert float(distribution.mean) == pytest.approx(mean, abs=1e-12)
    assert float((mass * counts**2).sum()) - first**2 == pytest.approx(mean + mean**2 / shape, abs=1e-8)


def test_negative_binomial_draws_have_its_mean_and_variance() -> None:
    rows = 40_000
    mean = torch.tensor([0.5, 20.0, 1e6], dtype=torch.float64)
    shape = torch.tensor([0.4, 3.0, 1e12], dtype=torch.float64)
    drawn = IndependentNegativeBinomial(mean.log(), shape.log()).draw(rows, torch_generator(0))
    variance = mean + mean**2 / shape
    assert ((drawn.mean(0) - mean).abs() <= 5 * (variance / rows).sqrt()).all()
    # Excess kurtosis 6/θ + 1/variance.
    spread = variance * ((2 + 6 / shape + 1 / variance) / rows).sqrt()
    assert ((drawn.var(0) - variance).abs() <= 5 * spread).all()


@pytest.mark.parametrize(("mean", "shape"), [(0.2, 5.0), (7.3, 0.8), (7.3, 1.4), (7.3, 40.0), (7.3, 1e9)])
def test_negative_binomial_mode_is_the_likeliest_count(mean: float, shape: float) -> None:
    distribution = IndependentNegativeBinomial(column(mean), column(shape))
    mass = distribution.log_prob(torch.arange(50, dtype=torch.float64).unsqueeze(-1))
    assert float(distribution.mode) == int(mass.argmax())


def test_negative_binomial_gradient_over_all_branches() -> None:
    # The ratio of gammas passes to its series at θ = 10, the power of zeros changes its form at θ = μ.
    log_mean = torch.tensor([[-18.0, 0.0, 1.0, 3.0, 5.0, 5.0]], dtype=torch.float64)
    log_shape = torch.tensor([[0.0, 0.0, -20.0, 2.2, 2.4, 14.0]], dtype=torch.float64)
    value = COUNTS.unsqueeze(-1).expand(-1, 6)
    require_gradient(
        lambda m, t: IndependentNegativeBinomial(m, t).log_mass(value), (log_mean, log_shape), "negative binomial"
    )


# Zero-inflated


@pytest.mark.parametrize("dropout", [-40.0, -1.0, 0.0, 2.0, 40.0])
def test_zero_inflation_is_a_mixture_with_zero(dropout: float) -> None:
    mean, shape = 2.0, 0.7
    lost = 1 / (1 + math.exp(-dropout))
    kept = 1 / (1 + math.exp(dropout))
    distribution = ZeroInflatedNegativeBinomial(column(mean), column(shape), torch.tensor([dropout]).double())
    got = distribution.log_prob(COUNTS.unsqueeze(-1))
    counted = stats.nbinom(shape, shape / (shape + mean)).pmf(COUNTS.numpy())
    counted_log = stats.nbinom(shape, shape / (shape + mean)).logpmf(COUNTS.numpy())
    wanted = np.where(COUNTS.numpy() == 0, np.log(lost + kept * counted), math.log(kept) + counted_log)
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-10, atol=1e-10)
    assert float(distribution.mean) == pytest.approx(kept * mean, rel=1e-12)
    everything = distribution.log_prob(torch.arange(400, dtype=torch.float64).unsqueeze(-1)).exp()
    assert float(everything.sum()) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("dropout", [-9.0, -2.0, -1.0, 3.0])
@pytest.mark.parametrize(("mean", "shape"), [(7.3, 40.0), (7.3, 1.4), (0.2, 3.0)])
def test_zero_inflated_mode_is_the_likeliest_count(dropout: float, mean: float, shape: float) -> None:
    distribution = ZeroInflatedNegativeBinomial(column(mean), column(shape), torch.tensor([dropout]).double())
    mass = distribution.log_prob(torch.arange(50, dtype=torch.float64).unsqueeze(-1))
    assert float(distribution.mode) == int(mass.argmax())


def test_zero_inflated_draws_lose_as_many_counts_as_they_say() -> None:
    rows = 20_000
    dropout = torch.tensor([1.0, -2.0], dtype=torch.float64)
    distribution = ZeroInflatedNegativeBinomial(torch.tensor([5.0, 5.0]).double(), column(8.0), dropout)
    drawn = distribution.draw(rows, torch_generator(0))  # with a mean of e^5 no count is 0 by itself
    lost = torch.sigmoid(dropout)
    assert (((drawn == 0).double().mean(0) - lost).abs() <= 5 * (lost * (1 - lost) / rows).sqrt()).all()


def test_zero_inflated_gradient() -> None:
    leaves = tuple(torch.tensor([[0.3, 2.0]], dtype=torch.float64) * sign for sign in (1, -1, 0.5))
    value = torch.tensor([[0.0, 3.0], [4.0, 0.0]], dtype=torch.float64)
    require_gradient(lambda *p: ZeroInflatedNegativeBinomial(*p).log_prob(value), leaves, "zero-inflated")


# The ratio of gammas


@pytest.mark.parametrize("shape", [1e-300, 1e-3, 0.5, 9.999, 10.001, 1e3, 1e12, 1e300])
@pytest.mark.parametrize("increment", [0, 1, 2, 50])
def test_gamma_ratio_is_the_product_of_its_factors(shape: float, increment: int) -> None:
    got = log_gamma_ratio(column(shape), torch.tensor([float(increment)], dtype=torch.float64))
    wanted = math.fsum(
        math.log1p(i / shape) if i < 1e290 * shape else math.log(i) - math.log(shape) for i in range(increment)
    )
    assert float(got) == pytest.approx(wanted, rel=1e-12, abs=1e-13)


def test_gamma_ratio_of_a_half() -> None:
    """Γ(1) / (Γ(½) √½) = √(2/π), and Γ(11½)/(Γ(11) √11) from factorials."""
    half = torch.tensor([0.5], dtype=torch.float64)
    assert float(log_gamma_ratio(column(0.5), half)) == pytest.approx(0.5 * math.log(2 / math.pi), abs=1e-14)
    exact = math.factorial(22) * math.sqrt(math.pi) / (4**11 * math.factorial(11) * math.factorial(10) * math.sqrt(11))
    assert float(log_gamma_ratio(column(11), half)) == pytest.approx(math.log(exact), abs=1e-14)
