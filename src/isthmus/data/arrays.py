"""Arrays of any real data type, layout and byte order, as a matrix that is read in chunks."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.core.errors import InputError, InputTypeError

from .matrix import Matrix, RowIndex, column_type, is_huge


class ArrayMatrix(Matrix):
    """A numpy array ``(n, d)``, ``(n, h, w)`` or ``(n, h, w, c)``; never copied whole."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.n_rows = array.shape[0]
        self.row_shape = array.shape[1:]
        self.container = "array" if array.ndim == 2 else "images"
        self.types = (column_type(array.dtype),)
        self.in_memory = not _is_mapped(array)

    def read(self, index: RowIndex, columns: NDArray[np.integer] | None = None) -> np.ndarray:
        chunk = np.asarray(self._array[index])
        chunk = chunk.reshape(len(chunk), self.n_columns)
        return chunk if columns is None else chunk[:, columns]

    def raw(self, index: RowIndex, columns: Sequence[int]) -> list[np.ndarray]:
        places = np.asarray(columns, dtype=np.int64)
        if isinstance(index, slice) or self._array.ndim > 2:
            some = self.read(index, places)
        else:
            some = self._array[np.ix_(index, places)]
        return list(some.T)

    def huge_integers(self) -> list[int]:
        if self._array.dtype.kind not in "iu" or self._array.dtype.itemsize < 8:
            return []
        found = np.zeros(self.n_columns, dtype=bool)
        for _, chunk in self.chunks():
            found |= is_huge(chunk).any(axis=0)
        return [int(column) for column in np.flatnonzero(found)]


def array_matrix(data: Any) -> ArrayMatrix:
    """``data`` as a matrix of real numbers.

    Raises
    ------
    InputError
        For complex numbers, one dimension or more than four, no rows, no columns, masked cells.
    InputTypeError
        For text, dates and objects that are not numbers; the message names the first such cell.
    """
    array = _as_array(data)
    if array.dtype.kind == "c":
        raise InputError(
            f"Complex data not supported (dtype {array.dtype}). Pass real and imaginary parts as columns of their own."
        )
    if array.dtype.kind in "US" and array.ndim < 2:
        raise InputTypeError(
            f"Text (dtype {array.dtype}) is not supported, expected an array of numbers with one row per sample. "
            "Convert your data to numeric values explicitly instead."
        )
    _check_shape(array.shape)
    if array.dtype.kind == "O":
        array = _numbers(array)
    elif array.dtype.kind not in "biuf":
        raise InputTypeError(
            f"Input X has dtype {array.dtype}, which is not compatible with numbers. "
            "Convert your data to numeric values explicitly instead."
        )
    return ArrayMatrix(array)


def _as_array(data: Any) -> np.ndarray:
    if isinstance(data, torch.Tensor):
        return _tensor_as_array(data)
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InputError(
            f"Input X is a masked array with {int(np.ma.getmaskarray(data).sum())} masked cells, and missing values "
            "are not accepted. Fill them first: X.filled(value)."
        )
    try:
        return np.asarray(data)
    except ValueError as error:
        raise InputError(
            f"Input X cannot be turned into an array: {error}. Every row must have the same number of values."
        ) from error


def _tensor_as_array(tensor: torch.Tensor) -> np.ndarray:
    if tensor.layout is not torch.strided:
        raise InputError(f"Sparse tensors ({tensor.layout}) are not supported. Pass X.to_dense() or a scipy matrix.")
    tensor = tensor.detach().cpu()
    if tensor.dtype is torch.bfloat16:  # numpy has no such type; float32 holds its values exactly
        tensor = tensor.float()
    return tensor.resolve_conj().resolve_neg().numpy()


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) < 2:
        kind = "scalar" if not shape else "1D"
        raise InputError(
            f"Expected 2D array, got {kind} array instead (shape={shape}). Reshape your data either using "
            "X.reshape(-1, 1) if your data has a single feature or X.reshape(1, -1) if it contains a single sample."
        )
    if len(shape) > 4:
        raise InputError(
            f"Found array with dim {len(shape)} (shape={shape}). Expected (n, d) for rows, or (n, h, w) or "
            "(n, h, w, c) for images. Flatten other rows with X.reshape(len(X), -1)."
        )
    check_not_empty(shape)


def check_not_empty(shape: tuple[int, ...]) -> None:
    """Raise :class:`InputError`, in scikit-learn's wording, if there are no rows or no columns."""
    if shape[0] == 0:
        raise InputError(
            f"Found array with 0 sample(s) (shape={tuple(shape)}) while a minimum of 1 is required. Pass some rows."
        )
    if 0 in shape[1:]:
        raise InputError(
            f"Found array with 0 feature(s) (shape={tuple(shape)}) while a minimum of 1 is required. Pass some columns."
        )


def _numbers(array: np.ndarray) -> np.ndarray:
    """An object array's numbers as float64; names the first cell that is none."""
    try:
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    for position, cell in np.ndenumerate(array):
        try:
            if isinstance(cell, complex | np.complexfloating):
                raise InputError(
                    f"Complex data not supported: row {position[0]}, column {position[1]} is {cell!r}. Pass real and "
                    "imaginary parts as columns of their own."
                )
            np.array([cell], dtype=object).astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            place = f"row {position[0]}, " + ", ".join(f"column {part}" for part in position[1:])
            raise InputTypeError(
                f"Input X, {place}: {error}. Convert your data to numeric values explicitly instead."
            ) from error
    raise InputTypeError("Input X has dtype object and cannot be converted to numbers.")


def _is_mapped(array: np.ndarray) -> bool:
    owner: Any = array
    while owner is not None:
        if isinstance(owner, np.memmap | mmap.mmap):
            return True
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    return False
