"""Oracles 8 and 9: closed forms against sampling, quadrature and scipy; the rate is information plus mismatch."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from fast_checks import triangle, values
from linear_models import known_data, linear_model, set_optimum
from scipy import integrate, stats
from torch.nn.functional import normalize

from isthmus.distributions import (
    DiagonalNormal,
    FullNormal,
    NormalMixture,
    QuantisedPosterior,
    StandardNormal,
    UniformSphere,
    VonMisesFisher,
    kl_divergence,
)
from isthmus.distributions.divergence import closed_forms

# One maker of random parameters per type, by number of dimensions and seed.
MAKERS: dict[type, Callable[[int, int], object]] = {
    StandardNormal: lambda dim, seed: StandardNormal(dim, dtype=torch.float64),
    DiagonalNormal: lambda dim, seed: DiagonalNormal(values(4, dim, seed=seed), 0.4 * values(4, dim, seed=seed + 1)),
    FullNormal: lambda dim, seed: FullNormal(values(dim, seed=seed), triangle(dim, dim)),
    VonMisesFisher: lambda dim, seed: VonMisesFisher(
        normalize(values(4, dim, seed=seed), dim=-1), values(4, 1, seed=seed).exp()
    ),
    UniformSphere: lambda dim, seed: UniformSphere(dim, dtype=torch.float64),
}
# A point among codebook vectors has nothing to integrate: its tests say what its symbols cost.
PAIRS = sorted(
    (pair for pair in closed_forms() if pair[0] is not QuantisedPosterior),
    key=lambda pair: (pair[0].__name__, pair[1].__name__),
)
NORMAL_PAIRS = [pair for pair in PAIRS if pair[0] is DiagonalNormal]


def test_every_pair_has_makers() -> None:
    unknown = {cls.__name__ for pair in PAIRS for cls in pair} - {cls.__name__ for cls in MAKERS}
    assert not unknown, f"give {sorted(unknown)} a maker of random parameters here"
    assert (DiagonalNormal, StandardNormal) in PAIRS


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].__name__}-{pair[1].__name__}")
def test_closed_form_is_the_mean_of_the_sampled_estimate(pair: tuple[type, type]) -> None:
    q, p = MAKERS[pair[0]](3, 0), MAKERS[pair[1]](3, 20)
    noise = torch.randn(4000, 4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noise = torch.cat([noise, -noise])
    draws = torch.stack([q.log_prob(z) - p.log_prob(z) for z in q.sample(noise)])
    error = (draws.mean(0) - kl_divergence(q, p)).abs()
    assert (error <= 5 * draws.std(0) / math.sqrt(len(draws))).all()
    assert (kl_divergence(q, p) >= 0).all()


@pytest.mark.parametrize("pair", NORMAL_PAIRS, ids=lambda pair: f"{pair[0].__name__}-{pair[1].__name__}")
def test_closed_form_is_the_integral(pair: tuple[type, type]) -> None:
    """In one dimension, against adaptive quadrature of q ln(q/p)."""
    q, p = MAKERS[pair[0]](1, 0), MAKERS[pair[1]](1, 20)
    closed = kl_divergence(q, p)
    for row in range(4):

        def integrand(z: float, row: int = row) -> float:
            at = torch.full((4, 1), z, dtype=torch.float64)
            log_q, log_p = float(q.log_prob(at)[row]), float(p.log_prob(at)[row])
            return math.exp(log_q) * (log_q - log_p)

        wanted, _ = integrate.quad(integrand, -12, 12, epsabs=1e-11, limit=200)
        assert float(closed[row]) == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize("pair", NORMAL_PAIRS, ids=lambda pair: f"{pair[0].__name__}-{pair[1].__name__}")
def test_closed_form_has_the_right_gradient_and_vanishes_at_equality(pair: tuple[type, type]) -> None:
    mean, log_std = values(4, 2), 0.4 * values(4, 2, seed=1)
    p = MAKERS[pair[1]](2, 20)
    inputs = (mean.requires_grad_(), log_std.requires_grad_())
    assert torch.autograd.gradcheck(lambda m, s: kl_divergence(pair[0](m, s), p), inputs)


def test_divergence_from_itself_is_zero() -> None:
    q = DiagonalNormal(values(4, 3), 0.4 * values(4, 3, seed=1))
    assert float(kl_divergence(q, q).abs().max()) < 1e-14
    unit = DiagonalNormal(torch.zeros(1, 3), torch.zeros(1, 3))
    assert float(kl_divergence(unit, StandardNormal(3))) == 0.0
    assert float(kl_divergence(unit, FullNormal(torch.zeros(3), torch.eye(3)))) == 0.0


def test_full_covariance_against_the_textbook_formula() -> None:
    q, factor, center = DiagonalNormal(values(4, 3), 0.4 * values(4, 3, seed=1)), triangle(3, 3), values(3, seed=5)
    inverse = np.linalg.inv((factor @ factor.T).numpy())
    for row in range(4):
        covariance = np.diag(q.stddev[row].numpy() ** 2)
        gap = (center - q.mean[row]).numpy()
        wanted = 0.5 * (
            np.trace(inverse @ covariance)
            + gap @ inverse @ gap
            - 3
            - np.linalg.slogdet(inverse)[1]
            - np.linalg.slogdet(covariance)[1]
        )
        assert float(kl_divergence(q, FullNormal(center, factor))[row]) == pytest.approx(wanted, abs=1e-11)


def aggregate(q: DiagonalNormal) -> NormalMixture:
    n = len(q.mean)
    weights = torch.full((n,), 1 / n, dtype=torch.float64)
    return NormalMixture(weights.log(), q.mean.detach(), q.stddev.detach()[:, :, None])


@pytest.mark.parametrize("separation", [0.0, 1.0, 30.0])
def test_mean_divergence_is_information_plus_mismatch(separation: float) -> None:
    """Oracle 9, one-dimensional codes: E KL(q(z|x)‖p) = I_q(x; z) + KL(q(z)‖p), and I_q ≤ ln n."""
    n = 6
    means = separation * torch.arange(n, dtype=torch.float64)[:, None]
    q = DiagonalNormal(means, torch.full((n, 1), -0.3, dtype=torch.float64))
    mixture = aggregate(q)
    grid = torch.linspace(-12, float(means.max()) + 12, 40_001, dtype=torch.float64)[:, None]
    log_q, log_p = mixture.log_prob(grid), StandardNormal(1).log_prob(grid)
    step = float(grid[1] - grid[0])
    mismatch = float((log_q.exp() * (log_q - log_p)).sum()) * step
    conditional = torch.stack([DiagonalNormal(m, s).log_prob(grid) for m, s in zip(q.mean, q.log_std, strict=True)])
    information = float((conditional.exp() * (conditional - log_q)).sum(1).mean()) * step
    rate = float(kl_divergence(q, StandardNormal(1)).mean())
    assert rate == pytest.approx(information + mismatch, abs=1e-7)
    assert -1e-9 <= information <= math.log(n) + 1e-9
    if separation == 0.0:
        assert information == pytest.approx(0, abs=1e-9)
    if separation == 30.0:
        assert information == pytest.approx(math.log(n), abs=1e-9)


def test_information_of_a_fitted_linear_code() -> None:
    data = known_data(50)
    model = linear_model(data.width, 1)
    set_optimum(model, data, float(data.eigenvalues[1:].mean()))
    q = model.encode(data.rows)
    grid = torch.linspace(-9, 9, 20_001, dtype=torch.float64)[:, None]
    log_q = aggregate(q).log_prob(grid)
    step = float(grid[1] - grid[0])
    mismatch = float((log_q.exp() * (log_q - StandardNormal(1).log_prob(grid))).sum()) * step
    entropy_of_aggregate = -float((log_q.exp() * log_q).sum()) * step
    information = entropy_of_aggregate - float(q.entropy().mean().detach())
    assert float(kl_divergence(q, StandardNormal(1)).mean().detach()) == pytest.approx(information + mismatch, abs=1e-8)
    assert information < math.log(50)
    assert entropy_of_aggregate <= stats.norm(0, 1).entropy() + 1e-6  # its variance is 1 at the optimum
