"""Whether what is learnt from generated rows holds for real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, r2_score, roc_auc_score

from ...core.errors import InputError
from .columns import ComparedColumn, compared_columns
from .design import Design


@dataclass(frozen=True)
class Usefulness:
    """Scores on real test rows of boosted trees that were trained on real rows, and on generated ones.

    Attributes
    ----------
    real, synthetic : dict of str to float
        For a target of levels "accuracy", "f1" (of the rarer level of two; the mean over levels of more) and, of two,
        "auc"; for numbers "r2".
    """

    real: dict[str, float]
    synthetic: dict[str, float]

    def share(self, score: str) -> float:
        """What is left of a score by training on generated rows: synthetic / real."""
        return self.synthetic[score] / self.real[score]


def usefulness(train: Any, synthetic: Any, test: Any, target: str, random_state: int = 0) -> Usefulness:
    """Train on generated rows, test on real ones; and train on real ones, beside.

    Esteban, Hyland & Rätsch (2017), Real-valued (medical) time series generation, arXiv:1706.02633.

    Parameters
    ----------
    train, synthetic, test : frame or mapping
        Real rows that the generator has seen, its rows, and real rows that it has not.
    target : str
        The column to predict from the others: text, categories and booleans are classified, numbers are regressed.
        Rows without it are left out.
    random_state : int
        For the trees.

    Raises
    ------
    InputError
        Columns differ, there is no such column, or one of the training tables has a single level of it.
    """
    columns = {column.name: column for column in compared_columns(train=train, synthetic=synthetic, test=test)}
    if target not in columns:
        raise InputError(f"`target` must be one of the columns {list(columns)[:10]}; got {target!r}.")
    wanted = columns.pop(target)
    if not columns:
        raise InputError(f"There is no column besides the target {target!r} to predict it from.")
    design = Design.of(list(columns.values()))
    known = [~wanted.missing(table) for table in range(3)]
    rows = [matrix[keep] for matrix, keep in zip(design.matrices, known, strict=True)]
    answers = [values[keep] for values, keep in zip(wanted.values, known, strict=True)]
    scored = _regressed if wanted.is_number else _classified
    return Usefulness(
        *(
            scored(design, wanted, rows[source], answers[source], rows[2], answers[2], name, random_state)
            for source, name in enumerate(("train", "synthetic"))
        )
    )


def _regressed(
    design: Design,
    wanted: ComparedColumn,
    rows: NDArray[Any],
    answers: NDArray[Any],
    test_rows: NDArray[Any],
    test_answers: NDArray[Any],
    name: str,
    seed: int,
) -> dict[str, float]:
    predicted = design.regressor(seed).fit(rows, answers).predict(test_rows)
    return {"r2": float(r2_score(test_answers, predicted))}


def _classified(
    design: Design,
    wanted: ComparedColumn,
    rows: NDArray[Any],
    answers: NDArray[Any],
    test_rows: NDArray[Any],
    test_answers: NDArray[Any],
    name: str,
    seed: int,
) -> dict[str, float]:
    if len(np.unique(answers)) < 2:
        raise InputError(f"`{name}` must have at least two levels of {wanted.name!r} to learn from; it has one.")
    classifier = design.classifier(seed).fit(rows, answers)
    predicted = classifier.predict(test_rows)
    found = np.unique(test_answers)
    if len(found) != 2 or len(classifier.classes_) != 2:
        return {
            "accuracy": float(accuracy_score(test_answers, predicted)),
            "f1": float(f1_score(test_answers, predicted, average="macro", zero_division=0)),
        }
    rarer = min(found, key=lambda level: (test_answers == level).sum())
    probability = classifier.predict_proba(test_rows)[:, list(classifier.classes_).index(rarer)]
    return {
        "accuracy": float(accuracy_score(test_answers, predicted)),
        "f1": float(f1_score(test_answers == rarer, predicted == rarer, zero_division=0)),
        "auc": float(roc_auc_score(test_answers == rarer, probability)),
    }
