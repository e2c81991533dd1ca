"""Labels that reach a detector which cannot use any."""

from __future__ import annotations

import warnings
from typing import Any

from isthmus.core.errors import DataWarning
from isthmus.data.schema import Schema

# What columns of labels are called in public collections of anomalies.
NAMES = frozenset(
    {
        "label",
        "labels",
        "target",
        "class",
        "y",
        "anomaly",
        "anomalies",
        "outlier",
        "outliers",
        "fraud",
        "is_anomaly",
        "is_outlier",
        "is_fraud",
        "attack",
    }
)


def warn_of_labels(schema: Schema, y: Any) -> None:
    """Say that ``y`` is not looked at, and that a column of two values with the name of labels is learnt like others.

    Warns
    -----
    DataWarning
        At the line that called ``fit``.
    """
    if y is not None:
        warnings.warn(
            "AnomalyDetector: `y` is not used: a detector learns from rows alone. If it says which rows are odd, leave "
            "these out: fit(X[y == 0]) with alarm_rate=0.01.",
            DataWarning,
            stacklevel=3,
        )
    for label, column in zip(schema.labels or (), schema.describe(), strict=False):
        two_values = column["kind"] == "binary" or column.get("levels") == 2
        if two_values and str(label).strip().lower() in NAMES:
            warnings.warn(
                f"AnomalyDetector: column {label!r} has two values and the name of labels, and is learnt like others: "
                "rows are then odd by their label. Leave it out if it says which rows are odd.",
                DataWarning,
                stacklevel=3,
            )
