"""What the units and steps of the user's columns add to log-densities of features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from isthmus.core.errors import ParameterError
from isthmus.data.kinds import KINDS
from isthmus.data.matrix import ColumnType
from isthmus.data.rows import Rows
from isthmus.data.schema import Schema
from isthmus.data.tables import build_frame


def density_columns(schema: Schema, densities: Sequence[bool]) -> np.ndarray:
    """Which columns that are modelled as numbers have a density, not a mass: (columns,) bool, in encoded order.

    ``densities`` says it of the likelihood of each block.
    """
    marked = np.zeros(len(schema.columns), dtype=bool)
    for block, density in zip(schema.blocks, densities, strict=True):
        if block.kind in KINDS:
            marked[block.start : block.stop] |= density and KINDS[block.kind].is_density
    return marked


def column_log_jacobian(schema: Schema, densities: Sequence[bool], rows: Rows) -> np.ndarray:
    """What each column, in encoded order, adds to ``schema.log_jacobian(densities, rows)``.

    (modelled columns,) float64 if all rows are alike, else (n, modelled columns).
    """
    marked = density_columns(schema, densities)
    logs = np.where(marked, np.log(schema.columns.scale) if rows.is_affine else rows.log_slopes(), 0.0)
    return np.concatenate([logs, np.zeros((*logs.shape[:-1], len(schema.roles.categorical)))], axis=-1)


def modelled_columns(schema: Schema) -> np.ndarray:
    """The positions in the user's data of the columns that are modelled, in encoded order: (columns,) int64."""
    levels = [column.source for column in schema.roles.categorical]
    return np.append(schema.columns.source, np.array(levels, dtype=np.int64))


def log_step_volume(schema: Schema, densities: Sequence[bool], step: Any = None) -> float:
    """The logarithm of the volume of one step in all columns with a density: ln Π_j step_j, in the user's units.

    A density times this volume is the mass of a row on its grid of steps. Without ``step``, columns in which training
    showed whole numbers only have the step 1.

    Raises
    ------
    ParameterError
        ``step`` is not a number in (0, inf); or it is None, and a column had other than whole numbers.
    """
    measured = density_columns(schema, densities)
    if step is not None:
        if isinstance(step, bool) or not isinstance(step, Real) or not 0 < float(step) < math.inf:
            raise ParameterError(f"bits_per_dimension: `step` must be None or a number in (0, inf); got {step!r}.")
        return int(measured.sum()) * math.log(step)
    unknown = measured & ~schema.columns.integer
    if unknown.any():
        name = schema.column_name(int(schema.columns.source[unknown][0]))
        raise ParameterError(
            "bits_per_dimension needs data that were measured in steps, as whole numbers are, but training showed "
            f"fractions in {name}. Pass the distance of neighbouring values, such as step=1/255 for pixels in [0, 1]."
        )
    return 0.0


def beside_known_columns(schema: Schema, terms: np.ndarray) -> Any:
    """Terms (n, columns) of the modelled columns, in encoded order, where the user has them; 0 in the other columns.

    Returns
    -------
    ndarray of float64, shape (n, *row), or a frame of float64 with the user's columns
    """
    cells = np.zeros((len(terms), schema.n_features))
    cells[:, modelled_columns(schema)] = terms
    if schema.labels is None:
        return cells.reshape(len(cells), *schema.row_shape)
    return build_frame(schema.container, schema.labels, list(cells.T), [ColumnType("float64")] * schema.n_features)
