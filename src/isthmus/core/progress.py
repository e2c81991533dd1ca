"""How far a run has come."""

from __future__ import annotations

import math
from typing import NamedTuple


class Progress(NamedTuple):
    """Where schedules stand.

    Attributes
    ----------
    epoch : float
        Epochs so far; fractions count.
    fraction : float
        The share of the run that is over, from 0 to 1 (of its epochs, or of its time if that ends first).
    """

    epoch: float
    fraction: float


START = Progress(0.0, 0.0)
END = Progress(math.inf, 1.0)
