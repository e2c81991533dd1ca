"""When a row gives alarm, as options say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus.core.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np

# The first that the calibration rows can tell well.
DEFAULT_RATES = (0.01, 0.05, 0.1)


@dataclass(frozen=True)
class AlarmRule:
    """At most one of the three is given; None of them leaves it to the detector.

    Attributes
    ----------
    alarm_rate : float or None
        The share of normal rows that may give alarm.
    contamination : float or None
        The share of the rows that were learnt from that gives alarm.
    false_discovery_rate : float or None
        The share of normal rows among those that give alarm.
    """

    alarm_rate: float | None
    contamination: float | None
    false_discovery_rate: float | None

    def check(self, learns: bool, from_normal_rows: bool) -> None:
        """Raise :class:`ParameterError` for what is out of range, contradicts itself or cannot be known."""
        given = {
            "--alarm-rate": self.alarm_rate,
            "--contamination": self.contamination,
            "--false-discovery-rate": self.false_discovery_rate,
        }
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise ParameterError(f"{' and '.join(named)} contradict each other: give one of them.")
        for name, value in given.items():
            high = 0.5 if name == "--contamination" else 1.0
            if value is not None and not (0 < value < high or value == high == 0.5):
                raise ParameterError(
                    f"{name} must be a number in (0, {high:g}{']' if high < 1 else ')'}; got {value:g}."
                )
        if not learns and self.contamination is not None:
            raise ParameterError(
                "--contamination is a share of the rows that are learnt from; --model has learnt already. Use "
                "--alarm-rate."
            )
        if learns and not from_normal_rows and named and self.contamination is None:
            raise ParameterError(
                f"{named[0]} is a promise about normal rows, so it needs rows that are known to be normal: --normal "
                "FILE, or a --model that was calibrated on some. Where the file is all there is, say which share of "
                "it may be odd: --contamination 0.05."
            )

    def settings(self, rows: int, fraction: float, from_normal_rows: bool) -> dict[str, Any]:
        """The parameters of the detector to be fitted to so many rows, of which it keeps a fraction to calibrate."""
        if self.contamination is not None or not from_normal_rows:
            return {} if self.contamination is None else {"contamination": self.contamination}
        if self.alarm_rate is not None:
            return {"alarm_rate": self.alarm_rate}

        from isthmus.uses.alarm_rates import rows_for

        kept = int(rows * fraction) - 1
        # The threshold should not hang on a single row.
        enough = (rate for rate in DEFAULT_RATES if rows_for(rate / 2) <= kept)
        rate = next(enough, DEFAULT_RATES[-1] if rows_for(DEFAULT_RATES[-1]) <= kept else None)
        if rate is None and self.false_discovery_rate is not None:
            raise ParameterError(
                f"--false-discovery-rate needs more normal rows: {rows:,} leave {max(0, kept):,} to calibrate with, "
                f"and {rows_for(DEFAULT_RATES[-1])} are the least."
            )
        # Too few to spare some; that they are normal is known all the same.
        return {"contamination": 0.0} if rate is None else {"alarm_rate": rate}

    def alarms(self, detector: Any, scores: np.ndarray, p: np.ndarray | None) -> np.ndarray:
        """Which rows give alarm: (n,) bool."""
        from isthmus.uses.alarms import select, threshold

        if self.false_discovery_rate is not None and p is not None:
            return select(p, self.false_discovery_rate)
        if self.alarm_rate is not None and self.alarm_rate != detector.alarm_rate:
            return scores > threshold(detector.calibration_scores_, self.alarm_rate)
        return scores > -detector.offset_
