"""The table of models at the same number of latent dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isthmus.metrics.clustering import kmeans_nmi
from isthmus.metrics.probes import linear_probe_accuracy
from isthmus.metrics.reconstruction import squared_error

from .summary import ComparisonRow

LOWER_IS_BETTER = frozenset({"squared_error"})
SCORES = ("squared_error", "linear_probe", "kmeans_nmi", "log_likelihood")


def judge(
    name: str,
    model: Any,
    train: Any,
    test: Any,
    train_labels: Any = None,
    test_labels: Any = None,
    *,
    has_likelihood: bool,
    random_state: int | None = 0,
) -> ComparisonRow:
    """The scores of one fitted model on held-out rows.

    Parameters
    ----------
    name : str
    model : fitted model
        With ``transform``, ``reconstruct`` and, if ``has_likelihood``, ``score_samples`` in nats per row.
    train, test : data in the form that the model was fitted on
        Everything is measured on ``test``; ``train`` only trains the linear probe.
    train_labels, test_labels : sequence, optional
        Without them there is neither probe nor NMI.
    has_likelihood : bool
        Whether ``score_samples`` is a log-likelihood (or a bound on it) of the data in the user's units.
    random_state : int, optional
        For k-means.
    """
    codes = np.asarray(model.transform(test))
    probe = nmi = None
    if train_labels is not None and test_labels is not None:
        probe = linear_probe_accuracy(np.asarray(model.transform(train)), train_labels, codes, test_labels)
        nmi = kmeans_nmi(codes, test_labels, random_state)
    return ComparisonRow(
        name,
        squared_error(np.asarray(test), np.asarray(model.reconstruct(test))),
        probe,
        nmi,
        float(np.mean(model.score_samples(test))) if has_likelihood else None,
    )


def best(rows: Sequence[ComparisonRow], score: str) -> frozenset[str]:
    """The names of the models that are best in one score (several on a tie; none where fewer than two have it)."""
    values = {row.name: value for row in rows if (value := getattr(row, score)) is not None}
    if len(values) < 2:
        return frozenset()
    winning = min(values.values()) if score in LOWER_IS_BETTER else max(values.values())
    return frozenset(name for name, value in values.items() if value == winning)
