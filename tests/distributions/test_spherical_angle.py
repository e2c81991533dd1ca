"""The angle of a von Mises–Fisher draw: normaliser and moments against scipy's Bessel functions, quantiles exact."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from isthmus.distributions.spherical_angle import SphericalAngle

CONCENTRATIONS = torch.logspace(-3, 4, 15, dtype=torch.float64)
NOISE = torch.linspace(-5, 5, 41, dtype=torch.float64)
DIMENSIONS = [2, 3, 4, 8, 16, 33, 64]


def bessel_log_normaliser(kappa: np.ndarray, dim: int) -> np.ndarray:
    """∫ exp(κ (cos θ − 1)) sin^{d−2} θ dθ = √π Γ((d − 1)/2) (2/κ)^ν I_ν(κ) e^{−κ}, with ν = d/2 − 1."""
    order = dim / 2 - 1
    constant = 0.5 * np.log(np.pi) + special.gammaln((dim - 1) / 2)
    return constant + order * np.log(2 / kappa) + np.log(special.ive(order, kappa))


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_normaliser_and_moments_are_those_of_bessel_functions(dim: int) -> None:
    kappa = CONCENTRATIONS.numpy()
    angle = SphericalAngle(CONCENTRATIONS, dim)
    np.testing.assert_allclose(angle.log_normaliser, bessel_log_normaliser(kappa, dim), rtol=1e-11, atol=1e-11)
    ratio = special.ive(dim / 2, kappa) / special.ive(dim / 2 - 1, kappa)
    np.testing.assert_allclose(1 + angle.mean_versine, ratio, rtol=1e-10)
    np.testing.assert_allclose(angle.mean_squared_sine, (dim - 1) * ratio / kappa, rtol=1e-10)
    wanted = 1 - ratio**2 - (dim - 1) * ratio / kappa
    np.testing.assert_allclose(angle.cosine_variance, wanted, rtol=1e-9, atol=1e-13)


def test_small_spread_does_not_cancel() -> None:
    """In three dimensions κ (1 − cos θ) is exponential: 1 − E[cos θ] = 1/κ, variance 1/κ²."""
    kappa = torch.tensor([1e4, 1e6, 1e8], dtype=torch.float64)
    angle = SphericalAngle(kappa, 3)
    torch.testing.assert_close(-angle.mean_versine * kappa, torch.ones_like(kappa), rtol=1e-12, atol=0)
    torch.testing.assert_close(angle.cosine_variance * kappa**2, torch.ones_like(kappa), rtol=1e-12, atol=0)


@pytest.mark.parametrize("dim", [2, 3, 16])
def test_normaliser_and_moment_are_twice_differentiable(dim: int) -> None:
    kappa = torch.tensor([0.3, 4.0, 80.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda k: SphericalAngle(k, dim).log_normaliser, (kappa,))
    assert torch.autograd.gradcheck(lambda k: SphericalAngle(k, dim).mean_versine, (kappa,))
    assert torch.autograd.gradgradcheck(lambda k: SphericalAngle(k, dim).log_normaliser, (kappa,))
    (gradient,) = torch.autograd.grad(SphericalAngle(kappa, dim).log_normaliser.sum(), kappa)
    torch.testing.assert_close(gradient, SphericalAngle(kappa, dim).mean_versine, rtol=1e-12, atol=0)


def test_quantiles_in_three_dimensions_have_a_closed_form() -> None:
    """There cos θ = 1 + ln(1 − u (1 − e^{−2κ})) / κ."""
    theta = SphericalAngle(CONCENTRATIONS, 3).quantile(NOISE[:, None].expand(-1, len(CONCENTRATIONS)))
    u = special.ndtr(NOISE.numpy())[:, None]
    wanted = -np.log1p(u * np.expm1(-2 * CONCENTRATIONS.numpy())) / CONCENTRATIONS.numpy()  # 1 − cos θ
    half = NOISE <= 0  # above, 1 − u itself is rounded
    np.testing.assert_allclose((2 * (theta / 2).sin() ** 2)[half], wanted[half], rtol=2e-6)
    np.testing.assert_allclose(theta.cos(), 1 - wanted, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_quantiles_at_zero_concentration_are_those_of_a_beta(dim: int) -> None:
    theta = SphericalAngle(torch.zeros(1, dtype=torch.float64), dim).quantile(NOISE[:, None])[:, 0]
    wanted = stats.beta((dim - 1) / 2, (dim - 1) / 2).ppf(special.ndtr(-NOISE.numpy()))  # (1 + cos θ) / 2
    np.testing.assert_allclose(theta.cos(), 2 * wanted - 1, rtol=0, atol=3e-7)


@pytest.mark.parametrize("dim", [2, 4, 16, 64])
@pytest.mark.parametrize("kappa", [1e-3, 1.0, 30.0, 1e4])
def test_quantiles_invert_the_integral(dim: int, kappa: float) -> None:
    noise = torch.tensor([-4.0, -2.0, -0.5, 0.0, 0.7, 3.0, 4.5], dtype=torch.float64)
    angle = SphericalAngle(torch.tensor([kappa], dtype=torch.float64), dim)
    theta = angle.quantile(noise[:, None])[:, 0].numpy()
    log_total = float(angle.log_normaliser)

    def density(t: float) -> float:
        return float(np.exp(-2 * kappa * np.sin(t / 2) ** 2 - log_total) * np.sin(t) ** (dim - 2))

    for at, z in zip(theta, noise.tolist(), strict=True):
        # The smaller tail, in pieces around where its mass lies.
        outer = 0.0 if z <= 0 else np.pi
        pieces = np.linspace(outer, at, 40)
        mass = abs(sum(integrate.quad(density, a, b)[0] for a, b in pairwise(pieces)))
        assert mass == pytest.approx(special.ndtr(-abs(z)), rel=2e-6)


@pytest.mark.parametrize("dim", [2, 3, 7, 40])
def test_quantiles_have_the_implicit_gradient(dim: int) -> None:
    kappa = torch.tensor([1e-2, 0.8, 15.0, 2e3], dtype=torch.float64, requires_grad=True)
    noise = torch.tensor([[-2.5], [-0.3], [0.4], [3.0]], dtype=torch.float64).repeat(1, 4).requires_grad_()

    scale = kappa.detach().clamp_min(1).sqrt()

    def scaled(k: torch.Tensor, e: torch.Tensor) -> torch.Tensor:
        return SphericalAngle(k, dim).quantile(e) * scale

    assert torch.autograd.gradcheck(scaled, (kappa, noise), atol=1e-6, rtol=1e-4)


def test_gradient_at_large_concentration_is_that_of_its_limit() -> None:
    """κ (1 − cos θ) → Gamma((d − 1)/2), whatever κ: hence dθ/dκ = −θ / 2κ."""
    kappa = torch.full((5,), 1e8, dtype=torch.float64, requires_grad=True)
    noise = torch.tensor([-4.0, -1.0, 0.0, 1.0, 4.0], dtype=torch.float64)
    theta = SphericalAngle(kappa, 6).quantile(noise)
    (gradient,) = torch.autograd.grad(theta.sum(), kappa)
    torch.testing.assert_close(gradient, -theta.detach() / (2 * kappa.detach()), rtol=1e-5, atol=0)
    gamma = stats.gamma(2.5).ppf(special.ndtr(noise.numpy()))
    np.testing.assert_allclose(1e8 * 2 * np.sin(theta.detach().numpy() / 2) ** 2, gamma, rtol=1e-5)


def test_a_second_derivative_of_a_quantile_is_refused() -> None:
    kappa = torch.ones(2, dtype=torch.float64, requires_grad=True)
    theta = SphericalAngle(kappa, 3).quantile(torch.zeros(2, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(theta.square().sum(), kappa, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_one_concentration_serves_many_rows() -> None:
    kappa = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
    noise = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    shared = SphericalAngle(kappa, 5).quantile(noise)
    own = kappa.detach().expand(3).clone().requires_grad_()
    torch.testing.assert_close(shared, SphericalAngle(own, 5).quantile(noise), rtol=0, atol=0)
    shared.sum().backward()
    SphericalAngle(own, 5).quantile(noise).sum().backward()
    torch.testing.assert_close(kappa.grad, own.grad.sum(0, keepdim=True))
