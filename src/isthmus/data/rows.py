"""The user's rows, checked against a schema and encoded when they are asked for."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.core.batch import Batch

from .encoding import Encoder
from .matrix import Matrix, RowIndex
from .row_index import count_of
from .side_columns import SideColumns

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
        side: SideColumns | None = None,
        batch: Batch | None = None,
    ) -> None:
        self._matrix = matrix
        self._encoder = encoder
        self._columns = columns
        self._side = side
        self._path = encoder.path(matrix, columns)
        self._batch = batch

    def __len__(self) -> int:
        return self._matrix.n_rows

    @property
    def resident(self) -> bool:
        return self._batch is not None

    @property
    def nbytes(self) -> int:
        """The memory that all encoded rows take, in bytes."""
        row = self._encoder.width * (1 if self._path == "uint8" else 4)
        if self._side is not None:
            roles = self._side.roles
            row += 4 * (roles.one_hot_width + roles.condition_width + (roles.exposure is not None))
        return len(self) * row

    def take(self, index: slice | torch.Tensor | NDArray[np.integer]) -> Batch:
        """The encoded rows at ``index``, a slice or positions.

        Returns
        -------
        Batch
            ``values`` of shape (m, d): float32 features; or uint8, as the user gave them, if the schema stores uint8
            and the data is uint8. ``condition`` and ``extras["exposure"]``, if the schema has them.

        Raises
        ------
        InputError
            If a cell among them is NaN, infinite, beyond float32 after scaling, outside [0, 1] in a binary column, no
            count in a column of counts, a level that was not seen in training, or an exposure that is not positive;
            the message names the cell by its position in the user's data.
        """
        if self._batch is not None:
            return self._batch.rows(torch.from_numpy(index) if isinstance(index, np.ndarray) else index)
        positions = index.cpu().numpy() if isinstance(index, torch.Tensor) else index
        if self._side is not None:
            return self._take_all(positions, self._side)
        return Batch(self._encoder.encode(self._matrix, positions, self._columns, self._path))

    def to_resident(self, limit_bytes: int = RESIDENT_LIMIT) -> Rows:
        """The same rows held encoded in memory, if they take at most ``limit_bytes``.

        Memory-mapped data stays on disk: then, and above the limit, the rows themselves are returned.
        """
        if self.resident or not self._matrix.in_memory or self.nbytes > limit_bytes:
            return self
        return Rows(self._matrix, self._encoder, self._columns, self._side, self.take(slice(None)))

    def _take_all(self, positions: RowIndex, side: SideColumns) -> Batch:
        """Rows of which some columns are no numbers: those stand first, and the levels after them."""
        numbers, one_hot = self._encoder.width, side.roles.one_hot_width
        if one_hot == 0:
            values = self._encoder.encode(self._matrix, positions, self._columns, self._path)
        else:
            values = torch.zeros(count_of(positions, len(self)), numbers + one_hot)
            if numbers:
                self._encoder.encode(self._matrix, positions, self._columns, self._path, values[:, :numbers])
        condition, extras = side.encode(positions, values[:, numbers:])
        return Batch(values, extras=extras, condition=condition)
