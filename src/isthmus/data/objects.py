"""pandas columns of Python objects: numbers and truth values among missing cells, and what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

NUMBERS = (int, float, np.integer, np.floating)
MARKERS = {"none": None, "na": "NA", "": float("nan")}


def missing_marker(series: Any) -> str:
    """How the first missing cell of a pandas series of objects is written: "none", "na", or "" for NaN."""
    missing = np.flatnonzero(series.isna().to_numpy())
    if len(missing) == 0:
        return ""
    cell = series.iloc[int(missing[0])]
    if cell is None:
        return "none"
    return "na" if type(cell).__name__ == "NAType" else ""


def read_objects(series: Any) -> tuple[np.ndarray, str] | None:
    """A pandas series of objects that are all truth values, or all numbers: as an array, and numpy's name of the type.

    Missing cells are NaN. None if there are other objects.
    """
    missing = series.isna().to_numpy()
    cells = series.to_numpy(dtype=object)[~missing]
    if all(isinstance(cell, bool | np.bool_) for cell in cells):
        return _with_holes(cells.astype(bool), missing), "bool"
    if any(isinstance(cell, bool | np.bool_) or not isinstance(cell, NUMBERS) for cell in cells):
        return None
    if all(isinstance(cell, int | np.integer) for cell in cells):
        limits = np.iinfo(np.int64)
        if all(limits.min <= cell <= limits.max for cell in cells):
            return _with_holes(cells.astype(np.int64), missing), "int64"
    try:
        return _with_holes(cells.astype(np.float64), missing), "float64"
    except OverflowError:
        return None


def mixture(cells: Sequence[Any], label: object) -> str:
    """Two cells of different types in words; "" if all cells that are there are of one type."""
    first: tuple[int, Any] | None = None
    for row, cell in enumerate(cells):
        if cell is None or (isinstance(cell, float) and cell != cell) or type(cell).__name__ in ("NAType", "NaTType"):
            continue
        if first is None:
            first = row, cell
        elif _family(cell) != _family(first[1]):
            return (
                f"Column {label!r} mixes types: row {first[0]} holds {first[1]!r:.40} ({type(first[1]).__name__}), and "
                f"row {row} holds {cell!r:.40} ({type(cell).__name__})."
            )
    return ""


def _with_holes(cells: np.ndarray, missing: np.ndarray) -> np.ndarray:
    if not missing.any():
        return cells
    filled = np.full(len(missing), np.nan)
    filled[~missing] = cells
    return filled


def _family(cell: Any) -> type:
    if isinstance(cell, bool | np.bool_):
        return bool
    return float if isinstance(cell, NUMBERS) else type(cell)
