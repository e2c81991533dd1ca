"""A schema as rows of a table for people."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from .datetimes import DAY, TimeType
from .levels import Levels
from .matrix import ColumnType

if TYPE_CHECKING:
    from .schema import Schema

LONGEST = 1e9 * DAY


def describe(schema: Schema) -> list[dict[str, Any]]:
    """One row per column of a frame in the user's order; or one for a whole array, and one per column with a role.

    The lowest, highest and mean values of dates and times are text: "2024-05-01", "2024-05-01T12:00:00", "17:30:00",
    and of durations "2 days, 1:30:00".
    """
    if schema.labels is not None:
        rates = {
            schema.encoded_sources[column]: {"missing": rate}
            for column, rate in zip(schema.indicated, schema.missing_rates, strict=True)
        }
        return [
            {**_column(schema, position, str(label)), **rates.get(position, {})}
            for position, label in enumerate(schema.labels)
        ]
    shape = "×".join(str(part) for part in schema.row_shape)
    name = f"{schema.container} {shape}" if len(schema.row_shape) > 1 else f"all {shape} columns"
    carried = tuple(sorted((*schema.roles.carried, *schema.roles.ignored_sources)))
    if carried:
        name = f"the other {schema.n_features - len(carried)} columns"
    if schema.roles.categorical:
        whole = _levelled(name, "categorical", schema.types[0], [one.levels for one in schema.roles.categorical])
    else:
        whole = _numbers(schema, name, schema.blocks[0].kind, schema.types[0], np.arange(len(schema.columns)))
    return [whole, *(_column(schema, position, f"column {position}") for position in carried)]


def _column(schema: Schema, position: int, name: str) -> dict[str, Any]:
    one = schema.types[0] if schema.labels is None else schema.types[position]
    roles = schema.roles
    for ignored in roles.ignored:
        if ignored.source == position:
            return {**_plain(name, "ignore", one, None, None), "why": ignored.why}
    levels = roles.levels.get(position)
    if levels is not None:
        kind = "condition" if position in roles.carried else "categorical"
        return _levelled(name, kind, one, [levels])
    if roles.exposure is not None and position == roles.exposure.source:
        return _plain(name, "exposure", one, roles.exposure.mean, 1.0)
    for column in roles.condition:
        if column.source == position:
            return _plain(name, "condition", one, column.shift, column.scale)
    place = int(np.flatnonzero(schema.columns.source == position)[0])
    kind = next(block.kind for block in schema.blocks if block.start <= place < block.stop)
    return _numbers(schema, name, kind, one, np.array([place]))


def _numbers(schema: Schema, name: str, kind: str, one: ColumnType, where: np.ndarray) -> dict[str, Any]:
    columns = schema.columns
    scale = columns.scale[where]
    curves = {columns.curves[place].name for place in where.tolist() if place in columns.curves}
    return {
        "name": name,
        "kind": kind,
        "dtype": one.native or one.numpy,
        "columns": len(where),
        "low": _shown(one, float(columns.low[where].min())),
        "high": _shown(one, float(columns.high[where].max())),
        "mean": _shown(one, float(columns.mean[where].mean())),
        "scale": float(scale[0]) if (scale == scale[0]).all() else None,
        "constant": int(columns.constant[where].sum()),
        **({"curve": curves.pop()} if curves else {}),
    }


def _shown(one: ColumnType, number: float) -> float | str:
    """A number of a column as people read it."""
    kind = TimeType.of(one.native)
    if kind is None or not math.isfinite(number):
        return number
    if kind.family != "duration":
        return kind.text(number)
    if abs(number) >= LONGEST:
        return f"{number / DAY:.6g} days"
    return f"{'-' if number < 0 else ''}{timedelta(seconds=round(abs(number), 6))}"


def _levelled(name: str, kind: str, one: ColumnType, levels: list[Levels]) -> dict[str, Any]:
    sizes = {len(some) for some in levels}
    described = _plain(name, kind, one, None, None)
    described["columns"] = len(levels)
    described["constant"] = sum(len(some) == 1 for some in levels)
    described["levels"] = sizes.pop() if len(sizes) == 1 else None
    return described


def _plain(name: str, kind: str, one: ColumnType, mean: float | None, scale: float | None) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "dtype": one.native or one.numpy,
        "columns": 1,
        "low": None,
        "high": None,
        "mean": None if mean is None else _shown(one, mean),
        "scale": scale,
        "constant": 0,
    }
