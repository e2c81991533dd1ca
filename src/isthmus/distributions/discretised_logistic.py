"""A mixture of logistic distributions rounded to levels: exact log-masses for pixels in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from .base import Distribution

# Up to so many levels, mean and mode go through them all.
MOST_LEVELS = 256
# A logistic narrower than e^-50 is a point for every step, one wider than e^50 sees the data as a point; float32 can
# divide by both.
LARGEST_LOG_SCALE = 50.0
# Below e^-60, 1 − exp(−δ) is δ to every digit; above e^5 it is 1.
_LOG_TINY, _LOG_HUGE = -60.0, 5.0


class DiscretisedLogisticMixture(Distribution):
    """Each feature is a draw of a mixture of M logistics, rounded to the nearest level 0, step, 2 · step, …, 1.

    A level's mass is what the mixture puts within half a step of it; all that lies beyond the two ends belongs to
    them (Kingma et al. 2016, Improved variational inference with inverse autoregressive flow, arXiv:1606.04934; the
    mixture: Salimans et al. 2017, PixelCNN++, arXiv:1701.05517, eq. 2). So :meth:`log_prob` is a log-mass, in nats,
    that can be compared with other distributions over the same levels, not with densities.

    Parameters
    ----------
    mixture_logits, locations, log_scales : Tensor, shape (n, d, M)
        Locations and scales in the units of the data.
    step : float
        The distance of neighbouring levels; 1/step is a whole number (1/255 for 8-bit pixels).

    Examples
    --------
    A coin, its location halfway between the two levels:

    >>> coin = DiscretisedLogisticMixture(torch.zeros(1, 1, 1), torch.full((1, 1, 1), 0.5), torch.zeros(1, 1, 1), 1.0)
    >>> coin.log_prob(torch.tensor([[1.0]]))
    tensor([-0.6931])
    """

    __slots__ = ("locations", "log_scales", "mixture_logits", "step")

    def __init__(self, mixture_logits: Tensor, locations: Tensor, log_scales: Tensor, step: float) -> None:
        self.mixture_logits, self.locations, self.log_scales, self.step = mixture_logits, locations, log_scales, step

    @property
    def number_of_levels(self) -> int:
        return round(1 / self.step) + 1

    @property
    def mean(self) -> Tensor:
        """The expected level, (n, d).

        Exact up to 256 levels. With more, the levels are taken as a continuum: the mean of the mixture after clipping
        to [0, 1], which is off by less than half a step.
        """
        weights = torch.softmax(self.mixture_logits, -1)
        inverse = self._inverse_scales()
        if self.number_of_levels > MOST_LEVELS:
            # 1 − ∫₀¹ CDF. The integral of a logistic CDF is scale · softplus, with softplus(x) = −logsigmoid(−x); for
            # wide ones the two softplus are nearly equal, and the logarithm of their ratio is taken as one.
            ends = logsigmoid(self.locations * inverse) - logsigmoid((self.locations - 1) * inverse)
            wide = torch.log1p(torch.sigmoid(-self.locations * inverse) * torch.expm1(inverse.clamp_max(1)))
            return 1 - (weights * torch.where(inverse < 1, wide, ends) / inverse).sum(-1)
        # E[X] = step · Σ P(X ≥ level) over all levels but the lowest.
        reached = torch.zeros_like(self.locations)
        for level in range(1, self.number_of_levels):
            reached = reached + torch.sigmoid((self.locations - (level - 0.5) * self.step) * inverse)
        return (weights * reached).sum(-1) * self.step

    @property
    def mode(self) -> Tensor:
        """The likeliest level, (n, d).

        Exact up to 256 levels. With more, the likeliest of the two ends and of the levels nearest to the M locations.
        """
        with torch.no_grad():
            candidates = iter(self._candidates())
            best = next(candidates)
            highest = self._log_mass(best)
            best = best.expand(highest.shape)
            for candidate in candidates:
                mass = self._log_mass(candidate)
                best = torch.where(mass > highest, candidate, best)
                highest = torch.maximum(mass, highest)
        return best

    def log_prob(self, value: Tensor) -> Tensor:
        return self._log_mass(value).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        locations, dtype, device = self.locations, self.locations.dtype, self.locations.device
        shape = np.broadcast_shapes(self.mixture_logits.shape, locations.shape, self.log_scales.shape, (rows, 1, 1))
        # Of exponential clocks with rates p, clock k rings first with probability p_k.
        clocks = torch.empty(shape, device=device, dtype=dtype).exponential_(generator=generator)
        component = (self.mixture_logits - clocks.log()).argmax(-1, keepdim=True)
        location = locations.expand(shape).gather(-1, component).squeeze(-1)
        scale = self._inverse_scales().expand(shape).gather(-1, component).squeeze(-1).reciprocal()
        uniform = torch.rand(shape[:-1], generator=generator, device=device, dtype=dtype)
        bounds = torch.finfo(dtype)
        return self._nearest_level(location + scale * uniform.clamp(bounds.tiny, 1 - bounds.eps).logit())

    def _log_mass(self, value: Tensor) -> Tensor:
        """The log-mass of each feature's level: (n, d) -> (n, d)."""
        inverse = self._inverse_scales()
        centred = value.unsqueeze(-1) - self.locations
        below = logsigmoid((centred + self.step / 2) * inverse)  # ln P(x < upper edge)
        above = logsigmoid((self.step / 2 - centred) * inverse)  # ln P(x > lower edge)
        # σ(b) − σ(a) = σ(b) σ(−a) (1 − exp(a − b)): a product, so that nothing cancels in the tails.
        inner = below + above + _log_one_minus_exp(math.log(self.step) - self.log_scales)
        lowest = (value < self.step / 2).unsqueeze(-1)
        highest = (value > 1 - self.step / 2).unsqueeze(-1)
        mass = torch.where(lowest, below, torch.where(highest, above, inner))
        return torch.logsumexp(torch.log_softmax(self.mixture_logits, -1) + mass, -1)

    def _inverse_scales(self) -> Tensor:
        return (-self.log_scales).clamp(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE).exp()

    def _candidates(self) -> Iterator[Tensor]:
        """Where the mode may be: levels, each for all features, (1,), or one per feature, (n, d)."""
        last = self.number_of_levels - 1
        every = self.number_of_levels <= MOST_LEVELS
        yield from (self.locations.new_tensor([level / last]) for level in range(0, last + 1, 1 if every else last))
        if not every:
            yield from self._nearest_level(self.locations).unbind(-1)

    def _nearest_level(self, value: Tensor) -> Tensor:
        last = self.number_of_levels - 1
        return (value * last).round().clamp(0, last) / last


def _log_one_minus_exp(log_delta: Tensor) -> Tensor:
    """ln(1 − exp(−δ)) from ln δ, also where δ itself would underflow or overflow."""
    delta = log_delta.clamp(_LOG_TINY, _LOG_HUGE).exp()
    return torch.log(-torch.expm1(-delta)) + (log_delta - _LOG_TINY).clamp_max(0)
