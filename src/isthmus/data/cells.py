"""Errors that name the cell: found by one more pass over the data, which only bad data has to pay for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .matrix import Matrix

BESIDE = " of a condition and of the exposure"
"""Whose cells must be there where those of other columns may be missing."""


def refuse_non_finite(
    matrix: Matrix,
    first_row: int = 0,
    columns: Sequence[int] | NDArray[np.integer] | None = None,
    allow_missing: bool = False,
    whose: str = "",
) -> None:
    """Raise :class:`InputError` if a cell is NaN or infinite: counts them, names the first.

    ``first_row`` is the position of the matrix's first row in the user's data. Only ``columns`` are looked at, or all
    of them; ``allow_missing`` allows NaN. ``whose`` says which cells must be finite, if others need not.
    """
    counts = {"NaN": 0, "inf": 0}
    where = {"NaN": "", "inf": ""}
    chosen = None if columns is None else np.sort(np.asarray(columns, dtype=np.int64))
    for start, chunk in matrix.chunks(chosen):
        if chunk.dtype.kind != "f":
            return
        for name, bad in (("NaN", np.isnan(chunk)), ("inf", np.isinf(_as_float64(chunk)))):
            if name == "NaN" and allow_missing:
                continue
            found = int(np.count_nonzero(bad))
            if found and not counts[name]:
                row, column = (int(part) for part in np.argwhere(bad)[0])
                column = column if chosen is None else int(chosen[column])
                where[name] = matrix.cell_name(first_row + start + row, column)
            counts[name] += found
    parts = []
    if counts["NaN"]:
        parts.append(f"Input X contains NaN: {_cells(counts['NaN'])}, first at {where['NaN']}.")
    if counts["inf"]:
        parts.append(
            f"Input X contains infinity or a value too large for float64: {_cells(counts['inf'])}, "
            f"first at {where['inf']}."
        )
    if parts:
        if allow_missing:
            fix = "Missing cells are allowed, infinite ones are not: correct them, or make them missing."
        else:
            fix = (
                f"Every cell{whose} must be a finite number: drop these rows, or fill the cells first "
                "(for example with sklearn.impute.SimpleImputer)."
            )
        raise InputError(f"{' '.join(parts)} {fix}")


def are_finite(cells: np.ndarray, allow_missing: bool = False) -> bool:
    """No cell is infinite, or too large for float64; nor NaN, if that is not allowed."""
    if cells.dtype.kind != "f":
        return True
    values = _as_float64(cells)
    return not np.isinf(values).any() if allow_missing else bool(np.isfinite(values).all())


def are_present(cells: np.ndarray, is_position: bool) -> NDArray[np.bool_]:
    """Which cells of a column are not missing, shape (n,): positions in a vocabulary are -1 there, numbers NaN."""
    if is_position:
        return cells >= 0
    return ~np.isnan(cells) if cells.dtype.kind == "f" else np.ones(len(cells), dtype=bool)


def refuse_missing_words(matrix: Matrix, column: int, first_row: int = 0, whose: str = "") -> None:
    """Raise :class:`InputError` for the missing cells of a column of text or categories: counts them, names the first.

    ``first_row`` and ``whose`` are as in :func:`refuse_non_finite`.
    """
    missing = np.flatnonzero(matrix.raw(slice(0, matrix.n_rows), [column])[0] < 0)
    raise InputError(
        f"Input X contains missing values: {_cells(len(missing))}, first at "
        f"{matrix.cell_name(first_row + int(missing[0]), column)}. Every cell{whose} must have a level: drop these "
        "rows, or give the missing cells a level of their own (for example 'unknown')."
    )


def first_cell(matrix: Matrix, is_bad: Callable[[np.ndarray], np.ndarray]) -> tuple[int, int, float] | None:
    """Row, column and value of the first cell that ``is_bad`` marks; None if there is none."""
    for start, chunk in matrix.chunks():
        bad = np.argwhere(is_bad(chunk))
        if len(bad):
            row, column = (int(part) for part in bad[0])
            return start + row, column, float(chunk[row, column])
    return None


def _as_float64(chunk: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return chunk.astype(np.float64, copy=False)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
