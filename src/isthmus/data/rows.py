"""The user's rows, checked against a schema and encoded when they are asked for."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.batch import Batch

from .encoding import Encoder
from .matrix import Matrix
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
        *,
        allow_missing: bool = False,
        indicators: int = 0,
    ) -> None:
        self._matrix = matrix
        self._encoder = encoder
        self._columns = columns
        self._side = side
        self._path = encoder.path(matrix, columns)
        self._batch = batch
        self._allow_missing = allow_missing
        self._indicators = indicators

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
            row += 4 * (len(roles.categorical) + roles.condition_width + (roles.exposure is not None))
        row += self._columns_in_all if self._indicators else 0
        return len(self) * row

    def take(self, index: slice | torch.Tensor | NDArray[np.integer]) -> Batch:
        """The encoded rows at ``index``, a slice or positions.

        Returns
        -------
        Batch
            ``values`` of shape (m, d): float32 features; or uint8, as the user gave them, if the schema stores uint8
            and the data is uint8. ``levels``, ``condition`` and ``extras["exposure"]``, if the schema has them.
            ``present`` if the schema has indicators of missing cells, or a cell is missing or has a level that
            training did not see; such a cell is ``visible`` all the same.

        Raises
        ------
        InputError
            If a cell among them is missing (unless that is allowed), infinite, beyond float32 after scaling, outside
            [0, 1] in a binary column, no count in a column of counts, a condition's level that was not seen in
            training, or an exposure that is not positive; the message names the cell by its position in the user's
            data.

        Warns
        -----
        DataWarning
            For levels that were not seen in training, once per column.
        """
        if self._batch is not None:
            return self._batch.rows(torch.from_numpy(index) if isinstance(index, np.ndarray) else index)
        positions = index.cpu().numpy() if isinstance(index, torch.Tensor) else index
        count = count_of(positions, len(self))
        absent = torch.zeros(count, self._encoder.width, dtype=torch.bool) if self._allow_missing else None
        values = self._encoder.encode(self._matrix, positions, self._columns, self._path, absent)
        if self._side is None:
            return Batch(values, self._marks([] if absent is None else [~absent], count))
        levels, seen, condition, extras = self._side.encode(positions)
        present, visible = self._present(values, absent, levels, seen)
        return Batch(values, present, visible, extras, condition, levels)

    @property
    def _columns_in_all(self) -> int:
        levels = 0 if self._side is None else len(self._side.roles.categorical)
        return self._encoder.width + levels + self._indicators

    def _present(
        self, values: Tensor, absent: Tensor | None, levels: Tensor | None, seen: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """What there is of each encoded column, and what the encoder may see of it; None if that is all of it."""
        numbers = torch.ones(values.shape, dtype=torch.bool) if absent is None else ~absent
        if levels is None or seen is None:
            return self._marks([numbers], len(values)), None
        known = levels >= 0
        present = self._marks([numbers, known], len(values))
        if present is None or torch.equal(known, seen):
            return present, None
        return present, torch.cat([numbers, seen, present[:, present.shape[1] - self._indicators :]], dim=1)

    def _marks(self, parts: list[Tensor], count: int) -> Tensor | None:
        """One mark per encoded column, indicators last; None without indicators if all are set."""
        if not self._indicators and all(bool(part.all()) for part in parts):
            return None
        return torch.cat([*parts, torch.ones(count, self._indicators, dtype=torch.bool)], dim=1)

    @property
    def is_affine(self) -> bool:
        """All numbers are there, and only shifted and scaled, so that :meth:`log_slopes` of all rows are alike."""
        return self._encoder.is_affine and not self._misses_numbers

    @cached_property
    def _misses_numbers(self) -> bool:
        if not self._allow_missing or not self._encoder.width:
            return False
        return any(
            chunk.dtype.kind == "f" and bool(np.isnan(chunk).any()) for _, chunk in self._matrix.chunks(self._columns)
        )

    def log_slopes(self, index: slice | NDArray[np.integer] = slice(None)) -> NDArray[np.float64]:
        """The logarithm of the derivative of each number's feature by the number, (m, numbers) in encoded order.

        0 where the cell is missing.
        """
        return self._encoder.log_slopes(self._matrix, index, self._columns)

    def _own_pixels(self) -> Batch | None:
        """The user's uint8 rows themselves, where encoding would copy them as they are: nothing writes into a batch."""
        if self._path != "uint8" or self._side is not None or self._columns is not None or self._encoder.checks:
            return None
        pixels = self._matrix.read(slice(None))
        # PyTorch has no tensors that must not be written to.
        return Batch(torch.from_numpy(pixels)) if pixels.flags.c_contiguous and pixels.flags.writeable else None

    def to_resident(self, limit_bytes: int = RESIDENT_LIMIT) -> Rows:
        """The same rows held encoded in memory, if they take at most ``limit_bytes``; uint8 images are not copied.

        Memory-mapped data stays on disk: then, and above the limit, the rows themselves are returned.
        """
        if self.resident or not self._matrix.in_memory or self.nbytes > limit_bytes:
            return self
        return Rows(
            self._matrix,
            self._encoder,
            self._columns,
            self._side,
            self._own_pixels() or self.take(slice(None)),
            allow_missing=self._allow_missing,
            indicators=self._indicators,
        )
