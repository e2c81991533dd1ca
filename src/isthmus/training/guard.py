"""A cheap guard over the gradient: spikes are clipped, non-finite gradients are skipped."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SPIKE = 10.0
MEMORY = 0.98
SETTLE = 20


class SpikeGuard:
    """Compares each gradient's norm with its running mean.

    Clipping at every step costs a quarter of a small step; a norm alone costs little, and gradients are only
    changed when one stands out.

    Attributes
    ----------
    mean : float
        The running mean of accepted norms.
    seen : int
        How many norms it has seen; the first ones are taken as they are.
    """

    def __init__(self) -> None:
        self.mean = 0.0
        self.seen = 0

    def norm(self, gradients: list[Tensor]) -> float:
        """The Euclidean norm of all gradients together."""
        if len(gradients) == 1:
            return float(torch.linalg.vector_norm(gradients[0]))
        return float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))

    def factor(self, norm: float) -> float:
        """What to multiply gradients of a finite norm by: 1 in the normal case, less for a spike."""
        limit = SPIKE * self.mean
        if self.seen >= SETTLE and norm > limit > 0:
            # The spike counts as an ordinary gradient: a real change of scale is let through within a few steps.
            self.mean *= 1 + (1 - MEMORY) * (SPIKE - 1)
            return self.mean / norm
        self.seen += 1
        weight = max(1 - MEMORY, 1 / self.seen)
        self.mean += weight * (norm - self.mean)
        return 1.0

    def state(self) -> dict[str, float]:
        """For checkpoints."""
        return {"mean": self.mean, "seen": float(self.seen)}

    def restore(self, state: Mapping[str, float]) -> None:
        """The state that :meth:`state` gave."""
        self.mean, self.seen = float(state["mean"]), int(state["seen"])
