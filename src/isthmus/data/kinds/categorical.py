"""Columns of levels, one-hot: the only kind that is not an affine map of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .kind import Kind


class Categorical(Kind):
    """One of a few levels per column.

    A column becomes as many features as it has levels: 1 for its level and 0 for the others. Columns with the same
    number of levels make a block, the features of one column after those of the other. Never inferred: whole numbers
    may be levels, counts or measurements.
    """

    name = "categorical"
    is_density = False


def write_one_hot(positions: NDArray[np.integer], out: Tensor) -> None:
    """Set the features of one column, shape (n, levels) and zero before, from each row's level, shape (n,)."""
    out.numpy()[np.arange(len(positions)), positions] = 1.0


def most_likely(features: np.ndarray, cardinality: int) -> NDArray[np.int64]:
    """The level of each column from a block's probabilities, (n, columns * cardinality) -> (n, columns)."""
    return features.reshape(len(features), -1, cardinality).argmax(axis=2)
