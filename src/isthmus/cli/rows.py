"""Rows from files and results to files or standard output."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isthmus.core.errors import InputError, InputTypeError, ParameterError
from isthmus.files.os_errors import WRITE_FIXES, explained

ROWS = (".csv", ".npy", ".npz")


def read_input(path: Path, key: str | None = None) -> Any:
    """The rows in a file; ``key`` chooses an array of an ``.npz`` archive."""
    from isthmus.sources import read_npz, read_rows

    if key is None:
        return read_rows(path)
    if path.suffix.lower() != ".npz":
        raise ParameterError(f"--key chooses an array of an .npz file; {path} is none. Leave it out.")
    return read_npz(path, key)


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Errors about the data name the file that they came from."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        kind: type[InputError] = InputTypeError if isinstance(error, InputTypeError) else InputError
        raise kind(f"{path}: {error}") from error


def single_row(rows: Any, number: int, path: Path, option: str) -> Any:
    """Row ``number`` (from 0; negative: from the end) as a table of one row."""
    if not -len(rows) <= number < len(rows):
        raise ParameterError(
            f"{option}: {path} has {len(rows):,} rows, numbered 0 to {len(rows) - 1:,} (or -1, -2, … from the end); "
            f"got {number}."
        )
    return some_rows(rows, slice(number, number + 1 or None))


def some_rows(rows: Any, chosen: slice) -> Any:
    """A piece of what :func:`read_input` gave."""
    from isthmus.core.named_columns import NamedColumns

    return NamedColumns(rows.names, rows.values[chosen]) if isinstance(rows, NamedColumns) else rows[chosen]


def check_output(path: Path | None, suffixes: Sequence[str], option: str = "-o/--output") -> None:
    """Complain about an output path before the work is done, not after."""
    if path is None or str(path) == "-":
        return
    if suffixes and path.suffix.lower() not in suffixes:
        wanted = " or ".join(suffixes)
        raise ParameterError(f"{option}: the name must end in {wanted}; got {str(path)!r}.")
    folder = path.parent
    number = 0
    if path.is_dir():
        number = errno.EISDIR
    elif not folder.exists():
        number = errno.ENOENT
    elif not folder.is_dir():
        number = errno.ENOTDIR
    elif not os.access(folder, os.W_OK):
        number = errno.EACCES
    if number:
        raise explained(OSError(number, os.strerror(number)), "save", path, WRITE_FIXES)


def write_output(data: Any, path: Path | None) -> None:
    """Write rows to ``path``, or as CSV to standard output (None or "-")."""
    from isthmus.sources import write_rows

    if path is None or str(path) == "-":
        _print_csv(data)
        return
    if path.suffix.lower() == ".csv":
        _check_table(data)
    write_rows(path, data)


def _check_table(data: Any) -> None:
    shape = tuple(data.shape)
    if len(shape) > 2:
        raise ParameterError(
            f"The result has shape {shape}: images do not fit into a CSV table. Write -o FILE.npy instead."
        )


def _print_csv(data: Any) -> None:
    import narwhals as nw
    import numpy as np

    from isthmus.core.named_columns import NamedColumns
    from isthmus.sources import write_csv

    _check_table(data)
    names: Sequence[str] | None = None
    values: np.ndarray | list[np.ndarray]
    if isinstance(data, NamedColumns):
        names, values = data.names, data.values
    elif isinstance(data, np.ndarray):
        values = data
    else:
        frame = nw.from_native(data, eager_only=True)
        names, values = frame.columns, [frame[name].to_numpy() for name in frame.columns]
    # The same bytes on every platform: UTF-8, and lines that end in LF.
    stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n")
    try:
        write_csv(stream, names, values)
        stream.flush()
    finally:
        stream.detach()
