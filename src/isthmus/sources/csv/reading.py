"""Reading CSV files."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from isthmus.core.errors import DataWarning, InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.sources.arrow import HINT, has_pyarrow
from isthmus.sources.limits import check_file

from .lines import BYTE_ORDER_MARK, Limits, Line, column_names, first_row, numbered_lines
from .numbers import NotNumbers, NumberParser, blocks, is_number

MAX_BYTES = 2 << 30
MAX_COLUMNS = 100_000
MAX_LINE_BYTES = 16 << 20
NO_LONGER_EXACT = 2**53


def read_csv(
    path: str | Path,
    *,
    header: bool | None = None,
    text: Collection[str] = (),
    max_bytes: int = MAX_BYTES,
    max_columns: int = MAX_COLUMNS,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Any:
    """The rows of a comma-separated file.

    UTF-8, with or without a byte order mark; lines may end in LF or CRLF. An empty cell is missing.

    A table of numbers needs no other library. Columns of text, dates or booleans are read with pyarrow (the extra
    ``tables``): a column is what all of its cells are, in this order: whole numbers, numbers, booleans (true, false),
    dates (2024-01-31), times (2024-01-31T12:30, with or without a zone), durations (PT3600S), and else text. In columns
    that are not text, cells such as "NA", "null" and "?" are missing, too; and where one of these stands for a missing
    number, it does for a missing word as well. Whole numbers with leading zeros are text. Where the first row has a
    space behind every comma, and the file no quotes, such spaces are no part of the cells.

    Parameters
    ----------
    path : str or Path
    header : bool, optional
        Whether the first line holds column names. None: it does if one of its cells is not a number. Tables of text
        without names get "x0", "x1", ….
    text : collection of str, optional
        Columns that are text, whatever their cells look like.
    max_bytes, max_columns, max_line_bytes : int
        Larger files, wider tables and longer lines are refused before they are parsed.

    Returns
    -------
    NamedColumns
        For numbers under column names. Columns of whole numbers are marked in ``whole``.
    ndarray of shape (n, d)
        For numbers without column names: int64 if all are whole, else float64.
    pyarrow.Table
        For everything else.

    Raises
    ------
    InputError
        For a line with another number of cells, an empty line between others, an unclosed quote, a NUL byte, bytes
        that are not UTF-8, names that are empty or occur twice, no rows at all, a cell that is no number where only
        numbers can be read, and files above a limit; the message gives file and line.

    Warns
    -----
    DataWarning
        For a column that is text because of a few cells only, and a first line that looks like a row.
    """
    path = check_file(path, max_bytes, "max_bytes")
    limits = Limits(max_columns, max_line_bytes)
    with path.open("rb") as file:
        lines = numbered_lines(file, path, limits)
        top = opened(path, file, lines, header)
        if top.names is None or not set(text) & set(top.names):
            try:
                return _numbers(top, lines)
            except NotNumbers as found:
                # Without being told, a line of numbers above text is taken for numbers with a mistake below.
                may_be_text = top.names is not None or header is False
                if not (may_be_text and has_pyarrow()):
                    raise InputError(f"{found}{HINT if may_be_text else ''}") from found
        elif not has_pyarrow():
            raise InputError(f"{path}: column {next(iter(set(text) & set(top.names)))!r} holds text.{HINT}")

    from .mixed import read_mixed

    if top.names is None:
        return read_mixed(path, top.mixed_names, 0, top.start, text, limits)
    return read_mixed(path, top.names, top.number, top.offset, text, limits)


def opened(path: Path, file: IO[bytes], lines: Iterator[Line], header: bool | None) -> Top:
    """The first row of a file, taken from its lines."""
    number, cells = first_row(lines, path)
    has_names = header or (header is None and not all(is_number(cell) for cell in cells))
    return Top(path, column_names(cells, path, number) if has_names else None, number, file.tell(), cells)


@dataclass(frozen=True)
class Top:
    """The first row of a file: its names if it has some, its last line's number, where the next begins, its cells."""

    path: Path
    names: tuple[str, ...] | None
    number: int
    offset: int
    cells: list[str]

    @property
    def mixed_names(self) -> tuple[str, ...]:
        """Names for the columns of a table that has none."""
        return tuple(f"x{place}" for place in range(len(self.cells))) if self.names is None else self.names

    @property
    def start(self) -> int:
        """Where the first row begins: behind a byte order mark."""
        with self.path.open("rb") as file:
            return len(BYTE_ORDER_MARK) if file.read(len(BYTE_ORDER_MARK)) == BYTE_ORDER_MARK else 0


def _numbers(top: Top, lines: Iterator[Line]) -> NamedColumns | np.ndarray:
    path, names = top.path, top.names
    parser = NumberParser(path, names, len(top.cells), zeros_are_text=names is not None and has_pyarrow())
    read = [] if names is not None else [np.array([parser.row(top.cells, top.number)])]
    read.extend(parser.block(block) for block in blocks(lines, len(top.cells)))
    if not read:
        raise InputError(f"{path} has a line of column names and no rows. Expected at least one row.")
    values = np.concatenate(read)
    if parser.leading_zeros and names is not None:
        warnings.warn(f"{path} has whole numbers with leading zeros, which are lost.{HINT}", DataWarning, stacklevel=3)
    largest = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    whole = parser.whole & ~np.isnan(values).all(axis=0) & (largest < NO_LONGER_EXACT)
    rounded = np.flatnonzero(parser.whole & (largest >= NO_LONGER_EXACT) & (largest < np.inf))
    if len(rounded):
        named = [str(place) if names is None else repr(names[place]) for place in rounded[:10]]
        warnings.warn(
            f"{path} has whole numbers beyond 2**53 in column {', '.join(named)}: they are rounded. If they are "
            "identifiers, leave them out.",
            DataWarning,
            stacklevel=3,
        )
    if whole.all() and not np.isnan(values).any():
        values = values.astype(np.int64)
        return values if names is None else NamedColumns(names, values)
    return values if names is None else NamedColumns(names, values, tuple(whole.tolist()))
