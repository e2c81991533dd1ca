"""Learning-rate schedules: the fraction of the run that is over -> a factor of the peak rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

RISE = 0.25
START = 1 / 25
END = 1e-3


def constant(fraction: float) -> float:
    """Always the peak."""
    return 1.0


def cosine(fraction: float) -> float:
    """From the peak to (almost) zero along half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""
    return _between(1.0, END, fraction)


def one_cycle(fraction: float) -> float:
    """Up from 1/25 of the peak over the first quarter, then down (Smith & Topin 2018, arXiv:1708.07120).

    >>> round(one_cycle(0.0), 3), one_cycle(0.25), round(one_cycle(1.0), 4)
    (0.04, 1.0, 0.001)
    """
    if fraction < RISE:
        return _between(START, 1.0, fraction / RISE)
    return _between(1.0, END, (fraction - RISE) / (1 - RISE))


def _between(start: float, end: float, fraction: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))


SCHEDULES: Mapping[str, Callable[[float], float]] = {"one-cycle": one_cycle, "cosine": cosine, "constant": constant}
