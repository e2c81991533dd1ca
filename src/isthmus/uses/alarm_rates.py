"""How often normal rows give alarm: what rates a number of calibration rows can resolve, and how exactly it keeps them.

A threshold at the k-th largest of m calibration scores gives alarm for a share of normal rows that depends on the
calibration rows: without ties it is distributed as Beta(k, m + 1 − k), whatever the law of the scores. Its mean is
k/(m + 1). Vovk (2012), Conditional validity of inductive conformal predictors, arXiv:1209.2673; Wilks (1941),
Determination of sample sizes for setting tolerance limits.
"""

from __future__ import annotations

import math


def alarm_rank(calibration_rows: int, alarm_rate: float) -> int:
    """The largest k with k/(m + 1) ≤ ``alarm_rate``, as p-values are computed and compared in floating point.

    >>> alarm_rank(99, 0.29), alarm_rank(99, 0.005)
    (29, 0)
    """
    whole = calibration_rows + 1
    rank = math.floor(alarm_rate * whole)
    # 0.29 · 100 is below 29 in binary, but 29/100 is 0.29.
    if rank < calibration_rows and (rank + 1) / whole <= alarm_rate:
        return rank + 1
    return rank - 1 if rank / whole > alarm_rate else min(rank, calibration_rows)


def rows_for(alarm_rate: float) -> int:
    """The fewest calibration rows that resolve a rate: 1/(m + 1) ≤ ``alarm_rate``.

    >>> rows_for(0.01), rows_for(0.1), rows_for(0.3)
    (99, 9, 3)
    """
    rows = max(1, math.ceil(1 / alarm_rate) - 2)
    while alarm_rank(rows, alarm_rate) == 0:
        rows += 1
    return rows


def false_alarm_interval(calibration_rows: int, alarm_rate: float, level: float = 0.95) -> tuple[float, float]:
    """Between which shares of normal rows give alarm, for this share of calibration sets: quantiles of the Beta law.

    Parameters
    ----------
    calibration_rows : int
    alarm_rate : float
        What was asked for.
    level : float, default 0.95

    Returns
    -------
    low, high : float
        Both 0 where no score can give alarm.

    Examples
    --------
    >>> ["{:.4f}".format(share) for share in false_alarm_interval(1000, 0.01)]
    ['0.0048', '0.0170']
    """
    from scipy.stats import beta

    rank = alarm_rank(calibration_rows, alarm_rate)
    if rank == 0:
        return 0.0, 0.0
    low, high = beta.interval(level, rank, calibration_rows + 1 - rank)
    return float(low), float(high)


def false_alarm_counts(
    calibration_rows: int, alarm_rate: float, fresh_rows: int, level: float = 0.99
) -> tuple[int, int]:
    """Between how many of ``fresh_rows`` normal rows give alarm, both included: quantiles of the beta-binomial law.

    What lies outside of it in more than 1 - ``level`` of the cases is not calibrated: the rows are no longer like those
    of the calibration.

    Examples
    --------
    >>> false_alarm_counts(1000, 0.01, 1000)
    (1, 24)
    """
    from scipy.stats import betabinom

    rank = alarm_rank(calibration_rows, alarm_rate)
    if rank == 0:
        return 0, 0
    law = betabinom(fresh_rows, rank, calibration_rows + 1 - rank)
    return int(law.ppf((1 - level) / 2)), int(law.ppf((1 + level) / 2))
