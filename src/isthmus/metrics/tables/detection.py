"""Whether a classifier can tell generated rows from real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from .columns import ComparedColumn, compared_columns
from .design import Design


def detection_auc(real: Any, synthetic: Any, folds: int = 3, random_state: int = 0) -> float:
    """The area under the ROC curve of boosted trees that tell real rows from generated ones, on rows held out.

    0.5: they cannot (Lopez-Paz & Oquab 2017, Revisiting classifier two-sample tests, arXiv:1610.06545); 1: always.

    Parameters
    ----------
    real, synthetic : frame or mapping
        As :func:`~isthmus.metrics.tables.columns.compared_columns` takes them. Give equally many rows of each; real
        ones that the generator was not trained on make it a test of the whole distribution.
    folds : int
        The parts that are held out in turn.
    random_state : int
        For the parts and the trees.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(detection_auc({"x": rng.normal(0, 1, 300)}, {"x": rng.normal(9, 1, 300)}), 1)
    1.0
    """
    return detection_of(compared_columns(real=real, synthetic=synthetic), folds, random_state)


def detection_of(columns: Sequence[ComparedColumn], folds: int = 3, random_state: int = 0) -> float:
    """:func:`detection_auc` of columns that were read before: of two tables, real and synthetic."""
    design = Design.of(columns)
    rows = np.concatenate(design.matrices)
    is_synthetic = np.repeat([0, 1], [len(matrix) for matrix in design.matrices])
    scores = np.empty(len(rows))
    splits = StratifiedKFold(folds, shuffle=True, random_state=random_state)
    for train, test in splits.split(rows, is_synthetic):
        classifier = design.classifier(random_state).fit(rows[train], is_synthetic[train])
        scores[test] = classifier.predict_proba(rows[test])[:, 1]
    # One curve for each part: scores of different trees are not on one scale.
    return float(
        np.mean([roc_auc_score(is_synthetic[test], scores[test]) for _, test in splits.split(rows, is_synthetic)])
    )
