"""Writing CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import narwhals as nw
import numpy as np

from isthmus.core.errors import InputError
from isthmus.files.atomic import write_atomically

from .cells import CellWriter

BLOCK_CELLS = 1 << 17


def write_csv(
    path_or_stream: str | Path | IO[str],
    names: Sequence[Any] | None,
    values: np.ndarray | Sequence[np.ndarray | nw.Series],
    *,
    escape_formulas: bool = False,
) -> int:
    """Write rows such that reading them gives the same values.

    Parameters
    ----------
    path_or_stream : str, Path or text stream
        A path is written whole or not at all.
    names : sequence or None
        Column names; None writes no header.
    values : ndarray of shape (n, d), or a sequence of d columns
        Arrays, or narwhals' series. Floats are written with the fewest digits that identify them in their own type,
        whole numbers of integer types without a point, booleans of arrays as 0 and 1 and those of series as True and
        False, dates and times as ISO 8601 has them (with a zone: in UTC), durations in seconds (PT3600S), missing
        values as empty cells.
    escape_formulas : bool, default False
        Put an apostrophe before each text that begins with =, +, - or @, which a spreadsheet would take for a formula.

    Returns
    -------
    int
        How many cells of text begin so, column names among them.

    Raises
    ------
    InputError
        For rows that are no table, and values that have no text (lists, bytes, NUL); the message names the column.
    """
    if isinstance(values, np.ndarray) and values.ndim != 2:
        raise InputError(
            f"A CSV file holds rows of numbers, shape (n, d); got shape {values.shape}. Write .npy instead."
        )
    columns = list(values.T) if isinstance(values, np.ndarray) else list(values)
    if names is not None and len(names) != len(columns):
        raise InputError(f"{len(names)} column names do not fit {len(columns)} columns.")
    writer = CellWriter(escape_formulas, alone=len(columns) == 1)
    texts = _text(names, columns, writer)
    if isinstance(path_or_stream, str | Path):
        write_atomically(path_or_stream, (text.encode() for text in texts))
    else:
        for text in texts:
            path_or_stream.write(text)
    return writer.formulas


def _text(names: Sequence[Any] | None, columns: Sequence[Any], writer: CellWriter) -> Iterator[str]:
    if names is not None:
        yield ",".join(writer.text(str(name)) for name in names) + "\n"
    shown = [str(place) for place in range(len(columns))] if names is None else [str(name) for name in names]
    size = max(1, BLOCK_CELLS // max(1, len(columns)))
    for start in range(0, len(columns[0]) if columns else 0, size):
        piece = slice(start, start + size)
        cells = [writer.cells(column[piece], name) for column, name in zip(columns, shown, strict=True)]
        yield "".join(",".join(row) + "\n" for row in zip(*cells, strict=True))
