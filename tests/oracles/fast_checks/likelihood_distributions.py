"""The distributions of likelihoods, against scipy and sums over all levels."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import special, stats

from isthmus.distributions import (
    ContinuousBernoulli,
    DiscretisedLogisticMixture,
    IndependentCategorical,
    IndependentLaplace,
    IndependentNegativeBinomial,
    IndependentPoisson,
    IndependentStudentT,
    ZeroInflatedNegativeBinomial,
)

from .known_numbers import close, values


def heavy_tails_are_those_of_scipy() -> None:
    x, location, scale = values(5, 3), values(5, 3, seed=1), (0.5 * values(3, seed=2)).exp()
    laplace = IndependentLaplace(location, scale)
    close(laplace.log_prob(x), stats.laplace.logpdf(x, location, scale).sum(-1))
    freedom = torch.tensor(3.5, dtype=torch.float64)
    student = IndependentStudentT(location, scale, freedom)
    close(student.log_prob(x), stats.t.logpdf(x, 3.5, location, scale).sum(-1))
    generator = torch.Generator().manual_seed(0)
    still = torch.zeros(8000, 1, dtype=torch.float64)
    drawn = IndependentLaplace(still, torch.tensor(0.7)).draw(8000, generator)
    close(drawn.abs().mean(), 0.7, 0.03)
    drawn = IndependentStudentT(still, torch.tensor(0.7), torch.tensor(9.0)).draw(8000, generator)
    close(drawn.std(), 0.7 * math.sqrt(9 / 7), 0.03)


def counts_are_those_of_scipy() -> None:
    x = torch.tensor([[0.0, 1.0, 5.0], [2.0, 0.0, 17.0]]).double()
    log_mean = values(2, 3) + 1
    mean = log_mean.exp().numpy()
    close(IndependentPoisson(log_mean).log_prob(x), stats.poisson.logpmf(x, mean).sum(-1))
    close(IndependentPoisson(log_mean).mean, mean)
    # From many more counts than a Poisson variable has to next to none: both branches of every formula.
    for log_theta in (-1.0, 0.6, 3.5, 7.0):
        theta = math.exp(log_theta)
        log_masses = stats.nbinom.logpmf(x, theta, theta / (theta + mean))
        spread = torch.tensor(log_theta, dtype=torch.float64)
        counted = IndependentNegativeBinomial(log_mean, spread)
        close(counted.log_prob(x), log_masses.sum(-1))
        dropout = values(2, 3, seed=1)
        lost = torch.sigmoid(dropout).numpy()
        inflated = ZeroInflatedNegativeBinomial(log_mean, spread, dropout)
        close(inflated.log_prob(x), np.log(lost * (x.numpy() == 0) + (1 - lost) * np.exp(log_masses)).sum(-1))
        close(inflated.mean, (1 - lost) * mean)


def levels_are_chosen_by_their_own_logits() -> None:
    logits = values(4, 6)
    chosen = torch.tensor([[0, 2], [1, 1], [2, 0], [0, 0]])
    value = torch.nn.functional.one_hot(chosen, 3).flatten(1).double()
    table = special.log_softmax(logits.numpy().reshape(4, 2, 3), -1)
    p = IndependentCategorical(logits, 3)
    close(p.log_prob(value), np.take_along_axis(table, chosen.numpy()[..., None], -1)[..., 0].sum(-1))
    close(p.mean, np.exp(table).reshape(4, 6))
    close(p.mode.reshape(4, 2, 3).argmax(-1), table.argmax(-1))


def continuous_coins_are_cut_exponentials() -> None:
    # Around 0 a series stands in; far from it the exponential does.
    logits = torch.tensor([[0.4, -0.8, 2.5, -6.0]]).double()
    x = torch.tensor([[0.3, 0.9, 0.2, 0.6]]).double()
    rate, at = logits.numpy(), x.numpy()
    p = ContinuousBernoulli(logits)
    close(p.log_prob(x), (rate * at + np.log(rate / np.expm1(rate))).sum(-1))
    close(p.mean, 1 / -np.expm1(-rate) - 1 / rate)


def grey_levels_share_the_logistic() -> None:
    step, levels = 0.25, np.linspace(0, 1, 5)
    logits, locations, log_scales = values(2, 3, 2), 0.5 + 0.3 * values(2, 3, 2, seed=1), values(2, 3, 2, seed=2) - 1
    p = DiscretisedLogisticMixture(logits, locations, log_scales, step)
    weights = special.softmax(logits.numpy(), -1)
    edges = np.concatenate([[-np.inf], levels[:-1] + step / 2, [np.inf]])
    below = stats.logistic.cdf(edges[:, None, None, None], locations.numpy(), np.exp(log_scales.numpy()))
    masses = (weights * np.diff(below, axis=0)).sum(-1)
    for level, mass in zip(levels, masses, strict=True):
        close(p.log_prob(torch.full((2, 3), level).double()), np.log(mass).sum(-1))
    close(p.mean, (levels[:, None, None] * masses).sum(0))
    close(p.mode, levels[masses.argmax(0)])
