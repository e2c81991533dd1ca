"""A pass over the rows of a file: scores of all, and the oddest with their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from isthmus.core.errors import ParameterError
from isthmus.core.named_columns import NamedColumns
from isthmus.sources.pieces import ROWS, row_pieces
from isthmus.uses.alarm_rates import false_alarm_interval
from isthmus.uses.alarms import p_values
from isthmus.uses.anomaly_explanation import JOINT
from isthmus.uses.drift import DriftAlarm

from .anomaly_rule import AlarmRule
from .images import form_of, is_images
from .model_rows import text_columns
from .pictures import shown_pixels
from .progress import progress_bar
from .rows import Input, about, read_input, some_rows
from .session import Session
from .tables import aligned

if TYPE_CHECKING:
    from isthmus.estimators.anomaly_detector import AnomalyDetector


def pieces_of(
    file: Path, detector: AnomalyDetector, key: str | None, skip_bad: bool, found: Input | None
) -> tuple[tuple[str, ...] | None, Iterator[Any]]:
    """The names of image files, and the rows of a file in pieces; ``found`` if they are in memory already."""
    session = click.get_current_context().ensure_object(Session)
    schema = detector.schema_
    if found is None and key is None and not skip_bad and not is_images(file):
        return None, row_pieces(file, text=text_columns(schema), header=False if session.no_header else None)
    if found is None:
        found = read_input(file, key, form_of(schema), skip_bad, text_columns(schema))
    rows = found.rows
    return found.names, (some_rows(rows, slice(start, start + ROWS)) for start in range(0, len(rows), ROWS))


@dataclass(frozen=True)
class OddRow:
    """A row among the oddest: its number in the file, its score, and its reasons in words or as a picture."""

    number: int
    score: float
    reasons: str = ""
    picture: np.ndarray | None = None


@dataclass
class Found:
    """What a pass over a file has found.

    Attributes
    ----------
    scores : ndarray, shape (n,)
    p : ndarray or None
        P-values, of a detector that was calibrated.
    alarms : ndarray of bool
    oddest : list of OddRow
        Highest score first; of equal scores the earlier row.
    detector : AnomalyDetector
    rule : AlarmRule
    drift : DriftAlarm or None
    """

    scores: np.ndarray
    p: np.ndarray | None
    alarms: np.ndarray
    oddest: list[OddRow]
    detector: AnomalyDetector
    rule: AlarmRule
    drift: DriftAlarm | None = field(default=None)

    def table(self, names: Sequence[str] | None) -> str:
        """The oddest rows as text."""
        headings = ["rank", "row" if names is None else "file", "score", "p-value", "alarm", "reasons: seen → expected"]
        lines = [
            [
                str(rank),
                str(row.number) if names is None else names[row.number],
                f"{row.score:.4g}",
                "" if self.p is None else f"{self.p[row.number]:.3g}",
                "yes" if self.alarms[row.number] else "",
                row.reasons,
            ]
            for rank, row in enumerate(self.oddest, start=1)
        ]
        without = [3] * (self.p is None) + [5] * (not any(row.reasons for row in self.oddest))
        kept = [place for place in range(6) if place not in without]
        right = [place for place, column in enumerate(kept) if column in (0, 2, 3) or (column == 1 and names is None)]
        return aligned([headings[place] for place in kept], [[line[place] for place in kept] for line in lines], right)

    def pictures(self, path: Path) -> None:
        """Write the oddest images, the oddest first, each above a copy that is red where it is odd."""
        from isthmus.sources.images.layout import PAIR_GAP
        from isthmus.sources.images.writing import write_sheet

        write_sheet(np.stack([row.picture for row in self.oddest if row.picture is not None]), path, row_gap=PAIR_GAP)

    def columns(self) -> NamedColumns:
        """Score, p-value and alarm of each row."""
        columns = {"score": self.scores, **({} if self.p is None else {"p_value": self.p}), "alarm": self.alarms}
        values = np.column_stack(list(columns.values())).astype(np.float64)
        return NamedColumns(tuple(columns), values, tuple(name == "alarm" for name in columns))

    def summary(self, file: Path) -> str:
        """How many alarms there are, and what the rule promises."""
        count, rows = int(self.alarms.sum()), len(self.scores)
        return (
            f"{file}: {rows:,} rows, {count:,} alarm{'' if count == 1 else 's'} ({count / rows:.2%}); {self._rule()}."
        )

    def _rule(self) -> str:
        fitted = self.detector.get_params(deep=False)
        if self.rule.false_discovery_rate is not None:
            return f"on average at most {self.rule.false_discovery_rate:.3g} of those that give alarm are normal"
        rate = fitted["alarm_rate"] if self.rule.alarm_rate is None else self.rule.alarm_rate
        if rate is not None:
            rows = len(self.detector.calibration_scores_)
            low, high = false_alarm_interval(rows, rate)
            return (
                f"of normal rows at most {rate:.3g} give alarm on average ({low:.2g} to {high:.2g} with {rows:,} "
                "calibration rows)"
            )
        share = fitted["contamination"]
        if isinstance(share, float):
            return f"alarm at the score that {share:.3g} of the rows learnt from exceed"
        return "alarm at the detector's own threshold: --contamination or --normal with --alarm-rate set another"

    def drift_words(self) -> str:
        """Whether the law of the scores has changed on the way."""
        alarm = self.drift
        if alarm is None or alarm.alarm_row is None:
            return f"no drift of the scores in {len(self.scores):,} rows."
        return (
            f"drift: by row {alarm.alarm_row:,} the scores have become {alarm.direction} than those of the calibration "
            f"rows (by chance once in {alarm.rows_between_false_alarms:,.0f} rows)."
        )


def found_anomalies(
    detector: AnomalyDetector,
    pieces: Iterator[Any],
    rule: AlarmRule,
    top: int,
    reasons: int,
    file: Path,
    watch: bool,
    draw: bool = False,
) -> Found:
    """Score all rows, piece by piece, and explain the oddest; ``draw``, where they are images, in pictures."""
    calibration = detector.calibration_scores_
    if not len(calibration) and (watch or rule.alarm_rate is not None or rule.false_discovery_rate is not None):
        raise ParameterError(
            "The detector was fitted without an alarm rate, so that it kept no rows to calibrate with. Fit one on "
            "more normal rows: --normal FILE --alarm-rate 0.01."
        )
    drift = DriftAlarm(calibration) if watch else None
    explains = reasons > 0 and len(detector.schema_.row_shape) == 1
    every: list[np.ndarray] = []
    oddest: list[OddRow] = []
    start = 0
    with progress_bar(None, "scoring", "row") as bar, about(file):
        for rows in pieces:
            scores = detector.anomaly_score(rows)
            if drift is not None:
                drift.update(scores)
            entering = _entering(scores, oddest, top)
            words = _reasons(detector, rows, entering, reasons) if explains else [""] * len(entering)
            drawn = _drawn(detector, rows, entering) if draw else [None] * len(entering)
            oddest += [
                OddRow(start + place, float(scores[place]), word, picture)
                for place, word, picture in zip(entering.tolist(), words, drawn, strict=True)
            ]
            oddest = sorted(oddest, key=lambda row: (-row.score, row.number))[:top]
            every.append(scores)
            start += len(scores)
            bar.update(len(scores))
    scores = np.concatenate(every)
    p = p_values(scores, calibration) if len(calibration) else None
    return Found(scores, p, rule.alarms(detector, scores, p), oddest, detector, rule, drift)


def _entering(scores: np.ndarray, oddest: Sequence[OddRow], top: int) -> np.ndarray:
    """The places in a piece of the rows that are among the oddest so far."""
    order = np.argsort(-scores, kind="stable")[:top]
    if len(oddest) < top:
        return order
    return order[scores[order] > oddest[-1].score] if top else order


def _reasons(detector: AnomalyDetector, rows: Any, places: np.ndarray, count: int) -> list[str]:
    if not len(places):
        return []
    explanation = detector.explain(_chosen(rows, places))
    return ["; ".join(_words(reason) for reason in explanation.reasons(row, count)) for row in range(len(places))]


def _drawn(detector: AnomalyDetector, images: Any, places: np.ndarray) -> list[np.ndarray | None]:
    """Images above copies of themselves that are red where they are odd, uint8 in three colours."""
    from isthmus.sources.images.heat import as_coloured
    from isthmus.sources.images.layout import enlarged, enlargement, pairs

    if not len(places):
        return []
    chosen = _chosen(images, places)
    pixels = shown_pixels(chosen, detector.schema_)
    factor = enlargement(pixels)
    below = detector.explain(chosen).marked(pixels)
    return list(pairs(enlarged(as_coloured(pixels), factor), enlarged(below, factor)))


def _words(reason: Any) -> str:
    """A reason as "age: 17 → 38.2 (45 %)"."""
    share = f"({reason.share:.0%})"
    if reason.column == JOINT:
        return f"{reason.column} {share}"
    return f"{reason.column}: {_value(reason.seen)} → {_value(reason.expected)} {share}"


def _value(value: Any) -> str:
    """A cell in few characters."""
    if value is None or value != value:
        return "missing"
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if 1e4 <= abs(float(value)) < 1e9 else f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _chosen(rows: Any, places: np.ndarray) -> Any:
    """Some rows of a piece, in the order of their places."""
    if isinstance(rows, NamedColumns):
        return NamedColumns(rows.names, rows.values[places], rows.whole)
    return rows.take(places) if hasattr(rows, "column_names") else rows[places]
