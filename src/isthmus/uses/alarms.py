"""From anomaly scores to alarms that mean something: conformal p-values, thresholds, and a choice among many rows.

Scores are odd where they are high. ``calibration`` holds the scores of normal rows that served neither fitting nor
early stopping, in ascending order.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from isthmus.core.errors import DataWarning, InputError

from .alarm_rates import alarm_rank, false_alarm_interval, rows_for


def p_values(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
    """How probable a score as high is for a normal row: (1 + #{calibration ≥ score}) / (m + 1).

    For a row that is exchangeable with the m calibration rows, P(p ≤ α) ≤ α for every α and every m, ties or not: a tie
    counts as if the calibration row were the odder one, which can only make p larger. Vovk, Gammerman & Shafer (2005),
    Algorithmic Learning in a Random World, section 4.2 (split conformal prediction); Bates, Candès, Lei, Romano & Sesia
    (2023), arXiv:2104.08279.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    calibration : ndarray of float64, shape (m,), ascending

    Returns
    -------
    ndarray of float64, shape (n,)
        Between 1/(m + 1) and 1.

    Examples
    --------
    >>> p_values(np.array([0.5, 2.0, 9.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.75, 0.25]
    """
    at_least = len(calibration) - np.searchsorted(calibration, scores, side="left")
    return (1 + at_least) / (len(calibration) + 1)


def threshold(calibration: np.ndarray, alarm_rate: float) -> float:
    """The score above which rows give alarm, such that a normal row does so with probability at most ``alarm_rate``.

    It is the k-th largest of the m calibration scores, k the largest integer with k/(m + 1) ≤ ``alarm_rate``: a score
    lies above it just if its p-value is at most ``alarm_rate``. Without ties the probability is k/(m + 1), on average
    over calibration sets; :func:`~isthmus.uses.alarm_rates.false_alarm_interval` says how far one set is off.

    Raises
    ------
    InputError
        So few calibration rows that no score could give alarm (k = 0).

    Warns
    -----
    DataWarning
        If k = 1: the threshold is the largest calibration score, a single row.

    Examples
    --------
    >>> threshold(np.arange(1.0, 100.0), 0.05)
    95.0
    """
    rows = len(calibration)
    rank = alarm_rank(rows, alarm_rate)
    if rank == 0:
        raise InputError(
            f"alarm_rate={alarm_rate:g} cannot be told from {rows:,} calibration row{'s' * (rows != 1)}: these resolve "
            f"rates from 1/{rows + 1:,} = {1 / (rows + 1):.3g} on. Calibrate with at least {rows_for(alarm_rate):,} "
            "rows (fit more rows, or raise `calibration_fraction`), or ask for a larger rate."
        )
    if rank == 1:
        low, high = false_alarm_interval(rows, alarm_rate)
        warnings.warn(
            f"The threshold for alarm_rate={alarm_rate:g} is the largest of {rows:,} calibration scores, a single row: "
            f"of normal rows between {low:.2g} and {high:.2g} may give alarm (95 % of calibration sets). Calibrate "
            f"with more rows, such as {rows_for(alarm_rate / 10):,}.",
            DataWarning,
            stacklevel=2,
        )
    return float(calibration[rows - rank])


def share_threshold(scores: np.ndarray, contamination: float) -> float:
    """The score above which exactly round(contamination · n) of these n rows lie; with ties at that place, fewer.

    A half is rounded up. The threshold is the highest score that gives no alarm.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Of the training rows, in any order.
    contamination : float
        In (0, 0.5].

    Warns
    -----
    DataWarning
        If that is not a single row.

    Examples
    --------
    >>> scores = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.0])
    >>> (scores > share_threshold(scores, 1 / 3)).tolist()
    [False, False, True, False, True, False]
    """
    rows = len(scores)
    # 0.29 · 50 is a little below 14.5 in binary; the share was meant in decimal.
    flagged = math.floor(round(contamination * rows, 9) + 0.5)
    if flagged == 0:
        warnings.warn(
            f"contamination={contamination:g} of {rows:,} rows is less than one row: none is flagged. Raise it to "
            f"{1 / rows:.2g} or more.",
            DataWarning,
            stacklevel=2,
        )
    return float(np.partition(scores, rows - 1 - flagged)[rows - 1 - flagged])


def select(p: np.ndarray, rate: float) -> np.ndarray:
    """Which of many rows to call anomalies, such that on average at most the share ``rate`` of the chosen is normal.

    Benjamini & Hochberg (1995): the k rows with the smallest p-values, for the largest k with p₍ₖ₎ ≤ k · rate / n. That
    holds for conformal p-values although they share their calibration rows: they are positively dependent (PRDS), so
    that the false discovery rate is at most rate times the share of normal rows. Bates et al. (2023), arXiv:2104.08279.

    With m calibration rows p is never below 1/(m + 1), so that a single anomaly among n rows can only be chosen where
    n ≤ rate · (m + 1).

    Parameters
    ----------
    p : ndarray of float64, shape (n,)
        As :func:`p_values` gives them.
    rate : float
        The false discovery rate, in (0, 1).

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> select(np.array([0.01, 0.9, 0.02, 0.5]), 0.1).tolist()
    [True, False, True, False]
    """
    if not len(p):
        return np.zeros(0, dtype=bool)
    ordered = np.sort(p)
    below = np.flatnonzero(ordered <= np.arange(1, len(p) + 1) * rate / len(p))
    if not len(below):
        return np.zeros(len(p), dtype=bool)
    return np.asarray(p <= ordered[below[-1]])


def extended(calibration: np.ndarray, scores: np.ndarray, most_rows: int = 1_000_000, seed: int = 0) -> np.ndarray:
    """The calibration scores with those of new normal rows among them, ascending.

    More than ``most_rows`` are thinned out at random (always in the same way), which leaves them exchangeable.

    Examples
    --------
    >>> extended(np.array([1.0, 4.0]), np.array([3.0, 2.0])).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    every = np.sort(np.concatenate([calibration, scores]))
    if len(every) <= most_rows:
        return every
    kept = np.random.default_rng([seed, len(every)]).choice(len(every), most_rows, replace=False)
    return every[np.sort(kept)]
