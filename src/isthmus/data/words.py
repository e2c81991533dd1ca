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
    r"object|str|string|category|(large_)?string\[pyarrow\]|String|Categorical|Enum|large_string"
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
    if container == "polars" and name not in ("Categorical", "Enum"):
        name = "String"
    return name if NATIVE_WORDS.fullmatch(name) else _PLAIN[container]


def read_words(series: nw.Series, container: str) -> tuple[NDArray[np.int32], Vocabulary]:
    """Each cell's position in a vocabulary (-1 where it is missing), and the vocabulary."""
    missing = series.is_null().to_numpy()
    table: dict[Any, int] = {}
    cells = series.to_list()
    positions = np.fromiter((table.setdefault(cell, len(table)) for cell in cells), np.int32, len(cells))
    positions[missing] = -1
    return positions, Vocabulary(tuple(table), *_declared(series.to_native(), container))


def build_words(values: np.ndarray, container: str, native: str, levels: Levels) -> Any:
    """A series of the frame's library from levels, an object array of shape (n,)."""
    if container == "pandas":
        import pandas as pd

        if native == "category":
            return pd.Series(pd.Categorical(values, categories=list(_categories(levels)), ordered=levels.ordered))
        if native.endswith("[pyarrow]"):
            import pyarrow as pa

            return pd.Series(values, dtype=pd.ArrowDtype(pa.type_for_alias(native.removesuffix("[pyarrow]"))))
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
        pa.array([place[value] for value in values], type=pa.type_for_alias(index_type)),
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
