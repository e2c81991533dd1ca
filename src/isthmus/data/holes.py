"""Columns of numbers with missing cells, in the types of frame libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .matrix import ColumnType

_NULLABLE = (
    "object",
    "boolean",
    "Float32",
    "Float64",
    *(f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
)
_OBJECTS = {"none": None, "": np.nan}


def with_holes(column: np.ndarray, missing: NDArray[np.bool_], container: str, one: ColumnType) -> Any:
    """A column of numbers, shape (n,), with the cells ``missing`` in the way of its type.

    An array where that is NaN, and a series of the frame's library otherwise.
    """
    native = one.native if one.numpy == str(column.dtype) else ""
    if container == "pandas" and (native in _NULLABLE or native.endswith("[pyarrow]")):
        import pandas as pd

        series = pd.Series(column).astype(native)
        series[missing] = pd.NA if native != "object" or one.marker == "na" else _OBJECTS[one.marker]
        return series
    if container == "polars" and one.marker != "nan":
        import polars as pl

        nulls = pl.repeat(None, len(column), dtype=pl.Series(column[:0]).dtype, eager=True)
        return pl.Series(column).zip_with(pl.Series(~missing), nulls)
    if container == "arrow" and one.marker != "nan":
        import pyarrow as pa

        return pa.array(column, mask=missing)
    holed = column.astype(np.result_type(column.dtype, np.float16) if column.dtype.kind != "f" else column.dtype)
    holed[missing] = np.nan
    return holed
