"""Poisson counts: variance equal to the mean."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from .base import Distribution

# torch.poisson counts in 64-bit integers and wraps around beyond them.
LARGEST_RATE = 2.0**62


class IndependentPoisson(Distribution):
    """Each feature is a count with the mass exp(−rate) rate^x / x!.

    Parameters
    ----------
    log_rate : Tensor, shape (n, d)

    Examples
    --------
    >>> IndependentPoisson(torch.zeros(1, 1)).log_prob(torch.tensor([[3.0]]))  # −1 − ln 3!
    tensor([-2.7918])
    """

    __slots__ = ("log_rate",)

    def __init__(self, log_rate: Tensor) -> None:
        self.log_rate = log_rate

    @property
    def mean(self) -> Tensor:
        return self.log_rate.exp()

    @property
    def mode(self) -> Tensor:
        return self.log_rate.exp().floor()

    def log_prob(self, value: Tensor) -> Tensor:
        return (value * self.log_rate - self.log_rate.exp() - torch.lgamma(value + 1)).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        shape = np.broadcast_shapes(self.log_rate.shape, (rows, 1))
        rate = self.log_rate.detach().exp().clamp_max(LARGEST_RATE)
        return torch.poisson(rate.expand(shape), generator=generator)
