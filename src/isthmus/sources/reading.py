"""Rows from a file and into a file, by the file's suffix."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.lib import format as npy_format

from isthmus.core.errors import InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.files.atomic import write_atomically

from .csv import read_csv, write_csv
from .npy import read_npy
from .npz import read_npz

SUFFIXES = (".csv", ".npy", ".npz")
PIECE = 1 << 22


def read_rows(path: str | Path) -> NamedColumns | np.ndarray:
    """The rows in a ``.csv``, ``.npy`` or ``.npz`` file.

    A CSV file with a header gives :class:`~isthmus.core.named_columns.NamedColumns`, everything else an array;
    ``.npy`` files are mapped, not read.

    Raises
    ------
    InputError
        For another suffix, and what the reader of each format refuses.
    """
    suffix = _suffix(path)
    if suffix == ".csv":
        return read_csv(path)
    return read_npy(path) if suffix == ".npy" else read_npz(path)


def write_rows(path: str | Path, data: Any) -> None:
    """Write an array, :class:`NamedColumns` or a frame to a ``.csv``, ``.npy`` or ``.npz`` file, whole or not at all.

    CSV keeps column names; ``.npy`` holds the numbers alone, and ``.npz`` the numbers under the key "X".

    Raises
    ------
    InputError
        For another suffix, images in a CSV file, and columns that are not numbers.
    """
    suffix = _suffix(path)
    names, columns = _columns(data)
    if suffix == ".csv":
        write_csv(path, names, columns)
        return
    array = columns if isinstance(columns, np.ndarray) else np.stack(columns, axis=1)
    if suffix == ".npy":
        write_atomically(path, _npy(array))
    else:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, X=array)
        write_atomically(path, [buffer.getbuffer()])


def _npy(array: np.ndarray) -> Iterator[bytes]:
    """The bytes of a ``.npy`` file, in pieces, so that a large array is not held twice."""
    header = io.BytesIO()
    described = npy_format.header_data_from_array_1_0(np.empty((1, *array.shape[1:]), dtype=array.dtype))
    npy_format.write_array_header_2_0(header, {**described, "shape": array.shape})
    yield header.getvalue()
    size = max(1, PIECE // max(1, array[:1].nbytes))
    for start in range(0, len(array), size):
        yield array[start : start + size].tobytes()


def _columns(data: Any) -> tuple[list[Any] | None, np.ndarray | list[np.ndarray]]:
    if isinstance(data, NamedColumns):
        return list(data.names), data.values
    if isinstance(data, np.ndarray) or not nw.dependencies.is_into_dataframe(data):
        array = _numeric(np.asarray(data), "the array")
        if array.ndim == 0:
            raise InputError("A single number cannot be written as rows. Expected an array of shape (n, d).")
        return None, array
    frame = nw.from_native(data, eager_only=True)
    columns = [
        _numeric((series.cast(nw.Float64) if series.null_count() else series).to_numpy(), f"column {name!r}")
        for name, series in ((name, frame[name]) for name in frame.columns)
    ]
    return list(frame.columns), columns


def _numeric(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype.kind not in "biuf":
        raise InputError(f"Only numbers can be written; {what} has dtype {array.dtype}. Leave it out or convert it.")
    return array


def _suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"{path}: files of type {suffix or '(no suffix)'} are not supported. Expected one of {', '.join(SUFFIXES)}."
        )
    return suffix
