"""Frames of numeric columns, by way of narwhals: pandas, polars, Arrow tables, and core's named columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.core.errors import InputError, MissingDependencyError
from isthmus.core.named_columns import NamedColumns

from .arrays import array_matrix, check_not_empty
from .levels import Levels, Vocabulary
from .matrix import EXACT_IN_FLOAT32, ColumnType, Label, Matrix, RowIndex, is_huge
from .words import WORDS, build_words, native_name, read_words

NUMPY_NAMES = {
    nw.Boolean: "bool",
    nw.Int8: "int8",
    nw.Int16: "int16",
    nw.Int32: "int32",
    nw.Int64: "int64",
    nw.UInt8: "uint8",
    nw.UInt16: "uint16",
    nw.UInt32: "uint32",
    nw.UInt64: "uint64",
    nw.Float32: "float32",
    nw.Float64: "float64",
}
if hasattr(nw, "Float16"):  # pragma: no branch - older narwhals has no half floats
    NUMPY_NAMES[nw.Float16] = "float16"

CONTAINERS = ("pandas", "polars", "arrow", "columns")
BACKENDS: dict[str, Any] = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}
NATIVE_TYPES = re.compile(
    r"|u?int(8|16|32|64)|float(16|32|64)|bool|U?Int(8|16|32|64)|Float(32|64)|boolean"
    r"|(u?int(8|16|32|64)|halffloat|float|double|bool)\[pyarrow\]"
)
"""The native column types that can be restored: nothing else is handed to a frame library."""


class FrameMatrix(Matrix):
    """The columns of a frame, each as an array (a view of the frame's own memory where its library allows).

    A column of text or categories is an array of positions in its vocabulary. ``foreign`` holds the frame library's
    own types of all columns that are no numbers, those that are no text either (dates, lists) among them.
    """

    def __init__(
        self,
        container: str,
        labels: tuple[Label, ...],
        columns: Sequence[np.ndarray],
        types: Sequence[ColumnType],
        foreign: Mapping[int, str] | None = None,
        vocabularies: Mapping[int, Vocabulary] | None = None,
    ) -> None:
        self.container = container
        self.labels = labels
        self.types = tuple(types)
        self.row_shape = (len(columns),)
        self.n_rows = len(columns[0]) if columns else 0
        self._columns = columns
        self._foreign, self._vocabularies = foreign or {}, vocabularies or {}
        exact = all(
            column.dtype in EXACT_IN_FLOAT32 or position in self._foreign for position, column in enumerate(columns)
        )
        self._dtype = np.dtype(np.float32 if exact else np.float64)

    def read(self, index: RowIndex, columns: NDArray[np.integer] | None = None) -> np.ndarray:
        chosen = range(len(self._columns)) if columns is None else columns
        parts = [self._columns[column][index] for column in chosen]
        chunk = np.empty((len(parts[0]), len(parts)), dtype=self._dtype)
        for position, part in enumerate(parts):
            chunk[:, position] = part
        return chunk

    def raw(self, index: RowIndex, columns: Sequence[int]) -> list[np.ndarray]:
        return [self._columns[column][index] for column in columns]

    def vocabulary(self, column: int) -> Vocabulary | None:
        return self._vocabularies.get(column)

    def refuse_words(self, declared: Collection[int] = ()) -> None:
        other = [
            position for position in self._foreign if position not in declared or position not in self._vocabularies
        ]
        if other and self.labels is not None:
            names = [f"{self.labels[position]!r} ({self._foreign[position]})" for position in other[:10]]
            hint = next((position for position in other if position in self._vocabularies), None)
            say = "" if hint is None else f', or say what they are: schema={{{self.labels[hint]!r}: "categorical"}}'
            raise InputError(
                f"Columns that are not numeric: {', '.join(names)}{', …' if len(other) > 10 else ''}. Mixed tables "
                f"are not supported yet: select the numeric columns, or turn these into numbers first{say}."
            )

    def huge_integers(self) -> list[int]:
        return [position for position, column in enumerate(self._columns) if is_huge(column).any()]


def is_frame(data: Any) -> bool:
    """``data`` is a frame rather than an array."""
    if isinstance(data, NamedColumns):
        return True
    if isinstance(data, np.ndarray | list | tuple | torch.Tensor):
        return False
    native = nw.to_native(data, pass_through=True)
    return (
        nw.dependencies.is_into_dataframe(native)
        or nw.dependencies.is_polars_lazyframe(native)
        or hasattr(native, "__arrow_c_stream__")
    ) and not nw.dependencies.is_into_series(native)


def frame_matrix(data: Any) -> Matrix:
    """A frame as a matrix.

    Raises
    ------
    InputError
        For a lazy frame, duplicate column names, no rows or columns; the message names them. Columns that are neither
        numbers nor booleans are refused later, by :meth:`Matrix.refuse_words`, unless they are declared.
    """
    if isinstance(data, NamedColumns):
        return _named_columns(data)
    native = nw.to_native(data, pass_through=True)
    if nw.dependencies.is_polars_lazyframe(native):
        raise InputError("Input X is a lazy frame. Collect it first: X.collect().")
    container = _container(native)
    if container == "":
        native, container = _from_arrow(native), "arrow"
    names = list(native.column_names if container == "arrow" else native.columns)
    labels = tuple(_label(name) for name in names)
    twice = [name for name, count in Counter(labels).items() if count > 1]
    if twice:
        raise InputError(f"Duplicate column names: {twice[:10]}. Give every column its own name.")
    check_not_empty(native.shape)
    frame = nw.from_native(native, eager_only=True)
    arrays: list[np.ndarray] = []
    types: list[ColumnType] = []
    foreign: dict[int, str] = {}
    vocabularies: dict[int, Vocabulary] = {}
    native_types = [str(dtype) for dtype in native.dtypes] if container == "pandas" else []
    for position in range(len(names)):
        series = frame[:, position]  # labels of pandas need not be text
        plain = NUMPY_NAMES.get(type(series.dtype))
        if plain is None:
            foreign[position] = str(series.dtype)
            array, name = np.zeros(len(frame), dtype=np.int32), ""
            if isinstance(series.dtype, WORDS):
                array, vocabularies[position] = read_words(series, container)
                name = native_name(series.to_native(), container)
            arrays.append(array)
            types.append(ColumnType("object", name))
            continue
        # A missing value has no place in integers and booleans: as NaN it is found, and named, with the others.
        values = series.cast(nw.Float64).to_numpy() if series.null_count() else series.to_numpy()
        arrays.append(np.asarray(values, dtype=None if values.dtype.kind in "biuf" else plain))
        types.append(ColumnType(plain, native_types[position] if native_types else plain))
    return FrameMatrix(container, labels, arrays, types, foreign, vocabularies)


def build_frame(
    container: str,
    labels: Sequence[Label],
    columns: Sequence[np.ndarray],
    types: Sequence[ColumnType],
    levels: Mapping[int, Levels] | None = None,
) -> Any:
    """A frame of the library ``container`` from one array per column, with the native column types restored.

    Columns of objects hold the ``levels`` given at their positions.
    """
    if container == "columns":
        common = np.result_type(*columns)
        return NamedColumns(tuple(str(label) for label in labels), np.stack(columns, axis=1).astype(common, copy=False))
    try:
        built: list[Any] = [
            column if column.dtype.kind != "O" else build_words(column, container, one.native, (levels or {})[position])
            for position, (column, one) in enumerate(zip(columns, types, strict=True))
        ]
        if container == "pandas":
            import pandas as pd

            frame = pd.DataFrame(dict(zip(labels, built, strict=True)))
            native = {
                label: one.native
                for label, one, column in zip(labels, types, columns, strict=True)
                if one.native and one.native != str(column.dtype) and one.numpy == str(column.dtype) != "object"
            }
            return frame.astype(native) if native else frame
        named = {
            str(label): np.ascontiguousarray(column) if isinstance(column, np.ndarray) else column
            for label, column in zip(labels, built, strict=True)
        }
        return nw.from_dict(named, backend=BACKENDS[container]).to_native()
    except ImportError as error:
        package = BACKENDS[container]
        raise MissingDependencyError(
            f"The model was fitted on a {container} table, and giving one back needs {package}: pip install {package}"
        ) from error


def _named_columns(data: NamedColumns) -> Matrix:
    array = array_matrix(data.values)
    values = np.asarray(data.values, dtype=None if data.values.dtype.kind in "biuf" else np.float64)
    kind = array.types[0]
    columns = [values[:, column] for column in range(values.shape[1])]
    return FrameMatrix("columns", data.names, columns, [kind] * len(columns))


def _container(native: Any) -> str:
    if nw.dependencies.is_pandas_dataframe(native):
        return "pandas"
    if nw.dependencies.is_polars_dataframe(native):
        return "polars"
    if nw.dependencies.is_pyarrow_table(native):
        return "arrow"
    if hasattr(native, "__arrow_c_stream__"):
        return ""
    raise InputError(
        f"Frames of type {type(native).__module__}.{type(native).__qualname__} are not supported. Pass a pandas or "
        "polars DataFrame, a pyarrow Table or an array."
    )


def _from_arrow(data: Any) -> Any:
    try:
        return nw.from_arrow(data, backend="pyarrow").to_native()
    except ImportError as error:
        raise MissingDependencyError(
            f"Reading a {type(data).__qualname__} by the Arrow interface needs pyarrow: pip install pyarrow"
        ) from error


def _label(name: Any) -> Label:
    if isinstance(name, tuple):
        return tuple(_label(part) for part in name)
    if isinstance(name, np.generic):
        name = name.item()
    if isinstance(name, str | int | float) and name == name and name not in (float("inf"), -float("inf")):
        return name
    raise InputError(f"The column label {name!r} is of type {type(name).__name__}. Rename the columns to text.")
