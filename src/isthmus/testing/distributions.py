"""What every distribution must do: its draws and its log-density must describe the same thing."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, Distribution

from .requirement import global_random_state_untouched, require, require_close

# Monte-Carlo comparisons allow this many standard errors: one false alarm in a million, and the seed is fixed.
STANDARD_ERRORS = 5.0
DRAWS = 500


def check_distribution(distribution: Distribution, rows: int = 4, seed: int = 0) -> None:
    """``draw`` follows ``log_prob``, ``log_prob`` is normalised over whole rows, ``mean`` is the mean of the draws.

    Parameters
    ----------
    distribution : Distribution
        Of float64 tensors, in two to four dimensions (the comparison with draws loses its power in many).
    rows : int
        How many rows its parameters have; any number if they are shared.
    seed : int

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus.distributions import StandardNormal
    >>> check_distribution(StandardNormal(2, dtype=torch.float64))
    """
    who = type(distribution).__name__
    require(isinstance(distribution, Distribution), f"{who} must be a Distribution")
    with global_random_state_untouched(f"{who}.draw"), torch.no_grad():
        first = distribution.draw(rows, torch_generator(seed))
        again = distribution.draw(rows, torch_generator(seed))
        generator = torch_generator(seed + 1)
        draws = torch.stack([distribution.draw(rows, generator) for _ in range(DRAWS)])
    require(first.ndim == 2 and len(first) == rows, f"{who}.draw({rows}) has shape {tuple(first.shape)}")
    require(torch.equal(first, again), f"{who}.draw differs between two generators of one seed")
    with torch.no_grad():
        log_prob = distribution.log_prob(first)
        require(log_prob.shape == (rows,), f"{who}.log_prob of ({rows}, d) rows has shape {tuple(log_prob.shape)}")
        require(not log_prob.isnan().any(), f"{who}.log_prob of its own draws is NaN")
        log_probs = check_draws(who, distribution, draws)
        if hasattr(distribution, "mean"):
            _check_mean(who, distribution.mean.detach(), draws)
        if hasattr(distribution, "mode"):
            best = log_probs.max(0).values
            likeliest = distribution.log_prob(distribution.mode.expand(first.shape))
            require((likeliest >= best - 1e-9).all(), f"{who}.mode is less likely than a draw")


def check_draws(who: str, distribution: Distribution, draws: Tensor) -> Tensor:
    """Draws (s, n, d) follow the distribution's log-density or log-mass, which is returned: (s, n)."""
    log_prob = torch.stack([distribution.log_prob(draw) for draw in draws])
    if (draws == draws[:1]).all():
        require((log_prob == 0).all(), f"{who}: all draws are equal, so their log-mass must be 0")
    elif (draws == draws.round()).all():
        _check_frequencies(who, draws, log_prob)
    else:
        _check_density(who, draws, log_prob)
    return log_prob


def _check_mean(who: str, mean: Tensor, draws: Tensor) -> None:
    error = (draws.mean(0) - mean).abs()
    allowed = STANDARD_ERRORS * draws.std(0) / math.sqrt(len(draws)) + 1e-9
    require((error <= allowed).all(), f"{who}.mean is not the mean of its draws: off by up to {float(error.max()):.3g}")


def _check_frequencies(who: str, draws: Tensor, log_prob: Tensor) -> None:
    """Each outcome comes as often as its log-mass says."""
    for row in range(draws.shape[1]):
        outcomes, where, counts = draws[:, row].unique(dim=0, return_inverse=True, return_counts=True)
        mass = torch.zeros(len(outcomes), dtype=log_prob.dtype)
        mass[where] = log_prob[:, row].exp()
        require(
            mass.sum() <= 1 + 1e-9, f"{who}: the masses of different outcomes add up to {float(mass.sum()):.4g} > 1"
        )
        error = (counts / len(draws) - mass).abs()
        allowed = STANDARD_ERRORS * (mass * (1 - mass) / len(draws)).clamp_min(0).sqrt() + STANDARD_ERRORS / len(draws)
        require((error <= allowed).all(), f"{who}: outcomes do not come as often as log_prob says (row {row})")


def _check_density(who: str, draws: Tensor, log_prob: Tensor) -> None:
    """For a density r that is narrower than p, the mean of r(x)/p(x) over draws of p is 1 if p is normalised."""
    center, spread = draws.mean(0), draws.std(0)
    for width in (0.6, 0.8):
        narrow = DiagonalNormal(center, (spread * width).log())
        ratio = (narrow.log_prob(draws) - log_prob).exp().flatten()
        error = abs(float(ratio.mean()) - 1)
        allowed = STANDARD_ERRORS * float(ratio.std()) / math.sqrt(len(ratio))
        require(
            allowed < 0.5, f"{who}: log_prob and draws disagree widely (the ratio varies by {float(ratio.std()):.3g})"
        )
        require(
            error <= allowed, f"{who}: draws do not follow exp(log_prob): its total mass is {1 + error:.4g} or less"
        )


def check_rows_are_independent(who: str, value: Tensor, parts: list[Tensor]) -> None:
    """A row's result is the same in the whole batch as in pieces of it."""
    require_close(torch.cat(parts), value, f"{who}: a row's log_prob depends on the other rows", 1e-12)
