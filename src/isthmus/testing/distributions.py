"""What every distribution must do: its draws and its log-density must describe the same thing."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, Distribution, VonMisesFisher

from .requirement import global_random_state_untouched, require, require_close

# Monte-Carlo comparisons allow this many standard errors: one false alarm in a million, and the seed is fixed.
STANDARD_ERRORS = 5.0
DRAWS = 500

# The distance between the quartiles of N(0, 1).
NORMAL_QUARTILES = 1.349


def check_distribution(
    distribution: Distribution, rows: int = 4, seed: int = 0, step: float = 1.0, shared: bool = False
) -> None:
    """``draw`` follows ``log_prob``, ``log_prob`` is normalised over whole rows, ``mean`` is the mean of the draws.

    Parameters
    ----------
    distribution : Distribution
        Of float64 tensors, in two to four dimensions (the comparison with draws loses its power in many).
    rows : int
        How many rows its parameters have; any number if they are shared.
    seed : int
    step : float
        Draws that are all multiples of it are taken for outcomes of a discrete distribution.
    shared : bool
        All rows share the parameters, so that any number of them can be drawn at once.

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
        if shared:
            draws = distribution.draw(DRAWS * rows, generator).unflatten(0, (DRAWS, rows))
        else:
            draws = torch.stack([distribution.draw(rows, generator) for _ in range(DRAWS)])
    require(first.ndim == 2 and len(first) == rows, f"{who}.draw({rows}) has shape {tuple(first.shape)}")
    require(torch.equal(first, again), f"{who}.draw differs between two generators of one seed")
    with torch.no_grad():
        log_prob = distribution.log_prob(first)
        require(log_prob.shape == (rows,), f"{who}.log_prob of ({rows}, d) rows has shape {tuple(log_prob.shape)}")
        require(not log_prob.isnan().any(), f"{who}.log_prob of its own draws is NaN")
        log_probs = check_draws(who, distribution, draws, step)
        if hasattr(distribution, "mean"):
            _check_mean(who, distribution.mean.detach(), draws)
        if hasattr(distribution, "mode"):
            best = log_probs.max(0).values
            likeliest = distribution.log_prob(distribution.mode.expand(first.shape))
            require((likeliest >= best - 1e-9).all(), f"{who}.mode is less likely than a draw")


@torch.no_grad()
def check_draws(who: str, distribution: Distribution, draws: Tensor, step: float = 1.0) -> Tensor:
    """Draws (s, n, d) follow the distribution's log-density or log-mass, which is returned: (s, n)."""
    log_prob = distribution.log_prob(draws)
    wanted = torch.stack([distribution.log_prob(draw) for draw in draws[:2]])
    require_close(log_prob[:2], wanted, f"{who}.log_prob of several draws (s, n, d) must be that of each", 1e-12)
    if (draws == draws[:1]).all():
        require((log_prob == 0).all(), f"{who}: all draws are equal, so their log-mass must be 0")
    elif torch.allclose(draws / step, (draws / step).round(), rtol=0, atol=1e-9):
        _check_frequencies(who, draws, log_prob)
    elif torch.allclose(draws.square().sum(-1), torch.ones_like(log_prob), rtol=0, atol=1e-9):
        _check_spherical_density(who, draws, log_prob)
    else:
        _check_density(who, draws, log_prob)
    return log_prob


def _check_mean(who: str, mean: Tensor, draws: Tensor) -> None:
    error = (draws.mean(0) - mean).abs()
    allowed = STANDARD_ERRORS * draws.std(0) / math.sqrt(len(draws)) + 1e-9
    equal = (draws == draws[:1]).all(0)
    if not equal.all():  # a cell that never changed may have missed a rare outcome
        allowed = torch.where(equal, STANDARD_ERRORS / len(draws) * (draws.max() - draws.min()), allowed)
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
    """For a density r that is narrower than p, the mean of r(x)/p(x) over draws of p is 1 if p is normalised.

    Where all draws lie in [0, 1], r is normalised on it: if p lives elsewhere too, r has no mass there. Place and width
    of r come from quartiles too, which heavy tails leave as they are.
    """
    lower, center, upper = torch.quantile(draws, torch.tensor([0.25, 0.5, 0.75], dtype=draws.dtype), 0)
    spread = torch.minimum(draws.std(0), (upper - lower) / NORMAL_QUARTILES)
    bounded = bool((draws >= 0).all() and (draws <= 1).all())
    for width in (0.6, 0.8):
        narrow = DiagonalNormal(center, (spread * width).log())
        inside = _mass_of_unit_interval(narrow) if bounded else torch.ones_like(narrow.mean[..., 0])
        _check_ratio(who, (narrow.log_prob(draws) - log_prob).exp() / inside)


def _check_spherical_density(who: str, draws: Tensor, log_prob: Tensor) -> None:
    """As :func:`_check_density`, for densities with respect to the area of the unit sphere."""
    mean = draws.mean(0)
    length = torch.linalg.vector_norm(mean, dim=-1, keepdim=True)
    # Banerjee et al. (2005), eq. 4.4: about the concentration of a von Mises–Fisher distribution with this mean.
    concentration = length * (draws.shape[-1] - length.square()) / (1 - length.square())
    for factor in (1.2, 1.6):
        narrow = VonMisesFisher(mean / length, factor * concentration)
        _check_ratio(who, (narrow.log_prob(draws) - log_prob).exp())


def _check_ratio(who: str, ratio: Tensor) -> None:
    ratio = ratio.flatten()
    error = abs(float(ratio.mean()) - 1)
    allowed = STANDARD_ERRORS * float(ratio.std()) / math.sqrt(len(ratio))
    require(allowed < 0.5, f"{who}: log_prob and draws disagree widely (the ratio varies by {float(ratio.std()):.3g})")
    require(error <= allowed, f"{who}: draws do not follow exp(log_prob): its total mass is {1 + error:.4g} or less")


def _mass_of_unit_interval(normal: DiagonalNormal) -> Tensor:
    ends = [torch.special.ndtr((end - normal.mean) / normal.stddev) for end in (0.0, 1.0)]
    return (ends[1] - ends[0]).prod(-1)


def check_rows_are_independent(who: str, value: Tensor, parts: list[Tensor]) -> None:
    """A row's result is the same in the whole batch as in pieces of it."""
    require_close(torch.cat(parts), value, f"{who}: a row's log_prob depends on the other rows", 1e-12)
