"""Text and category columns of frames: read as positions in a vocabulary, and built again in their own type."""

from __future__ import annotations

import re
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from .levels import Levels, Vocabulary, plain_level

WORDS = (nw.String, nw.Categorical, nw.Enum)

NATIVE_WORDS = re.compile(
    r"object|str|string|category|(large_)?string\[pyarrow\]|String|Categorical|Enum|large_string|Null|null"
    r"|dictionary<values=(large_string|string|u?int(8|16|32|64)), indices=u?int(8|16|32|64), ordered=[01]>"
)
"""The native types of text and categories that can be restored: nothing else is handed to a frame library."""

_PLAIN = {"pandas": "str", "polars": "String", "arrow": "string"}


def native_name(series: Any, container: str) -> str:
    """The type of a frame library's own series, as far as it can be restored."""
    dtype = series.type if container == "arrow" else series.dtype
    if container == "pandas" and _is_pandas_category(dtype):
        return "category"
    name = type(dtype).__name__ if container == "polars" else str(dtype)
    if container == "polars" and name not in ("Categorical", "Enum", "Null"):
        name = "String"
    return name if NATIVE_WORDS.fullmatch(name) else _PLAIN[container]


def read_words(series: nw.Series, container: str) -> tuple[NDArray[np.int32], Vocabulary]:
    """Each cell's position in a vocabulary (-1 where it is missing), and the vocabulary."""
    native = series.to_native()
    if container == "pandas":
        positions, words = _read_pandas(native)
    elif container == "polars":
        positions, words = _read_polars(native)
    else:
        positions, words = _read_arrow(native)
    return positions.astype(np.int32, copy=False), Vocabulary(tuple(words), *_declared(native, container))


def _read_pandas(series: Any) -> tuple[np.ndarray, list[Any]]:
    import pandas as pd

    if _is_pandas_category(series.dtype):
        return series.cat.codes.to_numpy(), series.dtype.categories.tolist()
    positions, words = pd.factorize(series)
    return positions, words.tolist()


def _read_polars(series: Any) -> tuple[np.ndarray, list[Any]]:
    words = series.unique(maintain_order=True).drop_nulls()
    if len(words) == 0:
        return np.full(len(series), -1), []
    import polars as pl

    places = series.replace_strict(words, pl.int_range(len(words), dtype=pl.Int32, eager=True), default=-1)
    return places.fill_null(-1).to_numpy(), words.to_list()


def _read_arrow(array: Any) -> tuple[np.ndarray, list[Any]]:
    import pyarrow as pa

    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.chunk(0)
    # Indices may be unsigned, as those that polars writes are.
    indices = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    words = encoded.dictionary.to_pylist()
    if None in words:  # a dictionary of Arrow may spell a missing cell as a word of its own
        indices = np.where(indices == words.index(None), -1, indices)
    return indices, words


def build_words(values: np.ndarray, container: str, native: str, levels: Levels, marker: str = "") -> Any:
    """A series of the frame's library from levels, an object array of shape (n,) with None where cells are missing.

    ``marker`` says how a column of objects writes them.
    """
    if container == "pandas":
        import pandas as pd

        if native == "category":
            return pd.Series(pd.Categorical(values, categories=list(_categories(levels)), ordered=levels.ordered))
        if native.endswith("[pyarrow]"):
            import pyarrow as pa

            return pd.Series(values, dtype=pd.ArrowDtype(pa.type_for_alias(native.removesuffix("[pyarrow]"))))
        if native == "object":
            values = values.copy()
            values[[value is None for value in values]] = {"none": None, "na": pd.NA}.get(marker, np.nan)
        return pd.Series(values, dtype=native)
    if container == "polars":
        import polars as pl

        dtype = pl.Enum(list(_categories(levels))) if native == "Enum" else getattr(pl, native)
        return pl.Series(values.tolist(), dtype=dtype)
    import pyarrow as pa

    if not native.startswith("dictionary"):
        return pa.array(values.tolist(), type=pa.type_for_alias(native))
    value_type, index_type, ordered = re.findall(r"=(\w+)", native)
    categories = _categories(levels)
    place = {category: position for position, category in enumerate(categories)}
    return pa.DictionaryArray.from_arrays(
        pa.array([place.get(value) for value in values], type=pa.type_for_alias(index_type)),
        pa.array(list(categories), type=pa.type_for_alias(value_type)),
        ordered=ordered == "1",
    )


def _categories(levels: Levels) -> tuple[Any, ...]:
    return levels.values if levels.categories is None else levels.categories


def _declared(native: Any, container: str) -> tuple[tuple[Any, ...] | None, bool]:
    """The categories that the type declares, and whether their order means something."""
    if container == "pandas":
        dtype = native.dtype
        if _is_pandas_category(dtype):
            return tuple(plain_level(one) for one in dtype.categories.tolist()), bool(dtype.ordered)
        return None, False
    if container == "polars":
        # A Categorical's own order is that in which this process happened to meet the words.
        is_enum = type(native.dtype).__name__ == "Enum"
        return (tuple(native.dtype.categories.to_list()), True) if is_enum else (None, False)
    if getattr(native.type, "ordered", False):
        return tuple(native.unify_dictionaries().chunk(0).dictionary.to_pylist()), True
    return None, False


def _is_pandas_category(dtype: Any) -> bool:
    return hasattr(dtype, "categories")
