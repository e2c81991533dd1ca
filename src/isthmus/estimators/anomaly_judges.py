"""What an anomaly detector's scores come from: the ensemble, or another fitted estimator of the package."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from isthmus.core.errors import DataWarning
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.models.anomaly_scorer import AnomalyScorer
from isthmus.training.history import History
from isthmus.uses import measurement, scoring
from isthmus.uses.anomaly import anomaly_parts, anomaly_scores
from isthmus.uses.anomaly_explanation import Explanation, explanation

from .base import BaseAutoencoder
from .fitted import has_column_names


class Judge(Protocol):
    """Gives rows anomaly scores, higher = odder, and reasons."""

    @property
    def schema(self) -> Schema: ...
    def scores(self, rows: Any) -> np.ndarray: ...
    def explain(self, X: Any, rows: Rows, name: str) -> Explanation: ...
    def to_cpu(self) -> None: ...

    @property
    def history(self) -> History: ...
    @property
    def epochs(self) -> int: ...
    @property
    def stopped(self) -> str | None: ...


@dataclass(frozen=True, eq=False)
class EnsembleJudge:
    """A fitted ensemble."""

    schema: Schema
    scorer: AnomalyScorer
    history: History
    epochs: int
    stopped: str | None

    def scores(self, rows: Any) -> np.ndarray:
        """The anomaly scores, (n,) float64."""
        return anomaly_scores(self.scorer, rows)

    def explain(self, X: Any, rows: Rows, name: str) -> Explanation:
        """The scores by column."""
        scores, parts, expected = anomaly_parts(self.scorer, rows)
        return explanation(self.schema, scores, parts, X, self.schema.decode(expected), name)

    def to_cpu(self) -> None:
        """Put the weights where every machine has room."""
        self.scorer.to("cpu")


@dataclass(frozen=True, eq=False)
class EstimatorJudge:
    """A fitted estimator: minus its ``score_samples``, its ``surprise`` by column, the rest (a divergence) jointly."""

    estimator: BaseAutoencoder

    @property
    def schema(self) -> Schema:
        return self.estimator.schema_

    @property
    def history(self) -> History:
        return self.estimator.history_

    @property
    def epochs(self) -> int:
        return self.estimator.n_iter_

    @property
    def stopped(self) -> str | None:
        return self.estimator.stopped_

    def scores(self, rows: Any) -> np.ndarray:
        """The anomaly scores, (n,) float64."""
        return -self.estimator.score_rows(rows)

    def explain(self, X: Any, rows: Rows, name: str) -> Explanation:
        """The scores by column."""
        estimator = self.estimator
        model = estimator.module_
        terms = scoring.column_terms(model, rows, estimator._score_seed)
        if model.bounded:
            terms -= measurement.column_log_jacobian(self.schema, model.likelihood.densities, rows)
        # Indicators are among the terms of the columns that they speak of.
        padded = np.pad(terms, ((0, 0), (0, len(self.schema.encoded_sources) - terms.shape[1])))
        return explanation(self.schema, self.scores(rows), padded, X, estimator.reconstruct(X), name)

    def to_cpu(self) -> None:
        """Put the weights where every machine has room."""
        self.estimator.module_.to("cpu")


def checked_rows(schema: Schema, X: Any, name: str) -> Rows:
    """Rows checked against the schema; warns, at the caller of the public method, about columns without names."""
    rows = schema.rows(X, estimator_name=name)
    if schema.feature_names is not None and not has_column_names(X):
        warnings.warn(
            f"X does not have valid feature names, but {name} was fitted with feature names: the columns are taken in "
            "the order in which they were fitted.",
            DataWarning,
            stacklevel=4,
        )
    return rows
