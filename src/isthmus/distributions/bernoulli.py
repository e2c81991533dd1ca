"""Independent coin flips, one per feature: the distribution behind binary cross-entropy."""

from __future__ import annotations

import torch
from torch import Generator, Tensor
from torch.nn import functional

from .base import Distribution


class IndependentBernoulli(Distribution):
    """Each feature is 1 with probability ``sigmoid(logits)``.

    The log-mass of values in {0, 1} is minus their binary cross-entropy.

    Parameters
    ----------
    logits : Tensor, shape (n, d)
    """

    __slots__ = ("logits",)

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits

    @property
    def mean(self) -> Tensor:
        return torch.sigmoid(self.logits)

    @property
    def mode(self) -> Tensor:
        return (self.logits > 0).to(self.logits.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        # log p(x) = x·logit + log σ(−logit), the stable form of x log p + (1−x) log(1−p). (PyTorch's softplus, its
        # usual name, is cut off at 20.)
        return (value * self.logits + functional.logsigmoid(-self.logits)).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        uniform = torch.rand(
            rows, self.logits.shape[-1], generator=generator, device=self.logits.device, dtype=self.logits.dtype
        )
        return (uniform < self.mean).to(self.logits.dtype)
