"""The continuous Bernoulli: its normaliser by quadrature and in high precision, its mean, its draws."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import ContinuousBernoulli
from isthmus.testing.requirement import require_gradient

LOGITS = [0.0, 1e-6, -1e-6, 1e-3, 0.1, -0.1, 0.7, 0.999999, 1.000001, -1.000001, 2.0, -5.0, 30.0, -30.0]
each_logit = pytest.mark.parametrize("logit", LOGITS)


def at(logit: float) -> ContinuousBernoulli:
    return ContinuousBernoulli(torch.tensor([[logit]], dtype=torch.float64))


def log_normaliser(logit: float) -> float:
    """ln ∫₀¹ exp(ηx) dx = ln Σ ηⁿ/(n+1)!, summed in rational numbers."""
    eta = Fraction(abs(logit))
    total = float(sum(eta**n / factorial(n + 1) for n in range(160)))
    return np.log(total) + min(logit, 0.0)  # ∫ exp(−ηx) = exp(−η) ∫ exp(ηx)


@each_logit
def test_log_prob_is_exact(logit: float) -> None:
    value = torch.linspace(0, 1, 5, dtype=torch.float64).unsqueeze(1)
    wanted = logit * value[:, 0].numpy() - log_normaliser(logit)
    np.testing.assert_allclose(at(logit).log_prob(value).numpy(), wanted, rtol=1e-13, atol=2e-14)


@each_logit
def test_density_integrates_to_one_and_mean_is_its_first_moment(logit: float) -> None:
    def density(x: float) -> float:
        return float(at(logit).log_prob(torch.tensor([[x]], dtype=torch.float64)).exp())

    assert integrate.quad(density, 0, 1, epsabs=1e-12, epsrel=1e-12)[0] == pytest.approx(1, abs=1e-10)
    moment = integrate.quad(lambda x: x * density(x), 0, 1, epsabs=1e-12, epsrel=1e-12)[0]
    assert float(at(logit).mean) == pytest.approx(moment, abs=1e-10)


def test_is_the_density_of_the_paper() -> None:
    """λ^x (1 − λ)^(1−x) · 2 artanh(1 − 2λ) / (1 − 2λ), and mean λ/(2λ − 1) + 1/(2 artanh(1 − 2λ))."""
    rate = np.array([0.1, 0.3, 0.45, 0.8, 0.99])
    value = np.array([0.0, 0.25, 0.5, 0.9, 1.0])
    normaliser = 2 * np.arctanh(1 - 2 * rate) / (1 - 2 * rate)
    wanted = value * np.log(rate) + (1 - value) * np.log(1 - rate) + np.log(normaliser)
    distribution = ContinuousBernoulli(torch.tensor(np.log(rate / (1 - rate))))
    assert float(distribution.log_prob(torch.tensor(value))) == pytest.approx(wanted.sum(), abs=1e-10)
    mean = rate / (2 * rate - 1) + 1 / (2 * np.arctanh(1 - 2 * rate))
    np.testing.assert_allclose(distribution.mean.numpy(), mean, rtol=1e-10)


@pytest.mark.parametrize("logit", [0.0, 1e-6, 1e-3, 0.1, -0.1, 30.0, -30.0])
def test_gradients(logit: float) -> None:
    logits = torch.tensor([[logit]], dtype=torch.float64)
    value = torch.tensor([[0.2], [1.0], [0.0]], dtype=torch.float64)
    require_gradient(lambda p: ContinuousBernoulli(p).log_prob(value), (logits,), "log_prob")
    require_gradient(lambda p: ContinuousBernoulli(p).mean, (logits,), "mean")


@each_logit
def test_the_score_is_value_minus_mean(logit: float) -> None:
    """In an exponential family the gradient of log p by the natural parameter is exactly x − E[x]."""
    logits = torch.tensor([[logit]], dtype=torch.float64, requires_grad=True)
    distribution = ContinuousBernoulli(logits)
    (score,) = torch.autograd.grad(distribution.log_prob(torch.tensor([[0.3]])).sum(), logits)
    assert float(score) == pytest.approx(0.3 - float(distribution.mean.detach()), abs=1e-7 * 0.3)  # 0.3 is a float32
    wide = torch.tensor([[0.25]], dtype=torch.float64)
    (score,) = torch.autograd.grad(distribution.log_prob(wide).sum(), logits)
    assert float(score) == pytest.approx(0.25 - float(distribution.mean.detach()), abs=1e-14)


@pytest.mark.parametrize("logit", [0.0, 1e-20, 0.5, -0.5, 8.0, -8.0, 200.0])
def test_draws_follow_the_density(logit: float) -> None:
    drawn = ContinuousBernoulli(torch.full((1,), logit, dtype=torch.float64)).draw(4000, torch_generator(0))[:, 0]
    assert (drawn >= 0).all()
    assert (drawn <= 1).all()

    def cumulative(x: np.ndarray) -> np.ndarray:
        if abs(logit) < 1e-9:
            return x
        return np.expm1(logit * x) / np.expm1(logit)

    assert stats.kstest(drawn.numpy(), cumulative).pvalue > 1e-6


def test_mode_is_the_end_that_the_density_leans_to() -> None:
    assert ContinuousBernoulli(torch.tensor([[-2.0, 1e-3, 50.0]])).mode.tolist() == [[0.0, 1.0, 1.0]]


@pytest.mark.parametrize("logit", [-1e4, -100.0, -1.5, -1e-3, 0.0, 0.5, 100.0, 1e4])
def test_float32_is_float64_rounded(logit: float) -> None:
    def both(tensor: Tensor) -> tuple[Tensor, Tensor]:
        value = torch.tensor([[0.0], [0.5], [1.0]], dtype=tensor.dtype)
        distribution = ContinuousBernoulli(tensor)
        return distribution.log_prob(value).double(), distribution.mean.double()

    exact = torch.tensor([[logit]], dtype=torch.float64)
    for got, wanted in zip(both(exact.float()), both(exact), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)
