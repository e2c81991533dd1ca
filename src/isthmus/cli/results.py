"""Results to files or standard output."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from isthmus.core.errors import ParameterError
from isthmus.files.os_errors import WRITE_FIXES, explained

from .rows import FILE_COLUMN, TABLES
from .session import Session


def listed_or(words: Sequence[str]) -> str:
    """Some words, of which one is wanted.

    >>> listed_or([".csv", ".npy", ".npz"])
    '.csv, .npy or .npz'
    """
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def check_output(path: Path | None, suffixes: Sequence[str], option: str = "-o/--output") -> None:
    """Complain about an output path before the work is done, not after."""
    if path is None or str(path) == "-":
        return
    if suffixes and path.suffix.lower() not in suffixes:
        raise ParameterError(f"{option}: the name must end in {listed_or(suffixes)}; got {str(path)!r}.")
    if path.suffix.lower() == ".parquet":
        from isthmus.sources.arrow import pyarrow

        pyarrow("Parquet files")
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

    ``files``, the names of the files that the rows came from, are the first column of a table.
    """
    from isthmus.sources import write_csv, write_rows
    from isthmus.sources.reading import csv_columns

    suffix = "" if path is None or str(path) == "-" else path.suffix.lower()
    if (not suffix or suffix in TABLES) and len(data.shape) > 2:
        raise ParameterError(
            f"The result has shape {tuple(data.shape)}: images do not fit into a table. Write -o FILE.npy instead, or "
            "pictures: FILE.png, FILE.gif or a folder."
        )
    session = click.get_current_context().ensure_object(Session)
    escape = session.escape_formulas
    if path is None or not suffix:
        # The same bytes on every platform: UTF-8, and lines that end in LF.
        stream = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="\n")
        try:
            formulas = write_csv(stream, *_with_files(*csv_columns(data), files), escape_formulas=escape)
            stream.flush()
        finally:
            stream.detach()
    elif suffix == ".csv":
        formulas = write_csv(path, *_with_files(*csv_columns(data), files), escape_formulas=escape)
    elif suffix == ".parquet" and files is not None:
        from isthmus.sources.arrow import arrow_table

        formulas = write_rows(path, arrow_table(data).add_column(0, FILE_COLUMN, [_readable(files)]))
    else:
        formulas = write_rows(path, data)
    if formulas and suffix:
        _tell_formulas(session, path, formulas)


def _tell_formulas(session: Session, path: Path | None, formulas: int) -> None:
    begin = f"begin{'s' if formulas == 1 else ''} with =, +, - or @"
    cells = f"{formulas:,} cell{'' if formulas == 1 else 's'} of text"
    if session.escape_formulas:
        session.note(f"{path}: {cells} that {begin} got an apostrophe in front.")
    else:
        session.note(
            f"{path}: {cells} {begin}, which a spreadsheet would run as a formula. --escape-formulas puts an "
            "apostrophe in front."
        )


def _with_files(
    names: Sequence[Any] | None, columns: Any, files: Sequence[str] | None
) -> tuple[Sequence[Any] | None, Any]:
    """Names and columns, and before those of a table the names of the files."""
    import numpy as np

    if files is None or names is None:
        return names, columns
    listed = list(columns.T) if isinstance(columns, np.ndarray) else columns
    return [FILE_COLUMN, *names], [np.array(_readable(files), dtype=object), *listed]


def _readable(files: Sequence[str]) -> list[str]:
    """File names that are no text (in another encoding) are spelled out."""
    return [name.encode("utf-8", "backslashreplace").decode() for name in files]
