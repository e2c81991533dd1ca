"""What was inferred of the columns of some data, for people to read and to edit."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from isthmus.core.named_columns import NamedColumns
from isthmus.data.schema import Schema

from .schema_options import REST
from .tables import aligned

ASKED = "as asked"
IGNORED = {
    "asked": ASKED,
    "identifier": "left out: looks like an identifier, nearly all values differ",
    "text": "left out: free text",
    "levels": "left out: too many levels",
    "empty": "left out: no cell has a value",
}
MOST_LEVELS_SHOWN, MOST_LETTERS = 5, 48
MANY_COLUMNS = 40


@dataclass(frozen=True)
class ColumnRow:
    """One column, or all columns of an array.

    Attributes
    ----------
    name, kind, dtype : str
        The kind is one that ``--schema`` takes.
    holes : float
        The share of its cells that are missing.
    values : str
        Its levels, or its range.
    why : str
        Why it is of that kind.
    """

    name: str
    kind: str
    dtype: str
    holes: float
    values: str
    why: str


class SchemaTable:
    """What a schema learns of data, column by column.

    Parameters
    ----------
    data : what ``read_input`` gives
    setting : str, dict or None
        What is asked for, as ``--schema`` says it.
    """

    def __init__(self, data: Any, setting: str | Mapping[str, str] | None) -> None:
        self.data = data
        self.asked: Mapping[str, str] = setting if isinstance(setting, Mapping) else {REST: setting or "auto"}
        self.is_table = isinstance(data, NamedColumns) or hasattr(data, "column_names")
        missing = "model" if self.is_table else "error"
        self.schema = Schema.learn(data, kind="auto" if setting is None else setting, missing=missing)

    @cached_property
    def rows(self) -> list[ColumnRow]:
        """One row per column of a table; one for an array, and one for each of its columns that has a role."""
        if self.schema.labels is not None:
            return [self._column(place, str(label)) for place, label in enumerate(self.schema.labels)]
        described = self.schema.describe()
        first = described[0]
        kind = "images" if len(self.schema.row_shape) > 1 else first["kind"]
        why = ASKED if self.asked.get(REST, "auto") != "auto" else "one kind for the whole array"
        whole = ColumnRow(first["name"], kind, first["dtype"], 0.0, _range(first["low"], first["high"]), why)
        roles = [ColumnRow(one["name"], one["kind"], one["dtype"], 0.0, "", ASKED) for one in described[1:]]
        return [whole, *roles]

    def text(self, title: str) -> str:
        """A table for terminals."""
        n_rows = len(self.data)
        headings = ["Column", "Kind", "Type", "Missing", "Values", "Why"]
        cells = [
            [row.name, row.kind, row.dtype, f"{row.holes:.1%}" if row.holes else "–", row.values, row.why]
            for row in self.rows
        ]
        return f"{title}: {n_rows:,} rows\n\n{aligned(headings, cells, right=(3,))}{self._kinds()}"

    def _kinds(self) -> str:
        """How many columns there are of each kind, where they are too many to count by eye."""
        counts = Counter(row.kind for row in self.rows)
        if len(self.rows) <= MANY_COLUMNS:
            return ""
        words = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())
        return f"\n{len(self.rows):,} columns: {words}.\n"

    def json_text(self) -> str:
        """The kinds for ``fit --schema``, a line per column, with what was found beside them."""
        if not self.is_table:
            first, *roles = self.rows
            if not roles:
                return _json({"kind": first.kind}) + "\n"
            positions = {str(place): self.asked[str(place)] for place in self.schema.roles.carried}
            return _json({"columns": {**positions, REST: first.kind}}) + "\n"
        lines = [
            f"    {_json(row.name)}: "
            + _json(
                {
                    "kind": row.kind,
                    "type": row.dtype,
                    "missing": round(row.holes, 6),
                    "values": row.values,
                    "why": row.why,
                }
            )
            for row in self.rows
        ]
        return '{\n  "columns": {\n' + ",\n".join(lines) + "\n  }\n}\n"

    def _column(self, place: int, name: str) -> ColumnRow:
        schema = self.schema
        one = schema.types[place]
        kind, why = self._kind(place)
        asked = self.asked.get(name, self.asked.get(REST, "auto"))
        levels = schema.roles.levels.get(place)
        values = self._extent(place) if levels is None else _levels(levels.values)
        if kind != "ignore" and asked != "auto":
            why = ASKED
        return ColumnRow(name, kind, one.native or one.numpy, self._holes(place), values, why)

    def _kind(self, place: int) -> tuple[str, str]:
        schema, roles = self.schema, self.schema.roles
        for ignored in roles.ignored:
            if ignored.source == place:
                return "ignore", IGNORED.get(ignored.why, ignored.why)
        if roles.exposure is not None and roles.exposure.source == place:
            return "exposure", ASKED
        if any(column.source == place for column in roles.condition):
            return "condition", ASKED
        if place in roles.levels:
            return "categorical", "text" if roles.levels[place].are_text else "levels"
        column = int(np.flatnonzero(schema.columns.source == place)[0])
        kind = next(block.kind for block in schema.blocks if block.start <= column < block.stop)
        constant = ", constant: carries nothing" if schema.columns.constant[column] else ""
        return kind, f"{self._number_words(place, kind, column)}{constant}"

    def _number_words(self, place: int, kind: str, column: int) -> str:
        one = self.schema.types[place]
        curve = self.schema.columns.curves.get(column)
        if kind == "binary":
            return "true or false" if "bool" in one.numpy else "only 0 and 1"
        if any(word in one.native for word in ("date", "Date", "time", "Time", "duration", "Duration")):
            return f"times, as numbers on an axis{', scaled by weekdays and hours' if curve is not None else ''}"
        through = "" if curve is None else f", far from normal: scaled by {_curve_words(curve.name)}"
        return f"{'whole numbers' if self.schema.columns.integer[column] else 'numbers'}{through}"

    def _holes(self, place: int) -> float:
        if isinstance(self.data, NamedColumns):
            column = self.data.values[:, place]
            return float(np.isnan(column).mean()) if column.dtype.kind == "f" else 0.0
        return float(self.data.column(place).null_count / len(self.data))

    def _extent(self, place: int) -> str:
        """The lowest and the highest value, as they stand in the file."""
        if isinstance(self.data, NamedColumns):
            column = self.data.values[:, place]
            present = column[~np.isnan(column)] if column.dtype.kind == "f" else column
            return _range(float(present.min()), float(present.max())) if len(present) else ""

        import pyarrow as pa
        import pyarrow.compute as pc

        column = self.data.column(place)
        if pa.types.is_dictionary(column.type) or column.null_count == len(column):
            return ""
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            return f"{pc.count_distinct(column).as_py():,} different"
        found = pc.min_max(column)
        low, high = found["min"].as_py(), found["max"].as_py()
        return _range(low, high)


def _range(low: Any, high: Any) -> str:
    if low is None or high is None:
        return ""
    return _value(low) if low == high else f"{_value(low)} to {_value(high)}"


def _value(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _levels(values: tuple[Any, ...]) -> str:
    shown = ", ".join(_value(value) for value in values[:MOST_LEVELS_SHOWN])
    if len(shown) > MOST_LETTERS:
        shown = f"{shown[:MOST_LETTERS]}…"
    elif len(values) > MOST_LEVELS_SHOWN:
        shown += ", …"
    return f"{len(values):,}: {shown}"


def _curve_words(name: str) -> str:
    return {"log": "the logarithm", "quantile": "quantiles"}.get(name, name)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
