"""Reading CSV files that are larger than memory, some rows at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.core.errors import InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.sources.arrow import HINT, has_pyarrow
from isthmus.sources.limits import check_file

from .lines import Limits, Line, numbered_lines
from .numbers import NotNumbers, NumberParser, blocks
from .reading import MAX_COLUMNS, MAX_LINE_BYTES, Top, opened

MAX_FILE_BYTES = 1 << 44


def csv_pieces(path: str | Path, rows: int, *, header: bool | None = None, text: Collection[str] = ()) -> Iterator[Any]:
    """The rows of a comma-separated file, at most ``rows`` at a time, as :func:`~isthmus.sources.read_csv` gives them.

    A piece has the types that its own cells have: what is text in one may be numbers in another. Name the columns that
    are ``text``. Where the cells of a table of numbers turn out to be of several types, the pieces from there on are
    tables.

    Raises
    ------
    InputError
        What :func:`~isthmus.sources.read_csv` refuses; some of it only when reading arrives there.
    """
    path = check_file(path, MAX_FILE_BYTES, "the limit")
    limits = Limits(MAX_COLUMNS, MAX_LINE_BYTES)
    given = 0
    with path.open("rb") as file:
        lines = numbered_lines(file, path, limits)
        top = opened(path, file, lines, header)
        if not set(text) & set(top.mixed_names):
            try:
                for piece in _numbers(top, lines, rows):
                    given += len(piece)
                    yield piece
            except NotNumbers as found:
                if not ((top.names is not None or header is False) and has_pyarrow()):
                    raise InputError(f"{found}{HINT}") from found
            else:
                if not given:
                    raise InputError(f"{path} has a line of column names and no rows. Expected at least one row.")
                return

    from .mixed import mixed_pieces

    start = (0, top.start) if top.names is None else (top.number, top.offset)
    read = 0
    for table in mixed_pieces(path, top.mixed_names, *start, text, limits):
        for begin in range(max(0, given - read), table.num_rows, rows):
            yield table.slice(begin, rows)
        read += table.num_rows


def _numbers(top: Top, lines: Iterator[Line], rows: int) -> Iterator[NamedColumns | np.ndarray]:
    """Pieces of a table of numbers; raises NotNumbers, with all rows before the block in which it is found given."""
    parser = NumberParser(top.path, top.names, len(top.cells), zeros_are_text=top.names is not None and has_pyarrow())
    waiting = [] if top.names is not None else [np.array([parser.row(top.cells, top.number)])]
    for block in blocks(lines, len(top.cells)):
        waiting.append(parser.block(block))
        if sum(map(len, waiting)) >= rows:
            yield from _cut(top, np.concatenate(waiting), rows)
            waiting = []
    if waiting:
        yield from _cut(top, np.concatenate(waiting), rows)


def _cut(top: Top, values: np.ndarray, rows: int) -> Iterator[NamedColumns | np.ndarray]:
    for start in range(0, len(values), rows):
        piece = values[start : start + rows]
        yield piece if top.names is None else NamedColumns(top.names, piece)
