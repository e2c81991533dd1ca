"""Errors that name the cell: found by one more pass over the data, which only bad data has to pay for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from isthmus.core.errors import InputError

from .matrix import Matrix


def refuse_non_finite(matrix: Matrix, first_row: int = 0) -> None:
    """Raise :class:`InputError` if a cell is NaN or infinite: counts them, names the first.

    ``first_row`` is the position of the matrix's first row in the user's data.
    """
    counts = {"NaN": 0, "inf": 0}
    where = {"NaN": "", "inf": ""}
    for start, chunk in matrix.chunks():
        if chunk.dtype.kind != "f":
            return
        for name, bad in (("NaN", np.isnan(chunk)), ("inf", np.isinf(_as_float64(chunk)))):
            found = int(np.count_nonzero(bad))
            if found and not counts[name]:
                row, column = (int(part) for part in np.argwhere(bad)[0])
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
        raise InputError(
            " ".join(parts) + " Every cell must be a finite number: drop these rows, or fill the cells first "
            "(for example with sklearn.impute.SimpleImputer)."
        )


def are_finite(cells: np.ndarray) -> bool:
    """No cell is NaN or infinite, or too large for float64."""
    return cells.dtype.kind != "f" or bool(np.isfinite(_as_float64(cells)).all())


def refuse_missing_words(matrix: Matrix, column: int, first_row: int = 0) -> None:
    """Raise :class:`InputError` for the missing cells of a column of text or categories: counts them, names the first.

    ``first_row`` is the position of the matrix's first row in the user's data.
    """
    missing = np.flatnonzero(matrix.raw(slice(0, matrix.n_rows), [column])[0] < 0)
    raise InputError(
        f"Input X contains missing values: {_cells(len(missing))}, first at "
        f"{matrix.cell_name(first_row + int(missing[0]), column)}. Every cell must have a level: drop these rows, or "
        "give the missing cells a level of their own (for example 'unknown')."
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
