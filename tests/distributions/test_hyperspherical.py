"""Von Mises–Fisher against scipy, Monte Carlo and automatic differentiation; the uniform sphere."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor
from torch.nn import functional

from isthmus.core.random import torch_generator
from isthmus.distributions import UniformSphere, VonMisesFisher, kl_divergence
from isthmus.distributions.hyperspherical import log_sphere_area

DIMENSIONS = [2, 3, 5, 16]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


def spread(dim: int) -> VonMisesFisher:
    """Rows from nearly uniform to nearly a point."""
    kappa = torch.tensor([[1e-3], [0.7], [12.0], [1e4]], dtype=torch.float64)
    return VonMisesFisher(functional.normalize(normal(4, dim), dim=-1), kappa)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_density_and_entropy_are_those_of_scipy(dim: int) -> None:
    q = spread(dim)
    z = functional.normalize(normal(7, 4, dim, seed=3), dim=-1)
    for row in range(4):
        reference = stats.vonmises_fisher(q.direction[row].numpy(), float(q.concentration[row]))
        np.testing.assert_allclose(q.log_prob(z)[:, row], reference.logpdf(z[:, row].numpy()), rtol=1e-10, atol=1e-10)
        assert float(q.entropy()[row]) == pytest.approx(reference.entropy(), rel=1e-10, abs=1e-10)
        constant = reference.logpdf(q.direction[row].numpy()) - float(q.concentration[row])
        assert float(q.log_normaliser[row]) == pytest.approx(float(constant), rel=1e-10)


@pytest.mark.parametrize("dim", [2, 3, 16, 64])
def test_log_normaliser_is_that_of_bessel_functions(dim: int) -> None:
    kappa = np.logspace(-3, 4, 15)
    direction = functional.normalize(normal(15, dim), dim=-1)
    order = dim / 2 - 1
    bessel = np.log(special.ive(order, kappa)) + kappa
    wanted = order * np.log(kappa) - dim / 2 * np.log(2 * np.pi) - bessel
    q = VonMisesFisher(direction, torch.from_numpy(kappa)[:, None])
    np.testing.assert_allclose(q.log_normaliser, wanted, rtol=1e-10)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_draws_are_unit_vectors_with_the_stated_moments(dim: int) -> None:
    q, n = spread(dim), 20_000
    z = q.sample(normal(n, 4, dim))
    assert z.shape == (n, 4, dim)
    assert float((z.norm(dim=-1) - 1).abs().max()) < 1e-12
    error = (z.mean(0) - q.mean).abs()
    assert (error <= 5 * q.stddev / math.sqrt(n)).all()
    products = (z - q.mean).unsqueeze(-1) * (z - q.mean).unsqueeze(-2)
    across = q.angle.mean_squared_sine / (dim - 1)
    outer = q.direction.unsqueeze(-1) * q.direction.unsqueeze(-2)
    covariance = across[:, None, None] * torch.eye(dim).double()
    covariance = covariance + (q.angle.cosine_variance - across)[:, None, None] * outer
    assert ((products.mean(0) - covariance).abs() <= 5 * products.std(0) / math.sqrt(n)).all()
    torch.testing.assert_close(q.stddev.square(), covariance.diagonal(dim1=-2, dim2=-1), rtol=1e-10, atol=1e-18)
    entropy = -q.log_prob(z)
    assert ((entropy.mean(0) - q.entropy()).abs() <= 5 * entropy.std(0) / math.sqrt(n)).all()


def test_the_code_is_the_direction_and_the_mean_lies_within() -> None:
    q = spread(3)
    assert q.code is q.direction
    assert q.mode is q.direction
    kappa = q.concentration.double()
    torch.testing.assert_close(q.mean[1:], ((1 / kappa.tanh() - 1 / kappa) * q.direction)[1:], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 6])
def test_samples_are_differentiable_in_both_parameters(dim: int) -> None:
    raw = normal(3, dim).requires_grad_()
    log_kappa = torch.tensor([[-2.0], [0.5], [4.0]], dtype=torch.float64, requires_grad=True)
    noise = normal(2, 3, dim, seed=5).requires_grad_()

    def sample(raw: Tensor, log_kappa: Tensor, noise: Tensor) -> Tensor:
        return VonMisesFisher(functional.normalize(raw, dim=-1), log_kappa.exp()).sample(noise)

    assert torch.autograd.gradcheck(sample, (raw, log_kappa, noise), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("dim", [2, 5])
def test_densities_are_differentiable(dim: int) -> None:
    raw, value = normal(3, dim).requires_grad_(), normal(3, dim, seed=9).requires_grad_()
    log_kappa = torch.tensor([[-2.0], [0.5], [4.0]], dtype=torch.float64, requires_grad=True)

    def densities(raw: Tensor, log_kappa: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        q = VonMisesFisher(functional.normalize(raw, dim=-1), log_kappa.exp())
        z = functional.normalize(value, dim=-1)
        return q.log_prob(z), q.entropy(), q.mean, q.stddev, kl_divergence(q, UniformSphere(dim))

    assert torch.autograd.gradcheck(densities, (raw, log_kappa, value))


def test_the_mean_gradient_of_samples_is_the_gradient_of_the_mean() -> None:
    n, weights = 20_000, normal(4)
    kappa = torch.full((n, 1), 3.0, dtype=torch.float64, requires_grad=True)
    direction = functional.normalize(normal(4, seed=2), dim=-1)
    z = VonMisesFisher(direction.expand(n, 4), kappa).sample(normal(n, 4, seed=3))
    (each,) = torch.autograd.grad((z @ weights).sum(), kappa)
    one = torch.full((1, 1), 3.0, dtype=torch.float64, requires_grad=True)
    mean = VonMisesFisher(direction[None], one).mean
    (wanted,) = torch.autograd.grad((mean @ weights).sum(), one)
    assert float((each.mean() - wanted).abs()) <= 5 * float(each.std()) / math.sqrt(n)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_directions_along_the_first_axis_are_no_exception(sign: float) -> None:
    direction = torch.tensor([[sign, 0.0, 0.0]], dtype=torch.float64, requires_grad=True)
    q = VonMisesFisher(direction, torch.tensor([[5.0]], dtype=torch.float64))
    z = q.sample(normal(2000, 1, 3))
    (gradient,) = torch.autograd.grad(z.square().sum() + z.sum(), direction)
    assert gradient.isfinite().all()
    error = (z.mean(0) - q.mean).abs().detach()
    assert (error <= 5 * q.stddev.detach() / math.sqrt(2000)).all()


@pytest.mark.parametrize("dim", [2, 16])
@pytest.mark.parametrize("kappa", [1e-3, 1e4])
def test_single_precision_is_accurate(dim: int, kappa: float) -> None:
    direction = functional.normalize(normal(5, dim), dim=-1)
    noise = normal(5, dim, seed=1)
    exact = VonMisesFisher(direction, torch.full((5, 1), kappa, dtype=torch.float64))
    q = VonMisesFisher(direction.float(), torch.full((5, 1), kappa))
    z = q.sample(noise.float())
    assert z.dtype == torch.float32
    torch.testing.assert_close(z, exact.sample(noise).float(), rtol=0, atol=1e-6)
    assert float((z.norm(dim=-1) - 1).abs().max()) < 1e-6
    wanted = exact.log_prob(exact.sample(noise))
    torch.testing.assert_close(q.log_prob(z).double(), wanted, rtol=1e-5, atol=1e-3)
    for name in ("mean", "stddev", "log_normaliser"):
        torch.testing.assert_close(getattr(q, name), getattr(exact, name).float(), rtol=1e-5, atol=1e-6)
    for rate in (kl_divergence(q, UniformSphere(dim)), q.entropy()):
        assert rate.dtype == torch.float32
    reference = kl_divergence(exact, UniformSphere(dim))
    torch.testing.assert_close(kl_divergence(q, UniformSphere(dim)).double(), reference, rtol=1e-5, atol=3e-6)


def test_divergence_from_uniform_in_three_dimensions() -> None:
    """There C(κ) = κ / 4π sinh κ: KL = κ coth κ − 1 + ln(κ / sinh κ)."""
    kappa = torch.tensor([[0.01], [1.0], [20.0]], dtype=torch.float64)
    q = VonMisesFisher(functional.normalize(normal(3, 3), dim=-1), kappa)
    wanted = (kappa / kappa.tanh() - 1 + (kappa / kappa.sinh()).log())[:, 0]
    torch.testing.assert_close(kl_divergence(q, UniformSphere(3)), wanted, rtol=1e-9, atol=1e-13)
    none = VonMisesFisher(q.direction, torch.zeros(3, 1, dtype=torch.float64))
    assert float(kl_divergence(none, UniformSphere(3)).abs().max()) < 1e-14


def test_draw_takes_one_from_each_row_and_is_seeded() -> None:
    q = spread(4)
    first, second = (q.draw(4, torch_generator(7)) for _ in range(2))
    assert first.shape == (4, 4)
    assert torch.equal(first, second)
    torch.testing.assert_close(first[3], q.direction[3], rtol=0, atol=0.1)
    shared = VonMisesFisher(q.direction[:1], q.concentration[:1])
    assert shared.draw(9, torch_generator(1)).shape == (9, 4)


@pytest.mark.parametrize("dim", [2, 3, 10])
def test_the_uniform_sphere(dim: int) -> None:
    area = 2 * math.pi ** (dim / 2) / math.gamma(dim / 2)
    assert log_sphere_area(dim) == pytest.approx(math.log(area), rel=1e-13)
    p = UniformSphere(dim, dtype=torch.float64)
    z = p.draw(20_000, torch_generator(0))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(20_000, dtype=torch.float64))
    assert float((z.mean(0) * math.sqrt(20_000 * dim)).abs().max()) < 5
    log_prob = p.log_prob(z.view(2, 10_000, dim))
    assert log_prob.shape == (2, 10_000)
    assert log_prob.dtype == torch.float64
    assert float((log_prob + math.log(area)).abs().max()) < 1e-12
    assert float(VonMisesFisher(z[:1], torch.zeros(1, 1).double()).log_prob(z[:1])) == pytest.approx(-math.log(area))
