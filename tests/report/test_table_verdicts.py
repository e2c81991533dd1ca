"""The words for the numbers about drawn rows, at their limits."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from isthmus.metrics.tables.privacy import TablePrivacy
from isthmus.metrics.tables.usefulness import Usefulness
from isthmus.report.table_evaluation import TableEvaluation


def privacy(**changes: float) -> TablePrivacy:
    return TablePrivacy(
        **{  # type: ignore[arg-type]
            "distance_to_training": 1.0,
            "distance_to_held_out": 1.0,
            "copies": 0.0,
            "copies_of_held_out": 0.0,
            "membership_auc": 0.5,
            "nearer_to_training": 0.5,
            "nearer_error": 0.001,
            "rows": 10_000,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("measure", "changes", "word"),
    [
        ("told apart", {"detection": 0.65}, "good"),
        ("told apart", {"detection": 0.66}, "fair"),
        ("told apart", {"detection": 0.86}, "worrying"),
        ("told apart", {"detection": 0.34}, "worrying"),
        ("told apart", {"detection": float("nan")}, "not measured"),
        ("useful", {"usefulness": Usefulness({"r2": 0.5}, {"r2": 0.48})}, "good"),
        ("useful", {"usefulness": Usefulness({"r2": 0.5}, {"r2": 0.44})}, "fair"),
        ("useful", {"usefulness": Usefulness({"r2": 0.5}, {"r2": -2.0})}, "worrying"),
        ("useful", {"usefulness": Usefulness({"r2": 0.04}, {"r2": 0.04})}, "not measured"),
        ("useful", {"usefulness": Usefulness({"f1": 0.5, "auc": 0.54, "accuracy": 0.9}, {"f1": 0.5})}, "not measured"),
        ("useful", {"usefulness": Usefulness({"f1": 0.5, "accuracy": 0.1}, {"f1": 0.5})}, "not measured"),
        ("useful", {"usefulness": Usefulness({"f1": 0.5, "accuracy": 0.99}, {"f1": 0.5})}, "good"),
        ("nearer", {"privacy": privacy(nearer_to_training=0.519)}, "good"),
        ("nearer", {"privacy": privacy(nearer_to_training=0.53)}, "fair"),
        ("nearer", {"privacy": privacy(nearer_to_training=0.61)}, "worrying"),
        ("nearer", {"privacy": privacy(nearer_to_training=0.61, nearer_error=0.06)}, "good"),
        ("copies", {"privacy": privacy(copies=0.3, copies_of_held_out=0.296)}, "good"),
        ("copies", {"privacy": privacy(copies=0.3, copies_of_held_out=0.29)}, "fair"),
        ("copies", {"privacy": privacy(copies=0.03)}, "worrying"),
        ("membership", {"privacy": privacy(membership_auc=0.519)}, "good"),
        ("membership", {"privacy": privacy(membership_auc=0.54)}, "fair"),
        ("membership", {"privacy": privacy(membership_auc=0.56)}, "worrying"),
        # Of 100 and 100 rows chance alone gives 0.5 ± 2 · 0.041.
        ("membership", {"privacy": privacy(membership_auc=0.56, rows=100)}, "good"),
    ],
)
def test_words(found: TableEvaluation, measure: str, changes: dict[str, Any], word: str):
    changed = dataclasses.replace(found, **changes)
    assert {one.measure: one.word for one in changed.verdicts}[measure] == word


@pytest.mark.parametrize(("score", "word"), [(0.88, "good"), (0.85, "fair"), (0.79, "worrying")])
def test_likeness_is_judged_beside_real_rows(found: TableEvaluation, score: float, word: str):
    reference = dataclasses.replace(found.reference, columns={"a": 0.9})
    changed = dataclasses.replace(
        found, reference=reference, fidelity=dataclasses.replace(found.fidelity, columns={"a": score})
    )
    one = changed.verdicts[0]
    assert (one.measure, one.drawn, one.real, one.word) == ("columns", f"{score:.3f}", "0.900", word)
    assert one.meaning == f"mean likeness of the columns; least: a {score:.2f}"
    assert one.worry == "below 0.80"


def test_without_training_rows_privacy_is_not_measured(found: TableEvaluation):
    changed = dataclasses.replace(found, privacy=None, overlap=None)
    last = changed.verdicts[-1]
    assert (last.measure, last.word) == ("privacy", "not measured")
    assert last.meaning.startswith("give the rows that the model was fitted to")


@pytest.mark.parametrize(("real", "given_away"), [(0.9, False), (0.9992, True)])
def test_a_target_that_other_columns_repeat_is_said(found: TableEvaluation, real: float, given_away: bool):
    changed = dataclasses.replace(found, usefulness=Usefulness({"r2": real}, {"r2": 0.9}))
    (one,) = (one for one in changed.verdicts if one.measure == "useful")
    assert one.meaning.startswith(f"of what real rows teach about {found.target}: R² 0.900 instead of {real:.3f}")
    assert ("other columns give it away" in one.meaning) == given_away
