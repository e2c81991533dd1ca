"""Normals, mixtures and coins: densities, divergences, samples."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats

from isthmus.distributions import (
    DiagonalNormal,
    FullNormal,
    IndependentBernoulli,
    IsotropicNormal,
    Joint,
    NormalMixture,
    PointMass,
    StandardNormal,
    kl_divergence,
)

from .known_numbers import close, triangle, values


def densities_are_those_of_scipy() -> None:
    x, mean, log_std = values(5, 3), values(5, 3, seed=1), 0.3 * values(5, 3, seed=2)
    close(StandardNormal(3).log_prob(x), stats.norm.logpdf(x.numpy()).sum(-1))
    close(DiagonalNormal(mean, log_std).log_prob(x), stats.norm.logpdf(x, mean, log_std.exp()).sum(-1))
    variance = torch.tensor(0.37, dtype=torch.float64)
    close(IsotropicNormal(mean, variance).log_prob(x), stats.norm.logpdf(x, mean, math.sqrt(0.37)).sum(-1))
    center, factor = values(3, seed=3), triangle(3, 3)
    full = stats.multivariate_normal(center.numpy(), (factor @ factor.T).numpy())
    close(FullNormal(center, factor).log_prob(x), full.logpdf(x))
    coin = (x > 0).double()
    close(IndependentBernoulli(mean).log_prob(coin), stats.bernoulli.logpmf(coin, torch.sigmoid(mean)).sum(-1))
    weights, centers, factors = torch.tensor([0.2, 0.8], dtype=torch.float64), values(2, 3, seed=4), triangle(2, 3, 3)
    mixed = sum(
        w * stats.multivariate_normal(m.numpy(), (f @ f.T).numpy()).pdf(x)
        for w, m, f in zip(weights.tolist(), centers, factors, strict=True)
    )
    close(NormalMixture(weights.log(), centers, factors).log_prob(x), np.log(mixed))
    joint = Joint([(0, 1, StandardNormal(1)), (1, 3, IndependentBernoulli(mean[:, 1:]))])
    both = torch.cat([x[:, :1], coin[:, 1:]], -1)
    expected = stats.norm.logpdf(x[:, 0].numpy()) + stats.bernoulli.logpmf(
        coin[:, 1:].numpy(), torch.sigmoid(mean[:, 1:]).numpy()
    ).sum(-1)
    close(joint.log_prob(both), expected)
    close(PointMass(mean).log_prob(mean), np.zeros(5))
    close(DiagonalNormal(mean, log_std).entropy(), stats.norm.entropy(mean, log_std.exp()).sum(-1))


def divergences_are_those_of_quadrature() -> None:
    """Gauss-Hermite points integrate log-densities of normals, which are quadratic, exactly."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    grid = torch.from_numpy(np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 1, 2))
    shares = torch.from_numpy(np.outer(weights, weights).reshape(-1, 1) / (2 * math.pi))
    q = DiagonalNormal(values(5, 2), 0.5 * values(5, 2, seed=1))
    points = q.mean + q.log_std.exp() * grid.expand(-1, 5, 2)
    priors = [
        StandardNormal(2),
        DiagonalNormal(values(5, 2, seed=2), 0.5 * values(5, 2, seed=3)),
        FullNormal(values(2, seed=4), triangle(2, 2)),
    ]
    for p in priors:
        integrand = torch.stack([q.log_prob(z) - p.log_prob(z) for z in points])
        close(kl_divergence(q, p), (shares * integrand).sum(0))
    mixture = NormalMixture(torch.tensor([0.5, 0.5]).double().log(), values(2, 2), triangle(2, 2, 2))
    z = q.sample(values(5, 2, seed=9))
    close(kl_divergence(q, mixture, z), q.log_prob(z) - mixture.log_prob(z))
    try:
        kl_divergence(q, mixture)
    except TypeError:
        pass
    else:
        raise AssertionError("a divergence without closed form was given without a sample")


def samples_have_the_moments_of_their_distribution() -> None:
    mean, log_std = values(1, 2), 0.5 * values(1, 2, seed=1)
    generator = torch.Generator().manual_seed(0)
    n = 20_000
    sampled = DiagonalNormal(mean, log_std).sample(values(n, 2))
    cases = [
        (sampled, mean, torch.diag_embed((2 * log_std).exp())[0]),
        (
            DiagonalNormal(mean.expand(n, 2), log_std.expand(n, 2)).draw(n, generator),
            mean,
            (2 * log_std[0]).exp().diag(),
        ),
        (StandardNormal(2, dtype=torch.float64).draw(n, generator), torch.zeros(2), torch.eye(2)),
        (IsotropicNormal(mean.expand(n, 2), torch.tensor(0.3)).draw(n, generator), mean, 0.3 * torch.eye(2)),
    ]
    factor = triangle(2, 2)
    cases.append((FullNormal(mean[0], factor).draw(n, generator), mean, factor @ factor.T))
    single = NormalMixture(torch.zeros(1).double(), mean, factor[None])
    cases.append((single.draw(n, generator), mean, factor @ factor.T))
    for drawn, center, covariance in cases:
        close(drawn.mean(0), center.reshape(-1), 0.05)
        close(torch.cov(drawn.T), covariance, 0.08)
    weighted = NormalMixture(
        torch.tensor([0.25, 0.75]).double().log(),
        torch.tensor([[-9.0], [9.0]]).double(),
        factor[:1, :1].expand(2, 1, 1),
    )
    close((weighted.draw(n, generator) > 0).double().mean(), 0.75, 0.02)
    logits = values(1, 2)
    coins = IndependentBernoulli(logits.expand(n, 2))
    close(coins.draw(n, generator).mean(0), torch.sigmoid(logits)[0], 0.03)
    close(coins.mean[:1], torch.sigmoid(logits))
    close(coins.mode[0], (logits[0] > 0).double())
