"""Filled cells in frames: each column keeps its library, its type and its index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from isthmus.core.named_columns import NamedColumns
from isthmus.data.opening import reorder
from isthmus.data.schema import Schema


def put_in_frame(
    schema: Schema,
    data: Any,
    decoded: Any,
    places: Mapping[int, NDArray[np.integer]],
    row_of: NDArray[np.integer],
) -> Any:
    """A copy of a frame with cells replaced.

    Parameters
    ----------
    schema : Schema
    data : DataFrame or Table
    decoded : what the schema decoded
    places : dict
        The rows to replace, by the user's column.
    row_of : ndarray of int, shape (n,)
        Where a row of the data stands among the decoded ones.
    """
    native = nw.to_native(data, pass_through=True)
    if not nw.dependencies.is_into_dataframe(native):
        native = nw.from_arrow(native, backend="pyarrow").to_native()
    frame = nw.from_native(native, eager_only=True)
    order = None if schema.labels is None else reorder(schema.labels, frame.columns)
    changed = {}
    for source, rows in places.items():
        if len(rows):
            place = source if order is None else int(order[source])
            changed[place] = _replaced(
                frame[:, place].to_native(), rows, decoded_values(schema, decoded, source), row_of
            )
    if nw.dependencies.is_pandas_dataframe(native):
        result = native.copy()
        for place, series in changed.items():
            result.isetitem(place, series)
        return result
    if nw.dependencies.is_polars_dataframe(native):
        return native.with_columns([series.alias(native.columns[place]) for place, series in changed.items()])
    for place, series in changed.items():
        native = native.set_column(place, native.schema.field(place).with_type(series.type), series)
    return native


def decoded_values(schema: Schema, decoded: Any, source: int) -> Any:
    """A decoded column, as a native series or as an array."""
    if schema.labels is None:
        return np.asarray(decoded).reshape(len(decoded), -1)[:, source]
    if isinstance(decoded, NamedColumns):
        return decoded.values[:, decoded.names.index(str(schema.labels[source]))]
    frame = nw.from_native(decoded, eager_only=True)
    return frame[:, list(frame.columns).index(schema.labels[source])].to_native()


def _replaced(series: Any, rows: NDArray[np.integer], values: Any, row_of: NDArray[np.integer]) -> Any:
    chosen = row_of[rows]
    if nw.dependencies.is_pandas_series(series):
        return _in_pandas(series, rows, values, chosen)
    keep = np.ones(len(series), dtype=bool)
    keep[rows] = False
    if nw.dependencies.is_polars_series(series):
        import polars as pl

        found = values if nw.dependencies.is_polars_series(values) else pl.Series(list(values))
        if series.dtype == pl.Null:
            return found.gather(row_of).alias(series.name)
        if series.dtype.is_integer() and found.dtype.is_float():
            found = found.round()
        if series.dtype == pl.Categorical or series.dtype == pl.Enum:
            found = found.cast(pl.String)
        return series.zip_with(pl.Series(keep), found.gather(row_of).cast(series.dtype))
    import pyarrow as pa
    import pyarrow.compute as pc

    found = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(list(values))
    found = found.take(pa.array(row_of))
    if pa.types.is_null(series.type):
        return found
    is_dictionary = pa.types.is_dictionary(series.type)
    plain = series.type.value_type if is_dictionary else series.type
    if pa.types.is_integer(plain) and pa.types.is_floating(found.type):
        found = pc.round(found)
    if not is_dictionary:
        return pc.if_else(pa.array(keep), series, found.cast(plain))
    mixed = pc.if_else(pa.array(keep), series.cast(plain), found.cast(plain)).combine_chunks()
    encoded = (mixed.combine_chunks() if isinstance(mixed, pa.ChunkedArray) else mixed).dictionary_encode()
    return pa.DictionaryArray.from_arrays(
        encoded.indices.cast(series.type.index_type), encoded.dictionary, ordered=series.type.ordered
    )


def _in_pandas(series: Any, rows: NDArray[np.integer], values: Any, chosen: NDArray[np.integer]) -> Any:
    import pandas as pd

    found = (values if isinstance(values, pd.Series) else pd.Series(values)).iloc[chosen]
    if series.dtype in (np.float64, object) and len(rows) == len(series) and series.isna().all():
        # Nothing but missing cells says nothing of a type: it is that of the column in training.
        return pd.Series(found.array, index=series.index, name=series.name)
    result = series.copy()
    if isinstance(series.dtype, pd.CategoricalDtype):
        new = [level for level in pd.unique(found.astype(object)) if level not in series.cat.categories]
        result = result.cat.add_categories(new) if new else result
        result.iloc[rows] = found.astype(object).to_numpy()
        return result
    if found.dtype != series.dtype:
        if pd.api.types.is_integer_dtype(series.dtype) and pd.api.types.is_float_dtype(found.dtype):
            found = found.round()
        found = found.astype(series.dtype)
    result.iloc[rows] = found.array
    return result
