"""The model's numbers back to the user's: units, range, whole numbers, data type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.errors import InputError

from .carried import AsGiven, Carried
from .columns import Columns
from .datetimes import TimeType
from .kinds import AFFINE, Count, most_likely
from .levels import Levels
from .matrix import ColumnType, rows_per_chunk
from .resolution import rounded
from .roles import EMPTY
from .statistics import Floats
from .tables import build_frame

if TYPE_CHECKING:
    from .schema import Schema

FEWEST_ROWS = 256
"""Decoded at once however wide they are: each column of each piece has a price of its own."""

INDICATED = 0.5
"""An indicator says that the cell is missing from this probability on."""


def decoded(
    schema: Schema,
    features: Tensor | np.ndarray,
    dtype: Any,
    carried: Carried | None,
    restore_missing: bool = False,
    within: Mapping[int, NDArray[np.float64]] | None = None,
) -> Any:
    """What :meth:`Schema.decode` says."""
    array = features.detach().cpu().numpy() if isinstance(features, Tensor) else np.asarray(features)
    if array.ndim != 2 or array.shape[1] != schema.n_encoded:
        raise InputError(f"Features to decode must have shape (n, {schema.n_encoded}); got {array.shape}.")
    known = _known(schema, carried, len(array))
    types = schema.types if dtype is None else tuple(_other_type(one, np.dtype(dtype)) for one in schema.types)
    gone = _missing(schema, array, restore_missing)
    if schema.labels is None:
        return _decoded_array(schema, array, types[0].dtype, known, gone, within or {})
    columns = [np.empty(len(array), dtype=one.dtype) for one in types]
    built: dict[int, Any] = {}
    for position, values in known.items():
        if isinstance(values, AsGiven):
            built[position] = values.series
        else:
            columns[position][:] = _in_type(values, columns[position].dtype)
    tables = _level_tables(schema, [columns[column.source].dtype for column in schema.roles.categorical])
    for into, numbers, positions in _chunks(schema, array):
        for place, source in enumerate(schema.columns.source):
            measured = numbers[:, place] if dtype is not None else _measured(schema, place, numbers[:, place])
            if within and source in within:
                measured = np.clip(measured, *within[source][:, into])
            columns[source][into] = as_dtype(measured, columns[source].dtype)
        for column, table, position in zip(schema.roles.categorical, tables, positions.T, strict=True):
            columns[column.source][into] = table[position]
    empty = {column.source: column for column in schema.roles.ignored if column.why == EMPTY}
    for source in empty:
        columns[source] = np.zeros(len(array), dtype=types[source].dtype)
        gone[source] = np.ones(len(array), dtype=bool)
    levels = dict(schema.roles.levels)
    levels.update((source, Levels((), column.categories, column.ordered)) for source, column in empty.items())
    kept = [
        position for position in range(schema.n_features) if position not in schema.roles.dropped or position in built
    ]
    return build_frame(
        schema.container,
        [schema.labels[position] for position in kept],
        [built.get(position, columns[position]) for position in kept],
        [types[position] for position in kept],
        {place: levels[position] for place, position in enumerate(kept) if position in levels},
        {place: gone[position] for place, position in enumerate(kept) if position in gone},
    )


def _missing(schema: Schema, array: np.ndarray, restore: bool) -> dict[int, NDArray[np.bool_]]:
    """Where features say that a cell is missing, by the user's column; nothing unless it is to be restored."""
    start = schema.n_encoded - len(schema.indicated)
    if not restore:
        return {}
    return {
        schema.encoded_sources[column]: array[:, start + place] >= INDICATED
        for place, column in enumerate(schema.indicated)
    }


def _decoded_array(
    schema: Schema,
    array: np.ndarray,
    dtype: np.dtype,
    known: Mapping[int, Any],
    gone: Mapping[int, NDArray[np.bool_]],
    within: Mapping[int, NDArray[np.float64]],
) -> np.ndarray:
    rows = np.empty((len(array), schema.n_features), dtype=dtype)
    for position, values in known.items():
        rows[:, position] = _in_type(np.asarray(values.series) if isinstance(values, AsGiven) else values, dtype)
    tables = _level_tables(schema, [dtype] * len(schema.roles.categorical))
    sources = np.array([column.source for column in schema.roles.categorical], dtype=np.int64)
    longest = max((len(table) for table in tables), default=0)
    padded = np.stack([np.resize(table, longest) for table in tables]) if tables else np.empty((0, 0), dtype=dtype)
    for into, numbers, levels in _chunks(schema, array):
        for source, ends in within.items():
            place = int(np.flatnonzero(schema.columns.source == source)[0])
            numbers[:, place] = np.clip(numbers[:, place], *ends[:, into])
        if not schema.roles:
            rows[into] = as_dtype(numbers, dtype)
            continue
        rows[into, schema.columns.source] = as_dtype(numbers, dtype)
        rows[into, sources] = padded[np.arange(len(sources)), levels]
    if dtype.kind == "f":
        for position, missing in gone.items():
            rows[missing, position] = np.nan
        rows[:, [column.source for column in schema.roles.ignored if column.why == EMPTY]] = np.nan
    dropped = [position for position in schema.roles.dropped if position not in known]
    if dropped:
        return np.delete(rows, dropped, axis=1)
    return rows.reshape(len(array), *schema.row_shape)


