"""The user's rows, checked against a schema and encoded when they are asked for."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.core.batch import Batch

from .encoding import Encoder
from .matrix import Matrix

RESIDENT_LIMIT = 2 << 30
"""Bytes of encoded rows that are held in memory by default."""


class Rows:
    """Rows of data that fit a schema, encoded lazily: ``schema.rows(data)`` makes them.

    A row's encoding has the same bits whichever rows it is taken with.

    Attributes
    ----------
    resident : bool
        The encoded rows are held in memory (see :meth:`to_resident`).
    """

    def __init__(
        self,
        matrix: Matrix,
        encoder: Encoder,
        columns: NDArray[np.integer] | None,
        batch: Batch | None = None,
    ) -> None:
        self._matrix = matrix
        self._encoder = encoder
        self._columns = columns
        self._path = encoder.path(matrix)
        self._batch = batch

    def __len__(self) -> int:
        return self._matrix.n_rows

    @property
    def resident(self) -> bool:
        return self._batch is not None

    @property
    def nbytes(self) -> int:
        """The memory that all encoded rows take, in bytes."""
        return len(self) * self._matrix.n_columns * (1 if self._path == "uint8" else 4)

    def take(self, index: slice | torch.Tensor | NDArray[np.integer]) -> Batch:
        """The encoded rows at ``index``, a slice or positions.

        Returns
        -------
        Batch
            ``values`` of shape (m, d): float32 features; or uint8, as the user gave them, if the schema stores uint8
            and the data is uint8.

        Raises
        ------
        InputError
            If a cell among them is NaN, infinite, beyond float32 after scaling, or outside [0, 1] in a binary
            column; the message names the cell by its position in the user's data.
        """
        if self._batch is not None:
            return self._batch.rows(torch.from_numpy(index) if isinstance(index, np.ndarray) else index)
        positions = index.cpu().numpy() if isinstance(index, torch.Tensor) else index
        return Batch(self._encoder.encode(self._matrix, positions, self._columns, self._path))

    def to_resident(self, limit_bytes: int = RESIDENT_LIMIT) -> Rows:
        """The same rows held encoded in memory, if they take at most ``limit_bytes``.

        Memory-mapped data stays on disk: then, and above the limit, the rows themselves are returned.
        """
        if self.resident or not self._matrix.in_memory or self.nbytes > limit_bytes:
            return self
        return Rows(self._matrix, self._encoder, self._columns, self.take(slice(None)))
