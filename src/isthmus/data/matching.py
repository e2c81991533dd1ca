"""Whether data fits a schema, and which of its columns is which."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .matrix import Matrix
from .opening import open_matrix, reorder
from .schema_fields import SchemaFields
from .typed_numbers import refuse_other_types


def matched(schema: SchemaFields, data: Any, estimator_name: str) -> tuple[Matrix, NDArray[np.int64] | None]:
    """The data, checked, and where the schema's columns stand in it (None: as in training)."""
    matrix = open_matrix(data)
    _check_shape(schema, matrix, estimator_name)
    order, ignored = None, schema.roles.ignored_sources
    by_name = False
    if schema.labels is not None and matrix.labels is not None:
        order = reorder(schema.labels, matrix.labels, [schema.labels[source] for source in ignored])
        by_name = order is not None
    if not by_name and ignored and matrix.n_columns == schema.n_features - len(ignored):
        # By position: these are the columns that are left.
        order = np.full(schema.n_features, -1)
        order[np.delete(np.arange(schema.n_features), ignored)] = np.arange(matrix.n_columns)
    elif not by_name and matrix.n_columns != schema.n_features:
        raise InputError(
            f"X has {matrix.n_columns} features, but {estimator_name} is expecting {schema.n_features} features as "
            "input. Pass the columns that the model was fitted on."
        )
    if schema.labels is not None and matrix.labels is not None:
        places = range(schema.n_features) if order is None else order.tolist()
        empty = [position for position, place in enumerate(places) if place < 0 or matrix.is_empty(place)]
        refuse_other_types(schema.types, matrix.types, schema.labels, order, {*ignored, *empty})
    return matrix, order


def _check_shape(schema: SchemaFields, matrix: Matrix, estimator_name: str) -> None:
    if len(schema.row_shape) > 1 or len(matrix.row_shape) > 1:
        if matrix.row_shape != schema.row_shape:
            expected, got = (
                "(n, " + ", ".join(map(str, shape)) + ")" for shape in (schema.row_shape, matrix.row_shape)
            )
            raise InputError(
                f"X has rows of another shape: {estimator_name} is expecting {expected}; got {got}. "
                f"Pass X.reshape(-1, {', '.join(map(str, schema.row_shape))}) if the numbers are the same, and "
                "images of the size that the model was fitted on."
            )
        given, learnt = matrix.types[0].numpy, schema.types[0].numpy
        if (given == "uint8") != (learnt == "uint8"):
            raise InputError(
                f"The images are {given}, but were {learnt} in training, so that their ranges differ. Pass "
                f"X.astype({learnt!r}) after bringing them to the range "
                f"{schema.columns.low.min():g} to {schema.columns.high.max():g}."
            )
