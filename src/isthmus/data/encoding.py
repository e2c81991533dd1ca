"""User's numbers to the model's: ``(x - shift) * scale``, the same bits for a row wherever it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.errors import InputError

from .cells import refuse_non_finite
from .columns import Columns
from .kinds import AFFINE
from .matrix import EXACT_IN_FLOAT32, Matrix, RowIndex, rows_per_chunk
from .row_index import count_of, parts_of, position_of

# Beyond this many deviations between zero and the mean, float32 would lose visible digits of the difference.
FAR_FROM_ZERO = 1e3
FLOAT32_SCALES = (1e-30, 1e30)
LARGEST_FEATURE = 1e15
"""Features beyond would overflow float32 within the model: their squares do from 1e19 on."""

# Encoding is lighter than learning statistics: larger pieces cost fewer calls and still fit the cache.
ENCODED_CELLS = 1 << 19


Path = Literal["uint8", "float32", "float64"]


class Encoder:
    """Encodes chunks of rows: the columns that are numbers.

    ``blocks`` may hold others after those; they are left to whoever reads levels.

    The arithmetic is one subtraction and one multiplication per cell (after its column's curve, if it has one), in
    float32 where that is precise and in float64 elsewhere; which one depends on the columns and the data types only,
    never on the chunk.
    """

    def __init__(self, columns: Columns, blocks: Sequence[Block], stored_uint8: bool) -> None:
        self._stored_uint8 = stored_uint8
        self.width = len(columns)
        self.is_affine = not columns.curves
        self._shift, self._scale, self._curves = columns.shift, columns.scale, columns.curves
        self._precise_in_float32 = not columns.curves and is_precise_in_float32(columns.shift, columns.scale)
        self._shifts, self._scales = bool((columns.shift != 0).any()), bool((columns.scale != 1).any())
        with np.errstate(over="ignore", under="ignore"):
            self._shift32 = torch.from_numpy(columns.shift.astype(np.float32))
            self._scale32 = torch.from_numpy(columns.scale.astype(np.float32))
        self._checked = tuple(block for block in blocks if block.kind in AFFINE and AFFINE[block.kind].expects)

    @property
    def checks(self) -> bool:
        """Some cells must be looked at before they are used as they are."""
        return bool(self._checked)

    def path(self, matrix: Matrix, columns: NDArray[np.integer] | None) -> Path:
        """How rows of these types are encoded: kept as uint8, or computed in float32 or in float64."""
        if self._stored_uint8 and matrix.types[0].numpy == "uint8":
            return "uint8"
        types = matrix.types if columns is None or len(matrix.types) == 1 else [matrix.types[one] for one in columns]
        exact = all(one.dtype in EXACT_IN_FLOAT32 for one in types)
        return "float32" if exact and self._precise_in_float32 else "float64"

    def encode(
        self,
        matrix: Matrix,
        index: RowIndex,
        columns: NDArray[np.integer] | None,
        path: Path,
        absent: Tensor | None = None,
    ) -> Tensor:
        """The rows at ``index``, shape (m, d): uint8 on the path "uint8", else finite float32.

        Where ``absent``, bool (m, d), is given, cells may be missing: they become 0, and are marked there.
        """
        kept = path == "uint8"
        shape = (count_of(index, matrix.n_rows), self.width)
        encoded = torch.empty(shape, dtype=torch.uint8 if kept else torch.float32)
        if self.width == 0:
            return encoded
        for place, part in parts_of(index, matrix.n_rows, rows_per_chunk(self.width, ENCODED_CELLS)):
            chunk = matrix.read(part, columns)
            out = encoded[place]
            if kept:
                np.copyto(out.numpy(), chunk)
            elif path == "float32":
                self._encode_in_float32(chunk, out)
            else:
                self._encode_in_float64(chunk, out)
            if absent is not None:
                absent[place] = torch.from_numpy(np.isnan(chunk)) if chunk.dtype.kind == "f" else False
                out.masked_fill_(absent[place], 0)
            if not kept:
                self._check_finite(out, matrix, part, columns, absent is not None)
            if self._checked:
                self._check_range(out, chunk, matrix, part, columns, absent is not None)
        return encoded

    def log_slopes(self, matrix: Matrix, index: RowIndex, columns: NDArray[np.integer] | None) -> NDArray[np.float64]:
        """The logarithm of each feature's derivative by its cell, shape (m, d); 0 where the cell is missing."""
        slopes = np.empty((count_of(index, matrix.n_rows), self.width))
        for place, part in parts_of(index, matrix.n_rows, rows_per_chunk(self.width, ENCODED_CELLS)):
            chunk = matrix.read(part, columns).astype(np.float64)
            slopes[place] = np.log(self._scale)
            for column, curve in self._curves.items():
                slopes[place, column] += curve.log_slope(chunk[:, column])
            slopes[place][np.isnan(chunk)] = 0.0
        return slopes

    def _encode_in_float32(self, chunk: np.ndarray, out: Tensor) -> None:
        np.copyto(out.numpy(), chunk, casting="unsafe")
        if self._shifts:
            out.sub_(self._shift32)
        if self._scales:
            out.mul_(self._scale32)

    def _encode_in_float64(self, chunk: np.ndarray, out: Tensor) -> None:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            values = chunk.astype(np.float64, order="C")
            for column, curve in self._curves.items():
                values[:, column] = curve.forward(values[:, column])
            values -= self._shift
            values *= self._scale
            np.copyto(out.numpy(), values, casting="same_kind")

    def _check_finite(
        self,
        out: Tensor,
        matrix: Matrix,
        part: RowIndex,
        columns: NDArray[np.integer] | None,
        allow_missing: bool,
    ) -> None:
        flat = out.reshape(-1)
        # One pass: the sum of squares is small only if every cell is. Only huge cells need the exact look.
        if bool(torch.dot(flat, flat) <= LARGEST_FEATURE**2) or bool((flat.abs() <= LARGEST_FEATURE).all()):
            return
        refuse_non_finite(matrix, columns=columns, allow_missing=allow_missing)
        row, column = (int(place) for place in torch.nonzero(~(out.abs() <= LARGEST_FEATURE))[0])
        raise InputError(
            f"Input X has a value beyond float32 after scaling at {_name(matrix, part, row, column, columns)}. "
            "Expected values in the range of the training data: check the units, or remove the outlier."
        )

    def _check_range(
        self,
        out: Tensor,
        chunk: np.ndarray,
        matrix: Matrix,
        part: RowIndex,
        columns: NDArray[np.integer] | None,
        allow_missing: bool,
    ) -> None:
        for block in self._checked:
            kind, inside = AFFINE[block.kind], slice(block.start, block.stop)
            if not kind.suspects(out[:, inside]):
                continue
            refused = kind.refuses(chunk[:, inside], training=False)
            if allow_missing and chunk.dtype.kind == "f":
                refused &= ~np.isnan(chunk[:, inside])
            bad = np.argwhere(refused)
            if len(bad):
                row, column = int(bad[0][0]), int(bad[0][1]) + block.start
                raise InputError(
                    f"Input X has the value {chunk[row, column]} at {_name(matrix, part, row, column, columns)}, which "
                    f"was {kind.name} in training: expected {kind.expects}. Correct the value, or fit again with "
                    'schema="continuous".'
                )


def is_precise_in_float32(shift: NDArray[np.float64], scale: NDArray[np.float64]) -> bool:
    """Scaling float32 values in float32 loses nothing that the values themselves still had."""
    with np.errstate(over="ignore"):
        return bool(
            (np.abs(shift * scale) < FAR_FROM_ZERO).all()
            and (np.abs(shift) < FLOAT32_SCALES[1]).all()
            and (scale > FLOAT32_SCALES[0]).all()
            and (scale < FLOAT32_SCALES[1]).all()
        )


def _name(matrix: Matrix, part: RowIndex, row: int, column: int, columns: NDArray[np.integer] | None) -> str:
    position = position_of(part, row, matrix.n_rows)
    return matrix.cell_name(position, column if columns is None else int(columns[column]))
