"""Values as the text of cells, such that reading them gives the same values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np

from isthmus.core.errors import InputError

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell of text for a formula."""


class CellWriter:
    """Columns to cells.

    Parameters
    ----------
    escape_formulas : bool
        Put an apostrophe before text that a spreadsheet would take for a formula.
    alone : bool
        The table has one column: an empty line would be no row, so a missing cell is a pair of quotes.

    Attributes
    ----------
    formulas : int
        How many cells of text began like a formula so far.
    """

    def __init__(self, escape_formulas: bool, alone: bool) -> None:
        self.escape_formulas = escape_formulas
        self.formulas = 0
        self._missing = '""' if alone else ""

    def cells(self, column: np.ndarray | nw.Series, name: str) -> list[str]:
        """Floats with the fewest digits that identify them in their own type, times as ISO 8601 has them, and a missing
        value as an empty cell; raises :class:`InputError` for what has no text."""
        return self._of_series(column, name) if isinstance(column, nw.Series) else self._of_array(column, name)

    def text(self, text: str) -> str:
        """A cell of text, quoted where it has to be; an empty one is quoted, since a missing one is not."""
        if text.startswith(FORMULA_SIGNS):
            self.formulas += 1
            if self.escape_formulas:
                text = f"'{text}"
        if not text or any(mark in text for mark in ',"\r\n') or text != text.strip():
            return '"' + text.replace('"', '""') + '"'
        return text

    def _of_array(self, column: np.ndarray, name: str) -> list[str]:
        if column.dtype.kind == "b":
            return ["1" if value else "0" for value in column.tolist()]
        if column.dtype.kind in "iu":
            return [str(value) for value in column.tolist()]
        if column.dtype == np.float64:
            return [self._missing if value != value else repr(value) for value in column.tolist()]
        if column.dtype.kind in "OU":
            return self._texts(column.tolist(), name)
        # Python's floats are float64: the fewest digits of a narrower type are numpy's to know.
        return [self._missing if value != value else str(value) for value in column]

    def _of_series(self, series: nw.Series, name: str) -> list[str]:
        missing = series.is_null().to_numpy()
        cells = self._present(series, name)
        return [self._missing if hole else cell for hole, cell in zip(missing.tolist(), cells, strict=True)]

    def _present(self, series: nw.Series, name: str) -> list[str]:
        """The cells of a series; whatever there is where one is missing."""
        dtype = series.dtype
        if isinstance(dtype, nw.Decimal):
            return [str(value) for value in series.to_list()]
        if dtype.is_numeric():
            filled = series.fill_null(0) if series.null_count() else series
            values = filled.to_numpy()
            return self._of_array(values if values.dtype.kind in "iuf" else values.astype(np.float64), name)
        if isinstance(dtype, nw.Boolean):
            return ["True" if value is True else "False" for value in series.fill_null(False).to_list()]
        if isinstance(dtype, nw.Date | nw.Time):
            return [value.isoformat() if hasattr(value, "isoformat") else "" for value in series.to_list()]
        if isinstance(dtype, nw.Datetime):
            return _times(series, dtype)
        if isinstance(dtype, nw.Duration):
            return _durations(series, dtype)
        if isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Object):
            return self._texts(series.to_list(), name)
        raise InputError(
            f"Column {name!r} is of type {dtype}, which has no text in a CSV file. Leave it out, or write .parquet."
        )

    def _texts(self, values: Sequence[Any], name: str) -> list[str]:
        known: dict[str, str] = {}
        cells = []
        before = self.formulas
        for value in values:
            if not isinstance(value, str):
                cells.append(self._object(value, name))
                continue
            if value not in known:
                known[value] = self.text(value)
            cells.append(known[value])
        if self.formulas > before:
            self.formulas = before + sum(isinstance(value, str) and value.startswith(FORMULA_SIGNS) for value in values)
        for text in known:
            _check(text, name)
        return cells

    def _object(self, value: Any, name: str) -> str:
        if value is None or value != value:
            return self._missing
        if isinstance(value, bool | int | float | np.generic | Decimal):
            return str(value)
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, timedelta):
            return _duration(value // timedelta(microseconds=1) * 1000)
        raise InputError(
            f"Column {name!r} holds {type(value).__name__} objects, which have no text in a CSV file. Leave it out."
        )


def _times(series: nw.Series, dtype: nw.Datetime) -> list[str]:
    plain = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else series
    unit: Any = dtype.time_unit
    times = np.asarray(plain.to_numpy(), dtype=f"datetime64[{unit}]")
    seconds = times.astype("datetime64[s]")
    if (np.isnat(times) | (seconds == times)).all():
        times, unit = seconds, "s"
    return np.datetime_as_string(times, unit=unit, timezone="UTC" if dtype.time_zone else "naive").tolist()


def _durations(series: nw.Series, dtype: nw.Duration) -> list[str]:
    steps = np.asarray(series.to_numpy(), dtype=f"timedelta64[{dtype.time_unit}]").astype(np.int64).tolist()
    nanoseconds = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[dtype.time_unit]
    return [_duration(value * nanoseconds) for value in steps]


def _duration(nanoseconds: int) -> str:
    whole, fraction = divmod(abs(nanoseconds), 10**9)
    seconds = f"{whole}.{fraction:09}".rstrip("0") if fraction else str(whole)
    return f"{'-' if nanoseconds < 0 else ''}PT{seconds}S"


def _check(text: str, name: str) -> None:
    if "\0" in text:
        raise InputError(f"Column {name!r}: {text[:40]!r} contains a NUL, which no CSV file can hold. Write .parquet.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(
                f"Column {name!r}: {text[:40]!r} is half of a character (a lone surrogate), which UTF-8 cannot hold. "
                "Correct it."
            ) from error
