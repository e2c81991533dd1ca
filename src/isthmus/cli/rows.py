"""Rows from files and results to files or standard output."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.core.errors import InputError, InputTypeError, ParameterError
from isthmus.files.os_errors import WRITE_FIXES, explained

from .images import IMAGES, ImageForm, is_images, read_image_rows

ROWS = (".csv", ".npy", ".npz")
FILE_COLUMN = "file"


@dataclass(frozen=True)
class Input:
    """The rows of a file, and the names of the files that they came from if each is a file of its own."""

    rows: Any
    names: tuple[str, ...] | None = None


def read_input(path: Path, key: str | None = None, form: ImageForm | None = None, skip_bad: bool = False) -> Input:
    """The rows in a file; ``key`` chooses an array of an ``.npz`` archive.

    A folder of images or an image file gives images, brought to ``form``; without one, they have to be alike.
    """
    if key is not None and path.suffix.lower() != ".npz":
        raise ParameterError(f"--key chooses an array of an .npz file; {path} is none. Leave it out.")
    if is_images(path):
        return Input(*read_image_rows(path, form or ImageForm(), skip_bad))
    if skip_bad:
        raise ParameterError(f"--skip-bad is for folders of images; {path} is none. Leave it out.")
    if path.suffix.lower() not in ROWS:
        raise InputError(
            f"{path}: files of type {path.suffix or '(no suffix)'} are not supported. Expected one of "
            f"{', '.join((*ROWS, *IMAGES))}, or a folder of images."
        )

    from isthmus.sources import read_npz, read_rows

    return Input(read_rows(path) if key is None else read_npz(path, key))


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


def write_output(data: Any, path: Path | None, files: Sequence[str] | None = None) -> None:
    """Write rows to ``path``, or as CSV to standard output (None or "-").

    ``files``, the names of the files that the rows came from, are the first column of a CSV table.
    """
    from isthmus.sources import write_rows

    if path is None or str(path) == "-":
        # The same bytes on every platform: UTF-8, and lines that end in LF.
        stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n")
        try:
            _write_csv(stream, data, files)
            stream.flush()
        finally:
            stream.detach()
    elif path.suffix.lower() == ".csv":
        _write_csv(path, data, files)
    else:
        write_rows(path, data)


def _write_csv(target: Path | io.TextIOWrapper, data: Any, files: Sequence[str] | None) -> None:
    import narwhals as nw
    import numpy as np

    from isthmus.core.named_columns import NamedColumns
    from isthmus.sources import write_csv, write_rows

    shape = tuple(data.shape)
    if len(shape) > 2:
        raise ParameterError(
            f"The result has shape {shape}: images do not fit into a CSV table. Write -o FILE.npy instead, or "
            "pictures: FILE.png, FILE.gif or a folder."
        )
    if files is None and isinstance(target, Path):
        write_rows(target, data)
        return
    names: Sequence[str] | None = None
    values: np.ndarray | list[np.ndarray]
    if isinstance(data, NamedColumns):
        names, values = data.names, data.values
    elif isinstance(data, np.ndarray):
        values = data
    else:
        frame = nw.from_native(data, eager_only=True)
        names, values = frame.columns, [frame[name].to_numpy() for name in frame.columns]
    if files is not None and names is not None:
        # File names that are no text (in another encoding) are spelled out.
        readable = [name.encode("utf-8", "backslashreplace").decode() for name in files]
        columns = list(values.T) if isinstance(values, np.ndarray) else values
        names, values = [FILE_COLUMN, *names], [np.array(readable, dtype=object), *columns]
    write_csv(target, names, values)
