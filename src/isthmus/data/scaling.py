"""Which curve a continuous column of a frame needs before it is standardised."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from .curves import Curve, LogCurve, QuantileCurve
from .statistics import Floats

FEWEST_ROWS = 100
"""Below, a sample says too little of its tails."""

FEWEST_VALUES = 20
"""The same for its distribution; and few values are never far apart."""

NEARLY_NORMAL = 0.97
"""From this probability plot correlation on, a column is standardised only: a uniform one has 0.98, an exponential
0.90, two distant peaks 0.80, a log-normal 0.76."""

NEARLY_LOG_NORMAL = 0.95
"""The same for logarithms: a smooth curve is worth more than the last bit of normality."""

_COMPARED = 20_000


def chosen_curve(ordered: Floats) -> Curve | None:
    """The curve for a column with these sorted values, none of them missing; None: standardising is enough.

    The judge is the probability plot correlation (Filliben 1975, Technometrics 17): that of the sorted values with the
    normal scores of their ranks. Values that are nearly normal as they are get no curve; those whose logarithms are
    nearly normal, and nearer, a logarithm; all others go through their quantiles.
    """
    with np.errstate(over="ignore"):
        if len(ordered) < FEWEST_ROWS or not np.isfinite(ordered[-1] - ordered[0]):
            return None
    if (ordered[1:] != ordered[:-1]).sum() + 1 < FEWEST_VALUES:
        return None
    plain = normality(ordered)
    if plain >= NEARLY_NORMAL:
        return None
    logs = [(normality(curve.forward(ordered)), curve) for curve in _logs(ordered)]
    best, curve = max(logs, key=lambda pair: pair[0], default=(0.0, None))
    return curve if best >= max(NEARLY_LOG_NORMAL, plain) else QuantileCurve.through(ordered)


def normality(ordered: Floats) -> float:
    """The correlation of sorted values with the normal scores of their ranks, in [0, 1]."""
    if len(ordered) > _COMPARED:
        ordered = ordered[np.linspace(0, len(ordered) - 1, _COMPARED).astype(np.int64)]
    # Neither the sums nor the squares of numbers up to 1 overflow.
    reach = np.abs(ordered).max()
    centred = ordered if reach == 0 else ordered / reach
    centred = centred - centred.mean()
    largest = np.abs(centred).max()
    if largest == 0:
        return 0.0
    centred = centred / largest
    scores = _scores(len(ordered))
    return float(centred @ scores / np.sqrt((centred @ centred) * (scores @ scores)))


def _logs(ordered: Floats) -> list[LogCurve]:
    """Logarithms that suit the range: of the values, or of those with a part of a typical one added if some are 0."""
    if ordered[0] > 0:
        return [LogCurve(0.0, float(ordered[0]))]
    if ordered[0] < 0:
        return []
    typical = float(np.median(ordered[ordered > 0]))
    return [LogCurve(offset, 0.0) for offset in (typical / 10, typical) if offset > 0]


@lru_cache(maxsize=8)
def _scores(n: int) -> Floats:
    return np.asarray(ndtri((np.arange(n) + 0.5) / n))
