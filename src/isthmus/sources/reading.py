"""Rows from a file and into a file, by the file's suffix."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
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
from .parquet import read_parquet, write_parquet

SUFFIXES = (".csv", ".parquet", ".npy", ".npz")
PIECE = 1 << 22


def read_rows(path: str | Path, text: Collection[str] = (), header: bool | None = None) -> Any:
    """The rows in a ``.csv``, ``.parquet``, ``.npy`` or ``.npz`` file.

    A CSV file of numbers with a header gives :class:`~isthmus.core.named_columns.NamedColumns`; other tables are
    :class:`pyarrow.Table`, everything else an array; ``.npy`` files are mapped, not read.

    Parameters
    ----------
    path : str or Path
    text : collection of str, optional
        Columns of a CSV file that are text, whatever their cells look like.
    header : bool, optional
        Whether the first line of a CSV file holds column names. None: it does if one of its cells is not a number.

    Raises
    ------
    InputError
        For another suffix, and what the reader of each format refuses.
    """
    suffix = _suffix(path)
    if suffix == ".csv":
        return read_csv(path, text=text, header=header)
    if suffix == ".parquet":
        return read_parquet(path)
    return read_npy(path) if suffix == ".npy" else read_npz(path)


def write_rows(path: str | Path, data: Any, *, escape_formulas: bool = False) -> int:
    """Write an array, :class:`NamedColumns` or a frame to a file by its suffix, whole or not at all.

    CSV and Parquet keep columns of all types; ``.npy`` holds the numbers alone, and ``.npz`` the numbers under the key
    "X".

    Parameters
    ----------
    path : str or Path
    data : array, NamedColumns or frame
    escape_formulas : bool, default False
        Put an apostrophe before text in CSV that a spreadsheet would take for a formula.

    Returns
    -------
    int
        How many cells of text in a CSV file begin with =, +, - or @.

    Raises
    ------
    InputError
        For another suffix, images in a table, and columns that the format cannot hold.
    """
    suffix = _suffix(path)
    if suffix == ".parquet":
        write_parquet(path, data)
        return 0
    if suffix == ".csv":
        return write_csv(path, *csv_columns(data), escape_formulas=escape_formulas)
    array = _numbers(data)
    if suffix == ".npy":
        write_atomically(path, _npy(array))
    else:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, X=array)
        write_atomically(path, [buffer.getbuffer()])
    return 0


def csv_columns(data: Any) -> tuple[list[Any] | None, np.ndarray | list[Any]]:
    """Names, and the columns as :func:`write_csv` takes them."""
    if isinstance(data, NamedColumns):
        if not any(data.whole) or data.values.dtype.kind != "f":
            return list(data.names), data.values
        pairs = zip(data.values.T, data.whole, strict=True)
        return list(data.names), [_whole(column) if whole else column for column, whole in pairs]
    if not nw.dependencies.is_into_dataframe(data):
        return None, _rows(data)
    frame = nw.from_native(data, eager_only=True)
    return list(frame.columns), [frame[name] for name in frame.columns]


def _npy(array: np.ndarray) -> Iterator[bytes]:
    """The bytes of a ``.npy`` file, in pieces, so that a large array is not held twice."""
    header = io.BytesIO()
    described = npy_format.header_data_from_array_1_0(np.empty((1, *array.shape[1:]), dtype=array.dtype))
    npy_format.write_array_header_2_0(header, {**described, "shape": array.shape})
    yield header.getvalue()
    size = max(1, PIECE // max(1, array[:1].nbytes))
    for start in range(0, len(array), size):
        yield array[start : start + size].tobytes()


def _whole(column: np.ndarray) -> np.ndarray:
    """Floats that are integers, as such; None where one is missing."""
    if not np.isnan(column).any():
        return column.astype(np.int64)
    return np.array([None if value != value else int(value) for value in column.tolist()], dtype=object)


def _numbers(data: Any) -> np.ndarray:
    """The rows as one array of numbers."""
    if isinstance(data, NamedColumns):
        return data.values
    if not nw.dependencies.is_into_dataframe(data):
        return _rows(data)
    frame = nw.from_native(data, eager_only=True)
    columns = [
        _numeric((series.cast(nw.Float64) if series.null_count() else series).to_numpy(), f"column {name!r}")
        for name, series in ((name, frame[name]) for name in frame.columns)
        if _is_numeric(series, name)
    ]
    return np.stack(columns, axis=1)


def _is_numeric(series: nw.Series, name: Any) -> bool:
    if series.dtype.is_numeric() or series.dtype == nw.Boolean:
        return True
    raise InputError(
        f"An array holds only numbers; column {name!r} has dtype {series.dtype}. Write .csv or .parquet, or leave it "
        "out."
    )


def _rows(data: Any) -> np.ndarray:
    array = _numeric(np.asarray(data), "the array")
    if array.ndim == 0:
        raise InputError("A single number cannot be written as rows. Expected an array of shape (n, d).")
    return array


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
