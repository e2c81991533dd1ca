"""The user's data, whatever it is, as a matrix; and which of its columns is which of the schema's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .arrays import array_matrix
from .matrix import Label, Matrix
from .sparse import SparseMatrix
from .tables import frame_matrix, is_frame

MOST_NAMES = 10


def open_matrix(data: Any) -> Matrix:
    """Arrays, sparse matrices and frames, opened without copying; raises the errors of each. What is open stays so."""
    if isinstance(data, Matrix):
        return data
    if scipy.sparse.issparse(data):
        return SparseMatrix(data)
    if is_frame(data):
        return frame_matrix(data)
    return array_matrix(data)


def reorder(
    expected: Sequence[Label], got: Sequence[Label], optional: Collection[Label] = ()
) -> NDArray[np.int64] | None:
    """Where the expected columns stand in the data; None where they stand as expected.

    Columns are matched by name if all names on both sides are text, and by position otherwise. ``optional`` columns
    need not be there; they stand at -1 then.

    Raises
    ------
    InputError
        If names differ: lists which are new and which are missing, in scikit-learn's words.
    """
    if not (all(isinstance(label, str) for label in expected) and all(isinstance(label, str) for label in got)):
        return None
    if tuple(expected) == tuple(got):
        return None
    place = {label: position for position, label in enumerate(got)}
    unseen = sorted(set(map(str, got)) - set(map(str, expected)))
    missing = sorted(set(map(str, expected)) - set(map(str, got)) - set(map(str, optional)))
    if unseen or missing:
        message = "The feature names should match those that were passed during fit.\n"
        if unseen:
            message += "Feature names unseen at fit time:\n" + _listed(unseen)
        if missing:
            message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
        raise InputError(message + "Pass the columns that the model was fitted on; their order does not matter.")
    return np.array([place.get(label, -1) for label in expected], dtype=np.int64)


def _listed(names: list[str]) -> str:
    lines = [f"- {name}\n" for name in names[:MOST_NAMES]]
    if len(names) > MOST_NAMES:
        lines.append(f"- ... and {len(names) - MOST_NAMES} more\n")
    return "".join(lines)
