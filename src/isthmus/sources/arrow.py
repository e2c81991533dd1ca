"""pyarrow, imported when the first table of text or the first Parquet file is read or written."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType
from typing import Any

import narwhals as nw
import numpy as np

from isthmus.core.errors import InputError, MissingDependencyError
from isthmus.core.named_columns import NamedColumns

HINT = " Text, dates and booleans in CSV files need pyarrow: pip install 'isthmus[tables]'."


def has_pyarrow() -> bool:
    """Whether pyarrow is installed; it is not imported to know."""
    return find_spec("pyarrow") is not None


def pyarrow(what: str) -> ModuleType:
    """The module; raises :class:`MissingDependencyError` with the pip command if it is not there."""
    try:
        import pyarrow as module
    except ImportError as error:
        raise MissingDependencyError(
            f"{what} need pyarrow, which is not installed: pip install 'isthmus[tables]'."
        ) from error
    return module


def arrow_table(data: Any) -> Any:
    """Rows of any kind as a :class:`pyarrow.Table`.

    Columns of arrays are called "x0", "x1", …, as scikit-learn calls them. A frame's index is left out.

    Raises
    ------
    InputError
        For arrays that are no rows, and columns that an Arrow table cannot hold.
    """
    pa = pyarrow("Tables")
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, NamedColumns):
        columns = zip(data.values.T, data.integer, strict=True)
        made = [
            _column(pa, column, np.int64 if whole and column.dtype.kind == "f" else None) for column, whole in columns
        ]
        return pa.table(dict(zip(data.names, made, strict=True)))
    if nw.dependencies.is_into_dataframe(data):
        frame = nw.from_native(data, eager_only=True)
        try:
            table = frame.to_arrow()
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise InputError(f"The frame does not fit into an Arrow table: {str(error)[:300]}") from error
        return table.select([str(name) for name in frame.columns])
    array = np.asarray(data)
    if array.ndim != 2:
        raise InputError(f"A table holds rows, shape (n, d); got shape {array.shape}. Write .npy instead.")
    return pa.table({f"x{place}": _column(pa, column) for place, column in enumerate(array.T)})


def _column(pa: ModuleType, column: np.ndarray, dtype: type | None = None) -> Any:
    """A column in which NaN is null."""
    missing = np.isnan(column) if column.dtype.kind == "f" else None
    if missing is not None and dtype is not None:
        column = np.where(missing, 0, column).astype(dtype)
    return pa.array(np.ascontiguousarray(column), mask=missing)
