"""Several tables with the same columns, as numbers and level positions that can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from ...core.errors import InputError, InputTypeError

MISSING = -1
MOST_NAMES = 10
_NUMBERS, _TIMES = (int, float, np.number, Decimal), (date, time, timedelta)


@dataclass(frozen=True)
class ComparedColumn:
    """One column of several tables.

    Attributes
    ----------
    name : str
    values : tuple of ndarray
        One array for each table. Of numbers and times: float64, NaN where missing. Of levels (text, categories,
        booleans): int64 positions in a common list, -1 where missing.
    levels : tuple or None
        That common list; None for numbers.
    """

    name: str
    values: tuple[NDArray[Any], ...]
    levels: tuple[Any, ...] | None = None

    @property
    def is_number(self) -> bool:
        """The column holds quantities, of which differences mean something."""
        return self.levels is None

    def missing(self, table: int) -> NDArray[np.bool_]:
        """Which cells of a table are missing, shape (n,)."""
        values = self.values[table]
        return np.isnan(values) if self.is_number else values == MISSING

    def present(self, table: int) -> NDArray[Any]:
        """The cells of a table that are there."""
        return self.values[table][~self.missing(table)]


def compared_columns(**tables: Any) -> list[ComparedColumn]:
    """The columns of tables of the same columns, which are matched by name.

    Parameters
    ----------
    **tables : frame or mapping
        pandas, polars or Arrow tables, or mappings from column names to arrays, by the name that messages use. The
        first says what each column is.

    Raises
    ------
    InputError
        Columns differ, a table has no rows, or a column is text in one table and numbers in another.

    Examples
    --------
    >>> real, drawn = {"size": [1.0, 2.0], "sex": ["f", "m"]}, {"size": [3], "sex": ["m"]}
    >>> size, sex = compared_columns(real=real, synthetic=drawn)
    >>> size.is_number, sex.levels, sex.values[1].tolist()
    (True, ('f', 'm'), [1])
    """
    read = {name: _columns_of(name, table) for name, table in tables.items()}
    first_name, first = next(iter(read.items()))
    for name, columns in read.items():
        lacking, added = [one for one in first if one not in columns], [one for one in columns if one not in first]
        if lacking or added:
            parts = [f"lacks {lacking[:MOST_NAMES]}"] * bool(lacking) + [f"has {added[:MOST_NAMES]} besides"] * bool(
                added
            )
            raise InputError(f"`{name}` must have the columns of `{first_name}`; it {' and '.join(parts)}.")
    return [_compared(label, {name: columns[label] for name, columns in read.items()}) for label in first]


def _columns_of(name: str, table: Any) -> dict[str, NDArray[Any]]:
    """Each column as float64, or as objects: levels, None where missing."""
    if isinstance(table, Mapping):
        columns = {str(label): _plain(np.asarray(values)) for label, values in table.items()}
    else:
        try:
            frame = nw.from_native(table, eager_only=True)
        except TypeError:
            raise InputTypeError(
                f"`{name}` must be a pandas, polars or Arrow table, or a mapping from column names to arrays; got "
                f"{type(table).__name__}."
            ) from None
        columns = {str(label): _native(frame[label]) for label in frame.columns}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(f"`{name}` must have columns of one length, and at least one row; got {sorted(lengths)}.")
    return columns


def _native(series: nw.Series[Any]) -> NDArray[Any]:
    kind = series.dtype
    if isinstance(kind, nw.Date):
        series = series.cast(nw.Datetime("us"))
    if isinstance(kind, nw.Datetime) and kind.time_zone is not None:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if kind.is_temporal() and not isinstance(kind, nw.Time):
        # Nanoseconds since 1970 (of durations: since nothing), whatever the column's own unit.
        series = series.cast(nw.Duration("ns") if isinstance(kind, nw.Duration) else nw.Datetime("ns"))
        whole = series.cast(nw.Int64).to_numpy().astype(np.float64)
        return np.where(series.is_null().to_numpy(), np.nan, whole)
    if kind.is_numeric():
        return np.array(series.cast(nw.Float64).to_numpy(), dtype=np.float64)
    objects = np.empty(len(series), dtype=object)
    objects[:] = series.to_list()
    return _levels(objects)


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "iuf":
        return values.astype(np.float64)
    if values.dtype.kind in "mM":
        whole = values.astype(values.dtype.kind + "8[ns]").astype(np.int64).astype(np.float64)
        whole[np.isnat(values)] = np.nan
        return whole
    return _levels(values.astype(object))


def _levels(values: NDArray[Any]) -> NDArray[Any]:
    """Objects with None for whatever stands for a missing cell; numbers alone, or times alone, become float64."""
    result = np.empty(len(values), dtype=object)
    # Only missing markers differ from themselves, or refuse to say.
    result[:] = [None if value is None or _differs(value) else value for value in values]
    known = [value for value in result if value is not None]
    for kinds, number in ((_NUMBERS, float), (_TIMES, _nanoseconds)):
        if known and all(isinstance(value, kinds) and not isinstance(value, bool) for value in known):
            return np.array([np.nan if value is None else number(value) for value in result], dtype=np.float64)
    return result


def _nanoseconds(value: date | time | timedelta) -> float:
    """Since 1970 (in UTC where there is a zone), since midnight, or long."""
    if isinstance(value, time):
        value = timedelta(0, value.second, value.microsecond, 0, value.minute, value.hour)
    elif not isinstance(value, timedelta):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return value / timedelta(microseconds=1) * 1000


def _differs(value: Any) -> bool:
    try:
        return bool(value != value)
    except TypeError:
        return True


def _compared(label: str, cells: Mapping[str, NDArray[Any]]) -> ComparedColumn:
    numbers = {name: values.dtype.kind == "f" for name, values in cells.items() if not _all_missing(values)}
    if len(set(numbers.values())) > 1:
        words = ", ".join(f"{'numbers' if number else 'levels'} in `{name}`" for name, number in numbers.items())
        raise InputError(f"Column {label!r} must be of one kind in all tables; it holds {words}.")
    if all(numbers.values()):
        return ComparedColumn(label, tuple(_as_numbers(values) for values in cells.values()))
    places: dict[Any, int] = {}
    for values in cells.values():
        for value in values:
            if value is not None and value == value:
                places.setdefault(value, len(places))
    return ComparedColumn(
        label,
        tuple(np.array([places.get(value, MISSING) for value in values], dtype=np.int64) for values in cells.values()),
        tuple(places),
    )


def _all_missing(values: NDArray[Any]) -> bool:
    if values.dtype.kind == "f":
        return bool(np.isnan(values).all())
    return all(value is None for value in values)


def _as_numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    return values if values.dtype.kind == "f" else np.full(len(values), np.nan)
