"""Events of a given probability, from standard normal numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, Interval

RATE: tuple[Constraint, ...] = (Interval(0, 1),)


def happens(noise: Tensor, probability: float) -> Tensor:
    """Where standard normal ``noise`` lies in its lower tail of this probability: a bool of the same shape.

    >>> happens(torch.tensor([-1.97, -1.95]), 0.025)
    tensor([ True, False])
    """
    # The comparison is with one quantile: no distribution function of each cell. It is -inf for 0 and inf for 1.
    return noise < torch.special.ndtri(torch.full((), probability, dtype=noise.dtype, device=noise.device))
