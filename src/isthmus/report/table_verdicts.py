"""What the numbers about drawn rows mean, in words: each beside what real rows would get, and from where to worry.

The words are a help for reading, not a test: "good" is as near to what real rows get as can be hoped for, "fair" is
visible but serves many purposes, "worrying" should be looked at before the rows are used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .plots import shortened
from .table_shares import MOST_LEVELS
from .templating import printable

if TYPE_CHECKING:
    from .table_evaluation import TableEvaluation

GOOD, FAIR, WORRYING, UNKNOWN = WORDS = ("good", "fair", "worrying", "not measured")

LIKENESS_GAPS = (0.03, 0.10)
DETECTION = (0.65, 0.85)
SHARED_BELOW = 0.35
USEFUL_SHARES = (0.95, 0.85)
LEAST_R2, LEAST_AUC = 0.05, 0.55
# A score of real rows from which on the other columns give the target away.
GIVEN_AWAY = 0.999
MISSING_RATES = (0.02, 0.05)
MISSING_TOGETHER = (0.1, 0.3)
NEARER = (0.02, 0.1)
COPIES = (0.005, 0.02)
MEMBERSHIP = (0.02, 0.05)


@dataclass(frozen=True)
class Verdict:
    """One measure.

    Attributes
    ----------
    measure : str
        Its name: "columns", "pairs", "missing rates", "missing together", "told apart", "useful", "nearer",
        "copies", "membership"; "privacy" where none of the last three was measured.
    value : float
        NaN if it was not measured.
    drawn, real : str
        What drawn rows get, and what real rows would: the best to hope for.
    word : str
        "good", "fair", "worrying" or "not measured".
    meaning : str
        What the number says of these rows.
    worry : str
        From where the word is "worrying".
    """

    measure: str
    value: float
    drawn: str
    real: str
    word: str
    meaning: str
    worry: str


def verdicts(found: TableEvaluation) -> tuple[Verdict, ...]:
    """All measures in the order of a report: fidelity, detection, usefulness, privacy."""
    return (
        _likeness(
            "columns",
            found.fidelity.shape,
            found.reference.shape,
            [(shortened(name), s) for name, s in found.worst_columns()[:2]],
        ),
        _likeness(
            "pairs",
            found.fidelity.trend,
            found.reference.trend,
            [(_pair(*pair), s) for pair, s in found.worst_pairs()[:2]],
        ),
        *_missing(found),
        _detection(found),
        _useful(found),
        *_privacy(found),
    )


def verdict_lines(found: TableEvaluation) -> list[str]:
    """The verdicts as an aligned table, in lines of text."""
    headings = ("Measure", "Drawn", "Real", "Verdict", "What it says")
    rows = [(one.measure, one.drawn, one.real, one.word, printable(one.meaning)) for one in found.verdicts]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    table = [headings, tuple("─" * width for width in widths), *rows]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    return [f"{rows_in_words(found)}", "", *lines, *(["", *map(printable, found.notes)] if found.notes else [])]


def rows_in_words(found: TableEvaluation) -> str:
    """Which rows were compared."""
    training = f", {found.n_training:,} training rows" if found.n_training else ""
    return f"{found.n_drawn:,} drawn rows beside {found.n_real:,} real ones{training}"


def _graded(value: float, good: float, fair: float, *, less_is_better: bool = True) -> str:
    if math.isnan(value):
        return UNKNOWN
    sign = 1 if less_is_better else -1
    return GOOD if sign * value <= sign * good else FAIR if sign * value <= sign * fair else WORRYING


def _likeness(measure: str, value: float, reference: float, worst: list[tuple[str, float]]) -> Verdict:
    best = 1.0 if math.isnan(reference) else reference
    farthest = ", ".join(f"{name} {score:.2f}" for name, score in worst if not math.isnan(score))
    what = {
        "columns": "mean likeness of the columns",
        "pairs": "of how two columns go together",
    }[measure]
    return Verdict(
        measure,
        value,
        _number(value),
        _number(best),
        _graded(best - value, *LIKENESS_GAPS),
        f"{what}{f'; least: {farthest}' if farthest else ''}",
        f"below {best - LIKENESS_GAPS[1]:.2f}",
    )


def _missing(found: TableEvaluation) -> list[Verdict]:
    if not found.missing.rates:
        return []
    name, gap = found.missing.worst_rate
    real, drawn = found.missing.rates[name]
    rows = [
        Verdict(
            "missing rates",
            gap,
            f"{gap * 100:.1f} pt",
            "0",
            _graded(gap, *MISSING_RATES),
            f"off at most, {shortened(name)}: {drawn:.1%} of drawn rows, {real:.1%} of real ones",
            f"above {MISSING_RATES[1] * 100:.0f} points",
        )
    ]
    (first, second), gap = found.missing.worst_pair
    if not math.isnan(gap):
        real, drawn = found.missing.together[first, second]
        rows.append(
            Verdict(
                "missing together",
                gap,
                _number(gap),
                "0",
                _graded(gap, *MISSING_TOGETHER),
                f"off at most, {_pair(first, second)}: correlation {_signed(drawn)}, real {_signed(real)}",
                f"above {MISSING_TOGETHER[1]}",
            )
        )
    return rows


def _detection(found: TableEvaluation) -> Verdict:
    return Verdict(
        "told apart",
        found.detection,
        _number(found.detection),
        "0.5",
        WORRYING if found.detection < SHARED_BELOW else _graded(found.detection, *DETECTION),
        "AUC of trees that tell drawn rows from real ones; 1: always",
        f"above {DETECTION[1]}, or below {SHARED_BELOW}",
    )


def main_score(found: TableEvaluation) -> str | None:
    """The score that says how useful drawn rows are: "f1" of levels, "r2" of numbers."""
    if found.usefulness is None:
        return None
    return "r2" if "r2" in found.usefulness.real else "f1"


def _useful(found: TableEvaluation) -> Verdict:
    score, worry = main_score(found), f"below {USEFUL_SHARES[1]:.0%}"
    if found.usefulness is None or score is None:
        return _not_measured("useful", "name a target column to see what can be learnt from drawn rows", worry)
    real, drawn = found.usefulness.real[score], found.usefulness.synthetic[score]
    name = {"r2": "R²", "f1": "F1"}[score]
    target = shortened(str(found.target))
    if not _predictable(found):
        return _not_measured("useful", f"real rows themselves do not tell {target}: {name} {real:.2f}", worry)
    share = found.usefulness.share(score)
    meaning = f"of what real rows teach about {target}: {name} {drawn:.3f} instead of {real:.3f}"
    if real >= GIVEN_AWAY:
        meaning += "; other columns give it away, so that little is asked: name another target, or leave them out"
    return Verdict(
        "useful",
        share,
        f"{share:.1%}",
        "100%",
        _graded(share, *USEFUL_SHARES, less_is_better=False),
        meaning,
        worry,
    )


def _predictable(found: TableEvaluation) -> bool:
    """Real rows teach more about the target than how often each of its levels occurs."""
    scores = {} if found.usefulness is None else found.usefulness.real
    if "r2" in scores:
        return scores["r2"] >= LEAST_R2
    if "auc" in scores:
        return scores["auc"] >= LEAST_AUC and scores["f1"] > 0
    shares = next(one for one in found.columns if one.name == found.target)
    return scores["accuracy"] > float(shares.real[: MOST_LEVELS - 1].max()) and scores["f1"] > 0


def _privacy(found: TableEvaluation) -> list[Verdict]:
    if found.privacy is None:
        hint = (
            "the real rows are those that the model was fitted to"
            if found.overlap is not None
            else "give the rows that the model was fitted to, beside real ones that it was not"
        )
        return [_not_measured("privacy", hint, "")]
    privacy = found.privacy
    more = privacy.copies - privacy.copies_of_held_out
    # Twice the standard errors where there is no difference; that of an AUC of n and n rows is about √(1 / 6n).
    chance, chance_nearer = 2 * math.sqrt(1 / (6 * privacy.rows)), 2 * privacy.nearer_error
    return [
        Verdict(
            "nearer",
            privacy.nearer_to_training,
            f"{privacy.nearer_to_training:.1%}",
            "50%",
            _graded(privacy.nearer_to_training - 0.5, *(max(limit, chance_nearer) for limit in NEARER)),
            f"nearer to a training row than to an unseen one; ratio of median distances {privacy.distance_ratio:.2f}",
            f"above {0.5 + max(NEARER[1], chance_nearer):.0%}",
        ),
        Verdict(
            "copies",
            privacy.copies,
            f"{privacy.copies:.1%}",
            f"{privacy.copies_of_held_out:.1%}",
            _graded(more, *COPIES),
            "are a training row in every cell (right: an unseen row, by chance)",
            f"{COPIES[1]:.0%} more than by chance",
        ),
        Verdict(
            "membership",
            privacy.membership_auc,
            _number(privacy.membership_auc),
            "0.5",
            _graded(privacy.membership_auc - 0.5, *(max(limit, chance) for limit in MEMBERSHIP)),
            "AUC of guessing from drawn rows whether a real row was trained on",
            f"above {0.5 + max(MEMBERSHIP[1], chance):.2f}",
        ),
    ]


def _not_measured(measure: str, hint: str, worry: str) -> Verdict:
    return Verdict(measure, float("nan"), "–", "–", UNKNOWN, hint, worry)


def _pair(first: str, second: str) -> str:
    return f"{shortened(first)} × {shortened(second)}"


def _signed(value: float) -> str:
    """Two places; what is nearly 0 has no sign."""
    return f"{round(value, 2) + 0.0:.2f}"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
