"""Columns of frames that are numbers in a type of their own: dates, times, decimals; read, and built again."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .datetimes import TimeType, zone_of
from .matrix import ColumnType, Label
from .statistics import Flags, Floats

_DECIMAL = re.compile(
    r"(?:Decimal\[(?P<precision>\d+), (?P<scale>\d+)\]"
    r"|decimal(32|64|128|256)\((?P<digits>\d+), (?P<fraction>-?\d+)\)(\[pyarrow\])?|object\[decimal\])"
)
_ARROW_NAMES = re.compile(r"(timestamp|duration|date32|date64|time32|time64|decimal\d+)\b.*")


def is_typed(native: str) -> bool:
    """The name of a frame library's type is that of a date, time or decimal that can be read and built."""
    return TimeType.of(native) is not None or _DECIMAL.fullmatch(native) is not None


def is_typed_in(container: str, native: str) -> bool:
    """The same, and frames of the library ``container`` have the type."""
    if not is_typed(native):
        return False
    if container == "pandas":
        return native.startswith(("datetime64", "timedelta64", "object")) or native.endswith("[pyarrow]")
    if container == "polars":
        return native.startswith(("Date", "Time", "Duration", "Decimal"))
    return container == "arrow" and _ARROW_NAMES.fullmatch(native) is not None and not native.endswith("[pyarrow]")


def typed_name(series: Any, container: str, column_name: str) -> str:
    """The type of a frame library's own series under the name that :func:`build_typed` knows; "" for other types.

    Raises
    ------
    InputError
        For datetimes in a zone that has neither a name nor an offset.
    """
    dtype = series.type if container == "arrow" else series.dtype
    if container == "polars":
        return _polars_name(dtype)
    name = str(dtype)
    if container == "pandas" and name == "object":
        import pandas as pd

        inner = pd.api.types.infer_dtype(series, skipna=True)
        return f"object[{inner}]" if inner in ("date", "time", "decimal") else ""
    if container == "pandas" and name.startswith("datetime64") and getattr(dtype, "tz", None) is not None:
        return f"datetime64[{dtype.unit}, {_zone_name(dtype.tz, column_name)}]"
    return name if is_typed_in(container, name) else ""


def read_typed(series: Any, container: str, native: str) -> Floats:
    """A series of the frame's library as numbers, shape (n,): NaN where cells are missing."""
    kind = TimeType.of(native)
    if kind is not None:
        ticks, missing = _ticks(series, container, native)
        return kind.numbers(ticks, missing)
    if container == "polars":
        import polars as pl

        return np.asarray(series.cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)
    if native.startswith("object"):
        missing = np.asarray(series.isna())
        return np.array([np.nan if gone else float(cell) for cell, gone in zip(series, missing, strict=True)])
    import pyarrow as pa

    column = series.array.__arrow_array__() if container == "pandas" else series
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def build_typed(numbers: Floats, container: str, native: str, marker: str = "none") -> Any:
    """A series of the frame's library from numbers, shape (n,); NaN becomes a missing cell.

    In a column of objects that is written as ``marker`` says (see :class:`~.matrix.ColumnType`).
    """
    missing = np.isnan(numbers)
    kind = TimeType.of(native)
    if kind is None:
        return _build_decimals(numbers, missing, container, native, marker)
    ticks = kind.ticks(numbers)
    if container == "polars":
        return _build_polars_times(kind, ticks, missing)
    if container == "arrow" or native.endswith("[pyarrow]"):
        return _build_arrow_times(kind, ticks, missing, container, native)
    import pandas as pd

    if native.startswith("object"):
        built = ticks.view("datetime64[D]" if kind.family == "date" else "datetime64[us]").astype(object)
        cells = np.empty(len(built), dtype=object)
        for place, cell in enumerate(built):
            cells[place] = cell if kind.family == "date" else cell.time()
        cells[missing] = _mark(marker)
        return pd.Series(cells, dtype=object)
    moments = ticks.view(f"{'timedelta64' if kind.family == 'duration' else 'datetime64'}[{kind.unit}]")
    moments[missing] = "NaT"
    series = pd.Series(moments)
    return series if kind.zone is None else series.dt.tz_localize("UTC").dt.tz_convert(kind.zone)


def refuse_other_types(
    expected: Sequence[ColumnType],
    got: Sequence[ColumnType],
    labels: Sequence[Label],
    place: NDArray[np.integer] | None,
    unread: Collection[int] = (),
) -> None:
    """Raise :class:`InputError` if a column holds dates or times where training had others, or numbers.

    ``place`` says where the schema's columns stand in the data, if not as in training; those ``unread`` may be
    anything.
    """
    for position, one in enumerate(expected):
        if position in unread:
            continue
        other = got[position if place is None else int(place[position])]
        learnt, given = TimeType.of(one.native), TimeType.of(other.native)
        if learnt is given or (learnt is not None and given is not None and learnt.fits(given)):
            continue
        was, now = (
            (time.words if time is not None else one_type.native or one_type.numpy)
            for time, one_type in ((learnt, one), (given, other))
        )
        raise InputError(
            f"Column {labels[position]!r} was of the type {was} in training, and is {now} now. Convert it to what it "
            "was, or fit again."
        )


