"""Pieces of a row index, and where a row of a piece stands in the user's data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .matrix import RowIndex


def count_of(index: RowIndex, n_rows: int) -> int:
    """How many rows the index takes of ``n_rows``."""
    return len(range(*index.indices(n_rows))) if isinstance(index, slice) else len(index)


def parts_of(index: RowIndex, n_rows: int, step: int) -> Iterator[tuple[slice, RowIndex]]:
    """The index in pieces of at most ``step`` rows: where each goes in the result, and what it takes."""
    count = count_of(index, n_rows)
    for start in range(0, count, step):
        into = slice(start, min(start + step, count))
        if not isinstance(index, slice):
            yield into, index[into]
            continue
        positions = range(*index.indices(n_rows))[into]
        if positions.step == 1:
            yield into, slice(positions.start, positions.stop)
        else:
            yield into, np.arange(positions.start, positions.stop, positions.step)


def position_of(part: RowIndex, row: int, n_rows: int) -> int:
    """The position in the user's data of row ``row`` of a piece."""
    return part.start + row if isinstance(part, slice) else int(part[row]) % n_rows
