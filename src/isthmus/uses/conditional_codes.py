"""Codes drawn from p(z|what is asked): particles that go from the density of codes to it in small steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

# Of the particles that are left of each step, in effect.
KEPT = 0.5
MOVES, LAST_MOVES, MOST_STEPS = 8, 24, 100
# How often a trial should be accepted (Roberts, Gelman & Gilks 1997), and how fast the size of trials follows.
ACCEPTED, PACE = 0.234, 1.0


class Codes(Protocol):
    """A density of codes in coordinates of its own, and what is asked of the rows at them."""

    walks: bool

    def draw(self, count: int, generator: Generator) -> Tensor:
        """Coordinates of codes from the density, (count, q)."""

    def log_density(self, y: Tensor) -> Tensor:
        """log p(y), float64, (count,)."""

    def log_likelihood(self, y: Tensor) -> Tensor:
        """log P(what is asked | y), float64, (count,)."""


@dataclass(frozen=True, eq=False)
class DrawnCodes:
    """Coordinates of codes.

    Attributes
    ----------
    y : Tensor, shape (count, q)
    distinct : int
        How many of them differ.
    log_evidence : float
        An estimate of log P(what is asked), -inf if it holds nowhere.
    best : float
        log P(asked|y) where it is highest.
    """

    y: Tensor
    distinct: int
    log_evidence: float
    best: float


def drawn_codes(codes: Codes, count: int, generator: Generator) -> DrawnCodes:
    """Equally weighted draws of p(y) P(asked|y), in random order.

    Sequential Monte Carlo (Del Moral, Doucet & Jasra 2006, Sequential Monte Carlo samplers): draws of p(y) are
    reweighted by P(asked|y) to a power that grows from 0 to 1, each time as far as half of them are left in effect, and
    resampled; Metropolis steps, which leave that distribution as it is, part those that became equal. Steps are normal,
    in the shape of the particles; where coordinates have no distances they are new draws of p(y).

    Parameters
    ----------
    codes : Codes
    count : int
    generator : Generator
    """
    y = codes.draw(count, generator)
    like, prior = codes.log_likelihood(y), codes.log_density(y)
    power, evidence, scale = 0.0, 0.0, 1.0
    if not bool(torch.isfinite(like).any()):
        return DrawnCodes(y, 0, -math.inf, -math.inf)
    for step in range(MOST_STEPS):
        grown = _next_power(like, power) if step < MOST_STEPS - 1 else 1.0
        logs = (grown - power) * torch.where(torch.isfinite(like), like, 0.0)
        logs = torch.where(torch.isfinite(like), logs, -torch.inf)
        evidence += float(logs.logsumexp(0)) - math.log(count)
        power = grown
        chosen = resampled(logs.softmax(0), count, generator)
        spread = _spread(y, logs.softmax(0)) if codes.walks else None
        y, like, prior = y[chosen], like[chosen], prior[chosen]
        for _ in range(LAST_MOVES if power == 1 else MOVES):
            trial = codes.draw(count, generator) if spread is None else y + scale * _normal(y, generator) @ spread.T
            tried, density = codes.log_likelihood(trial), codes.log_density(trial)
            gain = power * (tried - like) + (0.0 if spread is None else density - prior)
            accepted = _uniform(count, y, generator).log() < gain
            y = torch.where(accepted[:, None], trial, y)
            like, prior = torch.where(accepted, tried, like), torch.where(accepted, density, prior)
            scale = min(max(scale * math.exp(PACE * (float(accepted.double().mean()) - ACCEPTED)), 1e-3), 10.0)
        if power == 1:
            break
    return DrawnCodes(y[_order(count, y, generator)], len(torch.unique(y, dim=0)), evidence, float(like.max()))


def resampled(weights: Tensor, count: int, generator: Generator) -> Tensor:
    """Positions by weights (m,) that sum to 1, in order, each as often as its share ±1: systematic, (count,)."""
    start = torch.rand((), generator=generator, device=weights.device, dtype=torch.float64)
    places = (torch.arange(count, device=weights.device) + start) / count
    reached = weights.double().cumsum(0)
    return torch.searchsorted(reached / reached[-1], places).clamp_max(len(weights) - 1)


def effective(logs: Tensor) -> float:
    """How many equally weighted draws weighted ones are worth: (Σw)² / Σw² (Kong, Liu & Wong 1994)."""
    return (
        0.0 if not bool((logs > -torch.inf).any()) else float((2 * logs.logsumexp(0) - (2 * logs).logsumexp(0)).exp())
    )


def _next_power(like: Tensor, power: float) -> float:
    alive = like[torch.isfinite(like)]

    def left(step: float) -> float:
        return effective(step * alive)

    most = KEPT * len(alive)
    low, high = 0.0, 1.0 - power
    if left(high) >= most:
        return 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if left(middle) >= most else (low, middle)
    return power + high


def _spread(y: Tensor, weights: Tensor) -> Tensor:
    """A root of the covariance of weighted particles, for steps of the best size: (q, q)."""
    centred = y - weights @ y
    covariance = (centred * weights[:, None]).T @ centred
    jitter = 1e-9 * covariance.diagonal().mean().clamp_min(1e-12)
    root, failed = torch.linalg.cholesky_ex(covariance + jitter * torch.eye(y.shape[1]).to(y))
    return (root if int(failed) == 0 else covariance.diagonal().clamp_min(1e-12).sqrt().diag()) * (
        2.38 / math.sqrt(y.shape[1])
    )


def _normal(like: Tensor, generator: Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)


def _uniform(count: int, like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator, device=like.device, dtype=torch.float64)


def _order(count: int, like: Tensor, generator: Generator) -> Tensor:
    return torch.randperm(count, generator=generator, device=like.device)