def _polars_name(dtype: Any) -> str:
    name = type(dtype).__name__ if not isinstance(dtype, type) else dtype.__name__
    if name in ("Date", "Time"):
        return name
    if name == "Datetime":
        return f"Datetime[{dtype.time_unit}{'' if dtype.time_zone is None else f', {dtype.time_zone}'}]"
    if name == "Duration":
        return f"Duration[{dtype.time_unit}]"
    return f"Decimal[{dtype.precision or 38}, {dtype.scale}]" if name == "Decimal" else ""


def _zone_name(zone: Any, column_name: str) -> str:
    name = str(zone)
    if zone_of(name) is not None:
        return name
    offset = zone.utcoffset(None)
    if offset is None:
        raise InputError(
            f"{column_name[:1].upper()}{column_name[1:]} holds datetimes in the zone {name!r}, which has no name that "
            "could be kept. Convert it: X[column].dt.tz_convert('Europe/Berlin'), or 'UTC'."
        )
    minutes = round(offset.total_seconds() / 60)
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _ticks(series: Any, container: str, native: str) -> tuple[NDArray[np.int64], Flags]:
    """Whole units, and where cells are missing."""
    if container == "polars":
        physical = series.to_physical().fill_null(0).to_numpy()
        return physical.astype(np.int64), np.asarray(series.is_null().to_numpy())
    if container == "arrow" or native.endswith("[pyarrow]"):
        import pyarrow as pa

        column = series if container == "arrow" else series.array.__arrow_array__()
        if native.startswith(("date32", "time32")):
            column = column.cast(pa.int32())
        missing = np.asarray(column.is_null())
        return np.asarray(column.cast(pa.int64()).fill_null(0)).astype(np.int64), missing
    missing = np.asarray(series.isna())
    if native == "object[time]":
        cells = zip(series, missing, strict=True)
        return np.array([0 if gone else _microseconds(cell) for cell, gone in cells], dtype=np.int64), missing
    if native == "object[date]":
        days = np.array([None if gone else cell for cell, gone in zip(series, missing, strict=True)], "datetime64[D]")
        moments = days
    else:
        moments = series.dt.tz_convert(None).to_numpy() if TimeType.of(native).zone else series.to_numpy()  # type: ignore[union-attr]
    ticks = moments.astype(moments.dtype.newbyteorder("=")).view(np.int64)
    return np.where(missing, 0, ticks), missing


def _microseconds(cell: Any) -> int:
    return ((cell.hour * 60 + cell.minute) * 60 + cell.second) * 1_000_000 + int(cell.microsecond)


def _build_polars_times(kind: TimeType, ticks: NDArray[np.int64], missing: Flags) -> Any:
    import polars as pl

    dtypes: dict[str, Any] = {"date": pl.Date, "time": pl.Time}
    dtype = dtypes.get(kind.family) or (
        pl.Duration(kind.unit) if kind.family == "duration" else pl.Datetime(kind.unit, kind.zone)  # type: ignore[arg-type]
    )
    series = pl.Series(ticks, dtype=pl.Int64)
    if missing.any():
        series = series.set(pl.Series(missing), None)
    return (series.cast(pl.Int32) if kind.family == "date" else series).cast(dtype)


def _build_arrow_times(kind: TimeType, ticks: NDArray[np.int64], missing: Flags, container: str, native: str) -> Any:
    import pyarrow as pa

    if kind.family == "datetime":
        dtype = pa.timestamp(kind.unit, tz=kind.zone)
    elif kind.family == "duration":
        dtype = pa.duration(kind.unit)
    else:
        name = native.split("[")[0]
        dtype = (
            {"date32": pa.date32, "date64": pa.date64}[name]()
            if kind.family == "date"
            else getattr(pa, name)(kind.unit)
        )
    narrow = native.startswith(("date32", "time32"))
    array = pa.array(ticks.astype(np.int32) if narrow else ticks, mask=missing).cast(dtype)
    return array if container == "arrow" else _as_pandas(array)


def _build_decimals(numbers: Floats, missing: Flags, container: str, native: str, marker: str) -> Any:
    if native.startswith("object"):
        import pandas as pd

        cells = np.empty(len(numbers), dtype=object)
        cells[:] = [Decimal(repr(float(one))) for one in numbers]
        cells[missing] = _mark(marker)
        return pd.Series(cells, dtype=object)
    match = _DECIMAL.fullmatch(native)
    found = {} if match is None else match.groupdict()
    precision, scale = int(found["precision"] or found["digits"]), int(found["scale"] or found["fraction"])
    step = Decimal(1).scaleb(-scale)
    largest = float(Decimal(10) ** (precision - scale)) * (1 - 2**-50)
    rounded = [
        None if gone else Decimal(repr(float(min(max(one, -largest), largest)))).quantize(step)
        for one, gone in zip(numbers, missing, strict=True)
    ]
    if container == "polars":
        import polars as pl

        return pl.Series(rounded, dtype=pl.Decimal(precision, scale))
    import pyarrow as pa

    width = native[len("decimal") : native.index("(")]
    array = pa.array(rounded, type=getattr(pa, f"decimal{width}")(precision, scale))
    return array if container == "arrow" else _as_pandas(array)


def _mark(marker: str) -> Any:
    """How a missing cell is written in a column of objects."""
    if marker == "na":
        import pandas as pd

        return pd.NA
    return None if marker == "none" else np.nan


def _as_pandas(array: Any) -> Any:
    import pandas as pd

    return pd.Series(pd.arrays.ArrowExtensionArray(array))
