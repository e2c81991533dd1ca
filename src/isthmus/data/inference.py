"""From statistics to kinds: one for a whole array, one per column of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isthmus.core.constraints import Constraint, InstanceOf, OneOf, check_params
from isthmus.core.errors import InputError, ParameterError

from .columns import Columns
from .kinds import KINDS
from .matrix import ColumnType, Label
from .statistics import ColumnStatistics, Floats

KIND_NAMES = tuple(KINDS)
SCALINGS = ("auto", "column", "common", "none")

_CONSTRAINTS: dict[str, tuple[Constraint, ...]] = {
    "kind": (OneOf("auto", "images", *KIND_NAMES), InstanceOf(Mapping, "a dict of column names to kinds")),
    "scaling": (OneOf(*SCALINGS),),
}


def check_request(kind: Any, scaling: Any) -> None:
    """Raise :class:`ParameterError` unless ``kind`` and ``scaling`` are what a schema can be asked for."""
    check_params("Schema", {"kind": kind, "scaling": scaling}, _CONSTRAINTS)
    if isinstance(kind, Mapping):
        for label, name in kind.items():
            if name not in ("auto", *KIND_NAMES):
                raise ParameterError(
                    f"Schema: `kind` of column {label!r} must be one of {('auto', *KIND_NAMES)}; got {name!r}."
                )


def requested_kinds(kind: Any, labels: Sequence[Label] | None, width: int) -> list[str]:
    """What is asked for each column; raises :class:`InputError` for columns that are not there."""
    if not isinstance(kind, Mapping):
        return ["auto" if kind == "images" else kind] * width
    if labels is None:
        raise InputError("Kinds by column name need a table with column names; got an array. Pass one kind for all.")
    unknown = [label for label in kind if label not in labels]
    if unknown:
        raise InputError(f"Kinds are given for columns that are not in the data: {unknown[:10]}.")
    return [kind.get(label, "auto") for label in labels]


def infer_columns(
    statistics: ColumnStatistics,
    requested: Sequence[str],
    types: Sequence[ColumnType],
    *,
    homogeneous: bool,
    images: bool,
    scaling: str,
) -> tuple[list[str], Columns]:
    """The kind of each column (in encoded order) and the columns.

    A homogeneous array gets one kind from the whole matrix. Columns of a frame are judged one by one, and grouped
    by kind.
    """
    scaling = "column" if scaling == "auto" else scaling
    if homogeneous:
        kinds = [_matrix_kind(statistics, requested[0], images)] * len(requested)
        source = np.arange(len(requested))
    else:
        kinds = _column_kinds(statistics, requested, types)
        source = np.array([place for name in KIND_NAMES for place, kind in enumerate(kinds) if kind == name])
        kinds = [kinds[place] for place in source]
    statistics = statistics.columns(source)
    shift, scale, low, high = (np.empty(len(kinds)) for _ in range(4))
    for name in dict.fromkeys(kinds):
        inside = np.flatnonzero([kind == name for kind in kinds])
        some, kind = statistics.columns(inside), KINDS[name]
        if images and name == "unit-interval" and types[0].numpy == "uint8":
            bounds: tuple[Floats, Floats] = np.zeros(len(inside)), np.full(len(inside), 255.0)
        else:
            bounds = kind.bounds(some, homogeneous)
        low[inside], high[inside] = bounds
        shift[inside], scale[inside] = kind.affine(some, *bounds, scaling)
    constant, integer = statistics.constant, statistics.integer
    return kinds, Columns(source.astype(np.int64), shift, scale, low, high, statistics.mean, integer, constant)


def _matrix_kind(statistics: ColumnStatistics, requested: str, images: bool) -> str:
    if requested != "auto":
        return requested
    if KINDS["binary"].fits_matrix(statistics):
        return "binary"
    if images:
        return "unit-interval"
    return next(name for name, kind in KINDS.items() if kind.fits_matrix(statistics))


def _column_kinds(statistics: ColumnStatistics, requested: Sequence[str], types: Sequence[ColumnType]) -> list[str]:
    fitting = {name: kind.fits_columns(statistics) for name, kind in KINDS.items()}
    # A column of booleans is binary by its type, whether or not both values were seen.
    fitting["binary"] = fitting["binary"] | np.array([one.numpy == "bool" for one in types])
    return [
        next(name for name, fits in fitting.items() if fits[place]) if asked == "auto" else asked
        for place, asked in enumerate(requested)
    ]
