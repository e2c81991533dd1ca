"""Tables as the matrix of numbers that scikit-learn's trees take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from .columns import ComparedColumn

MOST_LEVELS = 255


@dataclass(frozen=True)
class Design:
    """Columns side by side: numbers as they are, levels as positions, NaN where missing.

    Attributes
    ----------
    matrices : tuple of ndarray, each (n, d)
        One for each table.
    are_levels : ndarray of bool, shape (d,)
        The columns that trees split into sets of levels rather than at a number.
    """

    matrices: tuple[NDArray[np.float64], ...]
    are_levels: NDArray[np.bool_]

    @classmethod
    def of(cls, columns: Sequence[ComparedColumn]) -> Design:
        """The matrices of columns; the rarest levels of very many share a position, as trees take 255 at most."""
        parts = [_numbers(column) for column in columns]
        matrices = tuple(np.column_stack([part[table] for part in parts]) for table in range(len(columns[0].values)))
        return cls(matrices, np.array([not column.is_number for column in columns]))

    def classifier(self, seed: int) -> HistGradientBoostingClassifier:
        """Gradient-boosted trees with scikit-learn's defaults."""
        return HistGradientBoostingClassifier(categorical_features=self.are_levels, random_state=seed)

    def regressor(self, seed: int) -> HistGradientBoostingRegressor:
        """The same for numbers."""
        return HistGradientBoostingRegressor(categorical_features=self.are_levels, random_state=seed)


def _numbers(column: ComparedColumn) -> list[NDArray[np.float64]]:
    if column.is_number:
        return list(column.values)
    every = np.concatenate([column.present(table) for table in range(len(column.values))])
    counts: NDArray[Any] = np.bincount(every, minlength=len(column.levels or ()))
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    rank = np.append(np.minimum(rank, MOST_LEVELS - 1).astype(np.float64), np.nan)  # -1, a missing cell, is the last
    return [rank[values] for values in column.values]
