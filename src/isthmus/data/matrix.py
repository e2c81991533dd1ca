"""The one face that arrays, sparse matrices and frames show to the schema: a matrix that is read in pieces."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .levels import Vocabulary

Label = str | int | float | bool | tuple  # what pandas allows as a column label, as far as JSON can hold it
RowIndex = slice | NDArray[np.integer]

CHUNK_CELLS = 1 << 16
"""Cells read at once: a chunk, its float64 copy and a temporary stay within a core's cache."""

EXACT_IN_FLOAT32 = frozenset(np.dtype(name) for name in ("?", "u1", "i1", "u2", "i2", "f2", "f4"))
"""Data types all of whose values float32 holds exactly."""

LARGEST_EXACT_INTEGER = 2**53


@dataclass(frozen=True)
class ColumnType:
    """The data type of a column.

    Attributes
    ----------
    numpy : str
        numpy's name for it.
    native : str
        The frame library's own; empty for arrays.
    marker : str
        How a missing cell is written where the type leaves a choice: "none" or "na" instead of NaN in a pandas column
        of objects, "nan" instead of null in floats of polars and Arrow. Types are equal whatever it is.
    """

    numpy: str
    native: str = ""
    marker: str = field(default="", compare=False)

    @property
    def dtype(self) -> np.dtype:
        """As a numpy data type in native byte order."""
        return np.dtype(self.numpy)


def column_type(dtype: np.dtype, native: str = "") -> ColumnType:
    """The type under a name that is the same on every platform and for both byte orders."""
    name = "longdouble" if dtype == np.dtype(np.longdouble) and dtype.itemsize > 8 else dtype.newbyteorder("=").name
    return ColumnType(name, native)


def rows_per_chunk(n_columns: int, cells: int = CHUNK_CELLS) -> int:
    """How many rows to read at once; depends on the width alone, so that results do not depend on the layout."""
    return max(1, cells // max(1, n_columns))


class Matrix(ABC):
    """Rows of numbers, of whatever container, read in chunks.

    Attributes
    ----------
    n_rows : int
    row_shape : tuple of int
        ``(d,)``, or ``(h, w)`` / ``(h, w, c)`` for images.
    container : str
        "array", "images", "pandas", "polars", "arrow" or "columns".
    labels : tuple or None
        The column labels of a frame.
    types : tuple of ColumnType
        One per column of a frame, a single one for an array.
    in_memory : bool
        False for a memory-mapped file, which must never be copied whole.
    """

    n_rows: int
    row_shape: tuple[int, ...]
    container: str
    labels: tuple[Label, ...] | None = None
    types: tuple[ColumnType, ...]
    in_memory: bool = True

    @abstractmethod
    def read(self, index: RowIndex, columns: NDArray[np.integer] | None = None) -> np.ndarray:
        """The rows at ``index``, flat, with ``columns`` in that order; the caller must not write into the result.

        Missing cells are NaN.
        """

    def raw(self, index: RowIndex, columns: Sequence[int]) -> list[np.ndarray]:
        """Some columns of the rows at ``index``, each in a data type that loses nothing.

        A column that has a :meth:`vocabulary` gives positions in it, and -1 for missing cells.
        """
        return list(self.read(index, np.asarray(columns, dtype=np.int64)).T)

    def vocabulary(self, column: int) -> Vocabulary | None:
        """The levels that a column of text or categories holds; None for numbers."""
        return None

    def given_column(self, column: int) -> Any:
        """A column as the user gave it: a series of the frame's library, or an array."""
        return self.raw(slice(0, self.n_rows), [column])[0]

    def is_empty(self, column: int) -> bool:
        """All cells are missing, and of a type that could be anything."""
        return False

    def refuse_words(self, declared: Collection[int] = (), ignored: Collection[int] = (), fitted: bool = False) -> None:
        """Raise :class:`InputError` if a column not ``declared`` to hold levels, or unfit for it, is no number.

        Those ``ignored`` may be anything.
        """
        return

    @abstractmethod
    def huge_integers(self) -> list[int]:
        """The columns that hold integers beyond 2**53, which float64 cannot tell apart."""

    @property
    def n_columns(self) -> int:
        """The numbers in one row."""
        return math.prod(self.row_shape)

    def chunks(self, columns: NDArray[np.integer] | None = None) -> Iterator[tuple[int, np.ndarray]]:
        """All rows in order, as pairs of the first row's position and the rows."""
        step = rows_per_chunk(self.n_columns)
        for start in range(0, self.n_rows, step):
            yield start, self.read(slice(start, min(start + step, self.n_rows)), columns)

    def column_name(self, column: int) -> str:
        """A column in the user's words: "column 'age'", "column 3" or "pixel (4, 5)"."""
        if self.labels is not None:
            return f"column {self.labels[column]!r}"
        if len(self.row_shape) > 1:
            return f"pixel {tuple(int(part) for part in np.unravel_index(column, self.row_shape))}"
        return f"column {column}"

    def cell_name(self, row: int, column: int) -> str:
        """A cell in the user's words: "row 5, column 'age'"."""
        return f"{'image' if len(self.row_shape) > 1 else 'row'} {row}, {self.column_name(column)}"


def is_huge(values: np.ndarray) -> np.ndarray:
    """Which 64-bit integers are beyond 2**53; nothing is for other types."""
    if values.dtype.kind == "u" and values.dtype.itemsize == 8:
        return values > LARGEST_EXACT_INTEGER
    if values.dtype.kind == "i" and values.dtype.itemsize == 8:
        return (values > LARGEST_EXACT_INTEGER) | (values < -LARGEST_EXACT_INTEGER)
    return np.zeros(values.shape, dtype=bool)
