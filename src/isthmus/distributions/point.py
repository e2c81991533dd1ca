"""All the mass in one point: what a deterministic encoder returns."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .base import Posterior


class PointMass(Posterior):
    """A deterministic code. It has no density, so :meth:`log_prob` is 0 at the point and -inf elsewhere."""

    __slots__ = ("_code",)

    def __init__(self, code: Tensor) -> None:
        self._code = code

    @property
    def code(self) -> Tensor:
        return self._code

    @property
    def mean(self) -> Tensor:
        return self._code

    @property
    def stddev(self) -> Tensor:
        """Zeros: there is no spread."""
        return torch.zeros_like(self._code)

    def sample(self, noise: Tensor) -> Tensor:
        return self._code.expand(noise.shape)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return self._code.expand(rows, self._code.shape[-1])

    def log_prob(self, value: Tensor) -> Tensor:
        same = (value == self._code).all(-1)
        return torch.where(same, 0.0, -torch.inf)
