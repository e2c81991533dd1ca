"""An alarm for streams: the scores no longer come from the law of the calibration rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from isthmus.core.constraints import Interval, check_params
from isthmus.core.errors import InputError

JUMP = 0.01
SLOPES = (-1.0, 0.0, 1.0)
"""Bets on small p-values (odder rows), on no change, on large ones (rows more usual than usual)."""

BINS = 1024
CHUNK = 64
CEILING = 1e300


class DriftAlarm:
    """Watches the anomaly scores of a stream, row by row, for any lasting change of their distribution.

    While the rows of the stream are exchangeable with the calibration rows, an alarm comes on average after
    ``rows_between_false_alarms`` rows or later, and within n rows with probability n / ``rows_between_false_alarms``
    at most, whatever the law of the scores. How long the stream went well before does not delay an alarm much. A
    single odd row gives none: that is what the detector's own threshold is for.

    Each row gets its rank among the calibration rows and all rows before it, as a conformal p-value; these are
    independent and uniform without drift (Vovk, Nouretdinov & Gammerman 2003, Testing exchangeability on-line). The
    Simple Jumper martingale bets against that, and its Shiryaev–Roberts statistic R gives alarm when it reaches
    ``rows_between_false_alarms``; R − n is a martingale. Vovk, Petej, Nouretdinov, Ahlberg, Carlsson & Gammerman
    (2021), Retrain or not retrain: conformal test martingales for change-point detection, arXiv:2102.10439.

    Memory does not grow: scores are counted in at most 1,024 bins, whose edges are half of the calibration scores; the
    other half is the beginning of the stream. Ranks within a bin are drawn from a generator of the alarm's own.

    Parameters
    ----------
    calibration : array of float, shape (m,)
        Anomaly scores of normal rows that the detector was not fitted to, in any order: ``calibration_scores_``.
    rows_between_false_alarms : float, default 1,000,000
        More of them make alarms rarer and later: the delay grows with its logarithm.
    seed : int, default 0
        The same scores give the same alarm.

    Raises
    ------
    ParameterError
        A parameter is out of its range.
    InputError
        Fewer than two calibration scores, or one that is not finite.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> alarm = DriftAlarm(random.normal(size=1000))
    >>> alarm.update(random.normal(size=2000))
    False
    >>> alarm.update(random.normal(loc=1.0, size=200)), alarm.alarm_row, alarm.direction
    (True, 2045, 'odder')
    """

    def __init__(self, calibration: Any, rows_between_false_alarms: float = 1_000_000, seed: int = 0) -> None:
        check_params(
            type(self).__name__,
            {"rows_between_false_alarms": rows_between_false_alarms, "seed": seed},
            {"rows_between_false_alarms": (Interval(1, None),), "seed": (Interval(0, None, integer=True),)},
        )
        scores = _checked(calibration)
        if len(scores) < 2:
            raise InputError(f"DriftAlarm: expected at least 2 calibration scores, got {len(scores)}.")
        self.rows_between_false_alarms = float(rows_between_false_alarms)
        self._random = np.random.default_rng(seed)
        # In random order the first half and the rest are exchangeable, in whatever order they came.
        mixed = self._random.permutation(np.sort(scores))
        edges = np.sort(mixed[: len(mixed) // 2])
        self._edges = np.unique(edges[np.linspace(0, len(edges) - 1, min(len(edges), BINS - 1)).round().astype(int)])
        self._counts = np.bincount(self._bins(mixed[len(mixed) // 2 :]), minlength=len(self._edges) + 1)
        self.rows = 0
        self.restart()

    def restart(self) -> None:
        """Take back an alarm and begin to watch anew; the rows seen so far remain what others are compared with."""
        self.statistic = 0.0
        self.alarm_row: int | None = None
        self.direction: str | None = None
        self._shares = [1 / len(SLOPES)] * len(SLOPES)

    @property
    def alarm(self) -> bool:
        """Whether there has been an alarm since the beginning, or since :meth:`restart`."""
        return self.alarm_row is not None

    def update(self, scores: Any) -> bool:
        """Watch the next rows of the stream.

        Parameters
        ----------
        scores : array of float, shape (n,)
            Anomaly scores in the order of the stream.

        Returns
        -------
        bool
            ``alarm``; then ``alarm_row`` is the number (from 0) of the row in the stream that gave it, and
            ``direction`` says whether scores have become "odder" or "more usual".
        """
        scores = _checked(scores)
        for start in range(0, len(scores), CHUNK):
            for p in self._p_values(scores[start : start + CHUNK]).tolist():
                self._bet(p)
        return self.alarm

    def _bins(self, scores: np.ndarray) -> np.ndarray:
        return np.searchsorted(self._edges, scores, side="left")

    def _p_values(self, scores: np.ndarray) -> np.ndarray:
        """Ranks among everything before, in (0, 1]: (#{higher} + θ · #{alike, itself included}) / #{so far}."""
        bins = self._bins(scores)
        order = np.arange(len(bins))
        before = order[None, :] < order[:, None]
        above = self._counts.sum() - np.cumsum(self._counts)
        higher = above[bins] + ((bins[None, :] > bins[:, None]) & before).sum(1)
        alike = self._counts[bins] + ((bins[None, :] == bins[:, None]) & before).sum(1) + 1
        so_far = self._counts.sum() + order + 1
        np.add.at(self._counts, bins, 1)
        return np.asarray((higher + (1 - self._random.random(len(bins))) * alike) / so_far)

    def _bet(self, p: float) -> None:
        """One step of the Simple Jumper, and of the Shiryaev–Roberts statistic of its growth."""
        capital = [
            ((1 - JUMP) * share + JUMP / len(SLOPES)) * (1 + slope * (p - 0.5))
            for share, slope in zip(self._shares, SLOPES, strict=True)
        ]
        growth = sum(capital)
        self._shares = [one / growth for one in capital]
        self.statistic = min((self.statistic + 1) * growth, CEILING)
        if self.alarm_row is None and self.statistic >= self.rows_between_false_alarms:
            self.alarm_row = self.rows
            self.direction = "odder" if self._shares[0] > self._shares[-1] else "more usual"
        self.rows += 1


def _checked(scores: Any) -> np.ndarray:
    """Finite float64, one axis."""
    found = np.asarray(scores, dtype=np.float64)
    if found.ndim != 1:
        raise InputError(f"DriftAlarm: expected scores of shape (n,), one for each row; got shape {found.shape}.")
    if not np.isfinite(found).all():
        place = int(np.flatnonzero(~np.isfinite(found))[0])
        raise InputError(f"DriftAlarm: score {place} is {found[place]}; expected finite numbers.")
    return found