def _chunks(schema: Schema, array: np.ndarray) -> Iterator[tuple[slice, Floats, NDArray[np.int64]]]:
    """Some rows at a time: where they belong, their numbers in the user's units, and their levels' positions."""
    step = max(FEWEST_ROWS, rows_per_chunk(schema.n_encoded))
    held = _held(schema)
    for start in range(0, len(array), step):
        chunk = array[start : start + step].astype(np.float64)
        if np.isnan(chunk).any():
            raise InputError("Features to decode contain NaN: the codes lie far outside of what the model learnt.")
        numbers = in_users_units(chunk[:, : len(schema.columns)], schema.columns, schema.blocks)
        if held.any():
            numbers[:, held] = np.clip(numbers[:, held], schema.columns.low[held], schema.columns.high[held])
        yield slice(start, start + len(chunk)), numbers, level_positions(chunk, schema.blocks)


def _held(schema: Schema) -> NDArray[np.bool_]:
    """The numbers that come back within the range of training: all of a frame that may not extrapolate.

    Counts are in proportion to the exposure, if there is one, and training may not have seen as much of it.
    """
    held = np.full(len(schema.columns), schema.within_range)
    if schema.has_exposure:
        for block in schema.blocks:
            if block.kind == Count.name:
                held[block.start : block.stop] = False
    return held


def _measured(schema: Schema, place: int, values: Floats) -> Floats:
    """One column's values, as finely as training measured it."""
    step = 0.0 if schema.columns.step is None else float(schema.columns.step[place])
    return (
        values if step == 0 else rounded(values, step, TimeType.of(schema.types[schema.columns.source[place]].native))
    )


def _level_tables(schema: Schema, dtypes: Sequence[np.dtype]) -> list[np.ndarray]:
    """The levels of each categorical column in a data type, in encoded order."""
    return [
        column.levels.at(np.arange(len(column.levels)), dtype)
        for column, dtype in zip(schema.roles.categorical, dtypes, strict=True)
    ]


def _known(schema: Schema, carried: Carried | None, n: int) -> Mapping[int, Any]:
    """The columns to put back, of n rows."""
    wanted = schema.roles.carried
    given = set() if carried is None else set(carried.columns)
    if not set(wanted) <= given <= {*wanted, *schema.roles.dropped}:
        names = ", ".join(schema.column_name(position) for position in wanted[:10]) + ", …" * (len(wanted) > 10)
        raise InputError(
            f"The model does not give back {names}, which it takes as known. Say what the rows to decode have "
            "there: pass given={column: value}, with one value for all rows or one per row."
        )
    if carried is None:
        return {}
    carried.check(n)
    return carried.columns


def _other_type(one: ColumnType, dtype: np.dtype) -> ColumnType:
    return one if one.numpy == "object" else ColumnType(str(dtype))


def _in_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Carried values in the type of their column."""
    if dtype.kind == "O" or values.dtype == dtype:
        return values
    if values.dtype.kind != "O":
        return as_dtype(values.astype(np.float64), dtype)
    return np.array(values.tolist()).astype(dtype)


def in_users_units(features: Floats, columns: Columns, blocks: Sequence[Block]) -> Floats:
    """Features of numbers (m, d) as float64 in the user's units, each within the range of its kind; in encoded order.

    ``blocks`` may hold others after those.
    """
    with np.errstate(over="ignore", under="ignore"):
        values = features / columns.scale
        values += columns.shift
        for column, curve in columns.curves.items():
            values[:, column] = curve.inverse(values[:, column])
    for block in blocks:
        if block.kind in AFFINE:
            inside = slice(block.start, block.stop)
            kind = AFFINE[block.kind]
            values[:, inside] = kind.restore(values[:, inside], columns.low[inside], columns.high[inside])
    return values


def level_positions(features: np.ndarray, blocks: Sequence[Block]) -> NDArray[np.int64]:
    """The most likely level of each categorical column, in encoded order, (m, d) -> (m, columns)."""
    parts = [
        most_likely(features[:, block.start : block.stop], block.cardinality) for block in blocks if block.cardinality
    ]
    return np.concatenate(parts, axis=1) if parts else np.empty((len(features), 0), dtype=np.int64)


def as_dtype(values: Floats, dtype: np.dtype) -> np.ndarray:
    """``values`` in the user's data type: whole numbers are rounded, and what does not fit goes to the limit."""
    if dtype.kind == "b":
        return values >= 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        # The limits of 64-bit integers are not floats: round towards zero, so that the cast cannot overflow.
        low, high = (_towards_zero(limit) for limit in (limits.min, limits.max))
        return np.clip(np.rint(values), low, high).astype(dtype)
    if dtype.itemsize >= 8:
        return np.clip(values, *_float_limits(np.dtype(np.float64))).astype(dtype)
    return np.clip(values, *_float_limits(dtype)).astype(dtype)


def _towards_zero(limit: int) -> float:
    nearest = float(limit)
    return float(np.nextafter(nearest, 0.0)) if abs(int(nearest)) > abs(limit) else nearest


def _float_limits(dtype: np.dtype) -> tuple[float, float]:
    limits = np.finfo(dtype)
    return float(limits.min), float(limits.max)
