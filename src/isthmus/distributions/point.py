"""All the mass in one point: what a deterministic encoder returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Generator, Tensor

from .base import Posterior

# The derivative of each activation, as a function of its result.
DERIVATIVES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "identity": torch.ones_like,
    "relu": lambda value: (value > 0).to(value.dtype),
    "sigmoid": lambda value: value * (1 - value),
    "tanh": lambda value: 1 - value.square(),
}


class PointMass(Posterior):
    """A deterministic code. It has no density, so :meth:`log_prob` is 0 at the point and -inf elsewhere.

    Parameters
    ----------
    code : Tensor, shape (n, d)
    activation : str, optional
        How each code comes from the encoder's output in the same place: "identity", "relu", "sigmoid" or "tanh".
        None: not in that way.
    passed : Tensor, shape (n, d), optional
        1 where a code was let through, 0 where it was set to 0. None: all were.
    """

    __slots__ = ("_code", "activation", "passed")

    def __init__(self, code: Tensor, activation: str | None = None, passed: Tensor | None = None) -> None:
        self._code, self.activation, self.passed = code, activation, passed

    @property
    def code(self) -> Tensor:
        return self._code

    @property
    def slope(self) -> Tensor | None:
        """The derivative of each code by the encoder's output in its place, (n, d); None without an activation."""
        if self.activation is None:
            return None
        slope = DERIVATIVES[self.activation](self._code)
        return slope if self.passed is None else slope * self.passed

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


class OrderedPointMass(PointMass):
    """A deterministic code whose samples keep only its first entries: nested dropout.

    Parameters
    ----------
    code : Tensor, shape (n, d)
    log_beyond : Tensor, shape (d - 1,)
        ln P(more than b entries are kept) for b = 1, ..., d − 1.
    """

    __slots__ = ("log_beyond",)

    def __init__(self, code: Tensor, log_beyond: Tensor) -> None:
        super().__init__(code, "identity")
        self.log_beyond = log_beyond

    def kept(self, noise: Tensor) -> Tensor:
        """How many entries standard normal ``noise`` (..., n, 1) keeps: 1 to d, in the same shape."""
        # 1 − Φ(noise) is as uniform as Φ(noise), and small where the prefix is long: its logarithm loses no digits.
        return 1 + (torch.special.log_ndtr(-noise) < self.log_beyond).sum(-1, keepdim=True)

    def sample(self, noise: Tensor) -> Tensor:
        """Standard normal ``noise`` (..., n, 1) -> the codes after whose first entries there are zeros, (..., n, d)."""
        place = torch.arange(self._code.shape[-1], device=noise.device)
        return self._code * (place < self.kept(noise)).to(self._code.dtype)
