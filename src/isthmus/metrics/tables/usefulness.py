"""Whether what is learnt from generated rows holds for real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
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
    return usefulness_of(compared_columns(train=train, synthetic=synthetic, test=test), target, random_state)


def usefulness_of(compared: Sequence[ComparedColumn], target: str, random_state: int = 0) -> Usefulness:
    """:func:`usefulness` of columns that were read before: of three tables, train, synthetic and test."""
    columns = {column.name: column for column in compared}
    if target not in columns:
        raise InputError(f"`target` must be one of the columns {list(columns)[:10]}; got {target!r}.")
    wanted = columns.pop(target)
    if not columns:
        raise InputError(f"There is no column besides the target {target!r} to predict it from.")
    design = Design.of(list(columns.values()))
    known = [~wanted.missing(table) for table in range(3)]
    rows = [matrix[keep] for matrix, keep in zip(design.matrices, known, strict=True)]
    answers = [values[keep] for values, keep in zip(wanted.values, known, strict=True)]
    scores = []
    for source, name in enumerate(("train", "synthetic")):
        if wanted.is_number:
            regressor = design.regressor(random_state).fit(rows[source], answers[source])
            scores.append({"r2": float(r2_score(answers[2], regressor.predict(rows[2])))})
        elif len(np.unique(answers[source])) < 2:
            raise InputError(f"`{name}` must have at least two levels of {target!r} to learn from; it has one.")
        else:
            classifier = design.classifier(random_state).fit(rows[source], answers[source])
            scores.append(_classified(classifier, rows[2], answers[2]))
    return Usefulness(*scores)


def _classified(
    classifier: HistGradientBoostingClassifier, rows: NDArray[Any], answers: NDArray[Any]
) -> dict[str, float]:
    """What a fitted classifier scores on test rows."""
    predicted, found = classifier.predict(rows), np.unique(answers)
    accuracy = float(accuracy_score(answers, predicted))
    if len(found) != 2 or len(classifier.classes_) != 2:
        return {"accuracy": accuracy, "f1": float(f1_score(answers, predicted, average="macro", zero_division=0))}
    rarer = min(found, key=lambda level: (answers == level).sum())
    probability = classifier.predict_proba(rows)[:, list(classifier.classes_).index(rarer)]
    return {
        "accuracy": accuracy,
        "f1": float(f1_score(answers == rarer, predicted == rarer, zero_division=0)),
        "auc": float(roc_auc_score(answers == rarer, probability)),
    }
