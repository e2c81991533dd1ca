"""The continuous Bernoulli: what binary cross-entropy becomes on data between 0 and 1, once it is normalised."""

from __future__ import annotations

from math import factorial

import numpy as np
import torch
from torch import Generator, Tensor

from .base import Distribution

# ln(sinh h / h) = Σ 2^2n B_2n / (2n (2n)!) h^2n with the Bernoulli numbers B_2n: the integral of the series of
# coth h − 1/h. Up to h = ½, the first term left out is below 1e-15.
_BERNOULLI_NUMBERS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SERIES = tuple(4**n * number / (2 * n * factorial(2 * n)) for n, number in enumerate(_BERNOULLI_NUMBERS, 1))
_NEAR = 1.0


class ContinuousBernoulli(Distribution):
    """Each feature in [0, 1] has a density proportional to λ^x (1 − λ)^(1 − x), with λ = sigmoid(logits).

    Loaiza-Ganem & Cunningham (2019), The continuous Bernoulli: fixing a pervasive error in variational autoencoders,
    arXiv:1907.06845. With the logit η the density is exp(ηx) η / (exp(η) − 1): an exponential cut to [0, 1]. Near
    η = 0 (λ = ½, the uniform) that is 0/0, and a series takes over.

    Parameters
    ----------
    logits : Tensor, shape (n, d)
        Not those of the mean, which is less extreme than λ.

    Examples
    --------
    >>> ContinuousBernoulli(torch.zeros(1, 2)).log_prob(torch.tensor([[0.1, 0.9]]))  # uniform on the unit square
    tensor([0.])
    """

    __slots__ = ("logits",)

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        near, logits = self._near()
        half = torch.where(near, self.logits, 0.0) / 2
        series = torch.zeros_like(half)
        for order in range(len(_SERIES), 0, -1):
            series = series * half.square() + order * _SERIES[order - 1]
        # λ/(2λ − 1) + 1/(2 artanh(1 − 2λ)), in the logit: ½ + ½ coth(η/2) − 1/η.
        far = 0.5 + 0.5 / (0.5 * logits).tanh() - logits.reciprocal()
        return torch.where(near, 0.5 + half * series, far)

    @property
    def mode(self) -> Tensor:
        """An end of the interval: 0 or 1."""
        return (self.logits > 0).to(self.logits.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        near, logits = self._near()
        central = torch.where(near, self.logits, 0.0)
        square = (central / 2).square()
        series = torch.zeros_like(square)
        for coefficient in reversed(_SERIES):
            series = (series + coefficient) * square
        size = logits.abs()
        # The exponent is at most 0, whichever end the density leans to: no large numbers cancel.
        exponent = torch.where(logits > 0, value - 1, value) * logits
        far = exponent + size.log() - torch.log(-torch.expm1(-size))
        return torch.where(near, (value - 0.5) * central - series, far).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        shape = np.broadcast_shapes(self.logits.shape, (rows, 1))
        uniform = torch.rand(shape, generator=generator, device=self.logits.device, dtype=self.logits.dtype)
        # The distance from the end that is more likely is an exponential cut to [0, 1]: the inverse of its CDF.
        size = self.logits.abs().clamp_min(1e-30)
        distance = -torch.log1p(uniform * torch.expm1(-size)) / size
        return torch.where(self.logits > 0, 1 - distance, distance)

    def _near(self) -> tuple[Tensor, Tensor]:
        """Where the series holds; and the logits, with a harmless 1 there."""
        near = self.logits.abs() < _NEAR
        return near, torch.where(near, 1.0, self.logits)
