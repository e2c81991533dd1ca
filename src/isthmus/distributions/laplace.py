"""The Laplace distribution: minus its log-density is the absolute error."""

from __future__ import annotations

import numpy as np
from torch import Generator, Tensor

from .base import Distribution


class IndependentLaplace(Distribution):
    """Each feature has the density exp(−|x − location| / scale) / (2 scale).

    Minus the log-density is the absolute error (L1) in units of the scale, plus a constant; the location is the median.

    Parameters
    ----------
    location : Tensor, shape (n, d)
    scale : Tensor, scalar, (d,) or (n, d)
        Mean absolute deviation, > 0.

    Examples
    --------
    >>> import torch
    >>> p = IndependentLaplace(torch.zeros(1, 2), torch.tensor(0.5))
    >>> p.log_prob(torch.tensor([[0.0, 1.0]]))
    tensor([-2.])
    """

    __slots__ = ("location", "scale")

    def __init__(self, location: Tensor, scale: Tensor) -> None:
        self.location, self.scale = location, scale

    @property
    def mean(self) -> Tensor:
        return self.location

    @property
    def mode(self) -> Tensor:
        return self.location

    def log_prob(self, value: Tensor) -> Tensor:
        return -((value - self.location).abs() / self.scale + (2 * self.scale).log()).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        # The difference of two exponential variables is a Laplace variable, without a logarithm that may reach 0.
        shape = np.broadcast_shapes(self.location.shape, self.scale.shape, (rows, 1))
        pair = self.location.new_empty(2, *shape).exponential_(generator=generator)
        return self.location + self.scale * (pair[0] - pair[1])
