"""Sparse matrices: only the chunk at hand is made dense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .arrays import check_not_empty
from .matrix import Matrix, RowIndex, column_type, is_huge


class SparseMatrix(Matrix):
    """A scipy sparse matrix or array of any format, held as CSR. Decoding gives dense arrays back."""

    def __init__(self, matrix: Any) -> None:
        if matrix.ndim != 2:
            raise InputError(
                f"Expected 2D array, got a sparse array of shape {matrix.shape} instead. Reshape your data to one row "
                "per sample."
            )
        if matrix.dtype.kind == "c":
            raise InputError(f"Complex data not supported (sparse matrix of dtype {matrix.dtype}).")
        if matrix.dtype.kind not in "biuf":
            raise InputError(f"A sparse matrix of dtype {matrix.dtype} is not supported: convert it to numbers.")
        check_not_empty(matrix.shape)
        self._matrix = matrix.tocsr()
        self.n_rows = int(matrix.shape[0])
        self.row_shape = (int(matrix.shape[1]),)
        self.container = "array"
        self.types = (column_type(matrix.dtype),)

    def read(self, index: RowIndex, columns: NDArray[np.integer] | None = None) -> np.ndarray:
        chunk = self._matrix[index].toarray()
        return chunk if columns is None else chunk[:, columns]

    def raw(self, index: RowIndex, columns: Sequence[int]) -> list[np.ndarray]:
        return list(self._matrix[index][:, np.asarray(columns, dtype=np.int64)].toarray().T)

    def huge_integers(self) -> list[int]:
        return sorted({int(column) for column in self._matrix.indices[is_huge(self._matrix.data)]})
