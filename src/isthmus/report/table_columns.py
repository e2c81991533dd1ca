"""Tables whose columns are compared: read once, by name, each with what its numbers mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.data.datetimes import DAY, TimeType
from isthmus.metrics.tables.columns import MISSING, ComparedColumn, compared_columns

if TYPE_CHECKING:
    from isthmus.data.schema import Schema

TWO = 2
_NANOSECONDS = 1e9
_FAMILIES = {nw.Date: "date", nw.Datetime: "datetime", nw.Duration: "duration", nw.Time: "time"}
_PYTHON = {datetime: "datetime", date: "date", timedelta: "duration", time: "time"}  # a datetime is a date, too


@dataclass(frozen=True, eq=False)
class TableColumns:
    """Some tables of the same columns.

    Attributes
    ----------
    tables : tuple of str
        Their names; the first is "real".
    columns : tuple of ComparedColumn
        Times are nanoseconds since 1970; columns of two values, and those that a schema calls categorical, are levels.
    families : dict of str to str
        Of the columns of times: "date", "datetime", "duration" or "time".
    """

    tables: tuple[str, ...]
    columns: tuple[ComparedColumn, ...]
    families: Mapping[str, str]

    @classmethod
    def read(cls, schema: Schema | None = None, /, **tables: Any) -> TableColumns:
        """The columns of tables, matched by name.

        Parameters
        ----------
        schema : Schema, optional
            What a model knows of the columns: what it left out is not compared, what is categorical is levels.
        **tables : frame, mapping, NamedColumns, or array of shape (n, d)

        Raises
        ------
        InputError
            As :func:`~isthmus.metrics.tables.columns.compared_columns` raises it, or an array is no matrix.
        """
        names = None if schema is None or schema.labels is None else tuple(str(label) for label in schema.labels)
        left_out = set() if names is None or schema is None else {names[at] for at in schema.roles.dropped}
        frames = {name: _without(_named(name, table, names), left_out) for name, table in tables.items()}
        columns = compared_columns(**frames)
        if not columns:
            raise InputError("There is no column to compare: the tables have none that the model knows.")
        found = _families(frames["real"])
        are_levels = set() if schema is None else _level_names(schema, names)
        return cls(
            tuple(tables),
            tuple(
                _as_levels(one)
                if one.is_number and one.name not in found and (one.name in are_levels or _has_two_values(one))
                else one
                for one in columns
            ),
            {name: family for name, family in found.items() if any(c.name == name and c.is_number for c in columns)},
        )

    def rows(self, table: str) -> int:
        """How many rows a table has."""
        return len(self.columns[0].values[self.tables.index(table)])

    def of(self, *tables: tuple[str, NDArray[np.intp]], only: Collection[str] | None = None) -> list[ComparedColumn]:
        """Some rows of some tables, in this order, as the metrics take them; ``only`` some of the columns."""
        places = [self.tables.index(name) for name, _ in tables]
        return [
            replace(column, values=tuple(column.values[at][rows] for at, (_, rows) in zip(places, tables, strict=True)))
            for column in self.columns
            if only is None or column.name in only
        ]


def time_text(family: str, nanoseconds: float) -> str:
    """A moment or a length of time for people.

    >>> time_text("date", 86400e9), time_text("duration", 90e9)
    ('1970-01-02', '90 s')
    """
    seconds = nanoseconds / _NANOSECONDS
    return TimeType(family, "us").text(seconds / DAY if family == "date" else seconds)


def _named(name: str, table: Any, names: tuple[str, ...] | None) -> Any:
    """A table whose columns have names: arrays take those of a model's table, or x0, x1, …."""
    if isinstance(table, NamedColumns):
        return {label: table.values[:, place] for place, label in enumerate(table.names)}
    if not isinstance(table, np.ndarray):
        return table
    if table.ndim != TWO:
        raise InputError(f"`{name}` must be a table; got an array of shape {table.shape}.")
    if names is None or len(names) != table.shape[1]:
        names = tuple(f"x{place}" for place in range(table.shape[1]))
    return {label: table[:, place] for place, label in enumerate(names)}


def _without(table: Any, left_out: Collection[str]) -> Any:
    if not left_out:
        return table
    if isinstance(table, Mapping):
        return {label: cells for label, cells in table.items() if str(label) not in left_out}
    frame = nw.from_native(table, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        return table
    return frame.select([label for label in frame.columns if str(label) not in left_out]).to_native()


def _families(table: Any) -> dict[str, str]:
    """The columns of times."""
    if isinstance(table, Mapping):
        kinds = {"M": "datetime", "m": "duration"}
        arrays = {str(label): np.asarray(cells) for label, cells in table.items()}
        found = {
            label: kinds.get(cells.dtype.kind) or (_family_of(cells) if cells.dtype.kind == "O" else None)
            for label, cells in arrays.items()
        }
    else:
        frame = nw.from_native(table, eager_only=True)
        found = {}
        for label in frame.columns:
            kind = frame[label].dtype
            named = next((family for type_, family in _FAMILIES.items() if isinstance(kind, type_)), None)
            is_object = isinstance(kind, nw.Object)
            found[str(label)] = named or (_family_of(frame[label].to_list()) if is_object else None)
    return {label: family for label, family in found.items() if family}


def _family_of(cells: Any) -> str | None:
    """What the first cell that is there holds."""
    value = next((cell for cell in cells if cell is not None and cell == cell), None)
    return next((family for kind, family in _PYTHON.items() if isinstance(value, kind)), None)


def _level_names(schema: Schema, names: tuple[str, ...] | None) -> set[str]:
    return {f"x{at}" if names is None else names[at] for at in schema.roles.levels}


def _has_two_values(column: ComparedColumn) -> bool:
    return len(_values(column)) <= TWO


def _as_levels(column: ComparedColumn) -> ComparedColumn:
    found = _values(column)
    values = tuple(np.where(np.isnan(cells), MISSING, np.searchsorted(found, cells)) for cells in column.values)
    return ComparedColumn(column.name, values, tuple(int(one) if one == int(one) else float(one) for one in found))


def _values(column: ComparedColumn) -> NDArray[Any]:
    """The distinct numbers of all tables, in order."""
    every = np.concatenate([column.present(table) for table in range(len(column.values))])
    return np.unique(every)
