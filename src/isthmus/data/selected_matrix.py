"""Some rows of the user's data, read from where they stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from .levels import Vocabulary
from .matrix import Matrix, RowIndex


class SelectedMatrix(Matrix):
    """The rows of another matrix at some positions, in that order; nothing is copied before it is read.

    A column of words keeps the whole vocabulary, so that positions in it mean the same; rows are called by their
    places in the whole.

    Parameters
    ----------
    matrix : Matrix
    positions : ndarray of int64
        At least one.
    """

    def __init__(self, matrix: Matrix, positions: NDArray[np.int64]) -> None:
        self._matrix, self._positions = matrix, positions
        self.n_rows = len(positions)
        self.row_shape, self.container = matrix.row_shape, matrix.container
        self.labels, self.types, self.in_memory = matrix.labels, matrix.types, matrix.in_memory

    def read(self, index: RowIndex, columns: NDArray[np.integer] | None = None) -> np.ndarray:
        return self._matrix.read(self._positions[index], columns)

    def raw(self, index: RowIndex, columns: Sequence[int]) -> list[np.ndarray]:
        return self._matrix.raw(self._positions[index], columns)

    def vocabulary(self, column: int) -> Vocabulary | None:
        return self._matrix.vocabulary(column)

    def is_empty(self, column: int) -> bool:
        return self._matrix.is_empty(column)

    def refuse_words(self, declared: Collection[int] = (), ignored: Collection[int] = (), fitted: bool = False) -> None:
        self._matrix.refuse_words(declared, ignored, fitted)

    def huge_integers(self) -> list[int]:
        return self._matrix.huge_integers()

    def column_name(self, column: int) -> str:
        return self._matrix.column_name(column)

    def cell_name(self, row: int, column: int) -> str:
        return self._matrix.cell_name(int(self._positions[row]), column)
