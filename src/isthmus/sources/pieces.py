"""Files that are larger than memory, some rows at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from .csv.pieces import csv_pieces
from .parquet import parquet_pieces
from .reading import read_rows

ROWS = 1 << 16


def row_pieces(
    path: str | Path, rows: int = ROWS, text: Collection[str] = (), header: bool | None = None
) -> Iterator[Any]:
    """The rows in a file as :func:`~isthmus.sources.read_rows` gives them, at most ``rows`` at a time, in order.

    CSV files are read line by line, Parquet files one row group after the other, ``.npy`` files are mapped; an ``.npz``
    archive is read whole. A piece of a CSV file has the types that its own cells have.

    Parameters
    ----------
    path : str or Path
    rows : int, default 65,536
    text : collection of str, optional
        Columns of a CSV file that are text, whatever their cells look like.
    header : bool, optional
        Whether the first line of a CSV file holds column names. None: it does if one of its cells is not a number.

    Raises
    ------
    InputError
        For another suffix, and what the reader of each format refuses; some of it only when reading arrives there.

    Examples
    --------
    >>> _ = Path("few.csv").write_text("a,b\\n1,2\\n3,4\\n5,6\\n")
    >>> [len(piece) for piece in row_pieces("few.csv", rows=2)]
    [2, 1]
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".csv":
        yield from csv_pieces(path, rows, header=header, text=text)
    elif suffix == ".parquet":
        yield from parquet_pieces(path, rows)
    else:
        found = read_rows(path)
        for start in range(0, len(found), rows):
            yield found[start : start + rows]
