"""Frames of numeric columns, by way of narwhals: pandas, polars, Arrow tables, and core's named columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.core.errors import InputError, MissingDependencyError
from isthmus.core.named_columns import NamedColumns

from .arrays import array_matrix, check_not_empty
from .holes import with_holes
from .levels import Levels, Vocabulary
from .matrix import EXACT_IN_FLOAT32, ColumnType, Label, Matrix, RowIndex, column_type, is_huge
from .objects import missing_marker, mixture, read_objects
from .typed_numbers import build_typed, is_typed, read_typed, typed_name
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
    r"|object|u?int(8|16|32|64)|float(16|32|64)|bool|U?Int(8|16|32|64)|Float(32|64)|boolean"
    r"|(u?int(8|16|32|64)|halffloat|float|double|bool)\[pyarrow\]"
)
"""The native column types that can be restored: nothing else is handed to a frame library."""

_AS_NUMBERS = (
    "correct the cells that hold something else, or let them be missing (pandas.to_numeric(X[{!r}], errors='coerce'))."
)


class FrameMatrix(Matrix):
    """The columns of a frame, each as an array (a view of the frame's own memory where its library allows).

    A column of text or categories is an array of positions in its vocabulary. ``foreign`` holds the frame library's
    own types of all columns that are no numbers, those that are no text either (lists) among them; ``mixed`` says of
    columns of several types what they hold.
    """

    def __init__(
        self,
        container: str,
        labels: tuple[Label, ...],
        columns: Sequence[np.ndarray],
        types: Sequence[ColumnType],
        foreign: Mapping[int, str] | None = None,
        vocabularies: Mapping[int, Vocabulary] | None = None,
        mixed: Mapping[int, str] | None = None,
        native: Any = None,
    ) -> None:
        self.container = container
        self.labels = labels
        self.types = tuple(types)
        self.row_shape = (len(columns),)
        self.n_rows = len(columns[0]) if columns else 0
        self._columns = columns
        self._foreign, self._vocabularies, self._mixed = foreign or {}, vocabularies or {}, mixed or {}
        self._native = native
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

    def given_column(self, column: int) -> Any:
        if self._native is None:
            return self._columns[column]
        return _native_column(self._native, self.container, column)

    def is_empty(self, column: int) -> bool:
        return self.types[column].numpy == "object" and column not in self._foreign

    def refuse_words(self, declared: Collection[int] = (), ignored: Collection[int] = (), fitted: bool = False) -> None:
        for position, words in self._mixed.items():
            if position not in ignored:
                raise InputError(f"{words} {self._one_type(position, position in declared, fitted)}")
        other = [
            position
            for position in self._foreign
            if position not in ignored and (position not in declared or position not in self._vocabularies)
        ]
        if other and self.labels is not None:
            names = [f"{self.labels[position]!r} ({self._foreign[position]})" for position in other[:10]]
            hint = next((position for position in other if position in self._vocabularies), None)
            role = "ignore" if hint is None else "categorical"
            say = f'schema={{{self.labels[other[0] if hint is None else hint]!r}: "{role}"}}'
            fix = f"Turn them into numbers first, or say what they are: {say}."
            if fitted:
                fix = f"The model was fitted to numbers there: {_AS_NUMBERS.format(self.labels[other[0]])}"
            raise InputError(
                f"Columns that are not numeric: {', '.join(names)}{', …' if len(other) > 10 else ''}. {fix}"
            )

    def _one_type(self, position: int, is_text: bool, fitted: bool) -> str:
        """What to do about a column of several types."""
        label = position if self.labels is None else self.labels[position]
        if fitted and not is_text:
            return f"The model was fitted to numbers there: {_AS_NUMBERS.format(label)}"
        fix = f"Convert all cells to one type, for example X[{label!r}].astype(str)"
        return f"{fix}." if fitted else f'{fix}, or leave the column out: schema={{{label!r}: "ignore"}}.'

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
    native_types = [str(dtype) for dtype in native.dtypes] if container == "pandas" else []
    # One after the other: looking a column up among thousands takes longer than reading it.
    each = nw.from_native(native, eager_only=True).iter_columns()
    columns = [
        _read_column(series, container, label, native_types[position] if native_types else "")
        for position, (series, label) in enumerate(zip(each, labels, strict=True))
    ]
    return FrameMatrix(
        container,
        labels,
        [column.cells for column in columns],
        [column.type for column in columns],
        {position: column.foreign for position, column in enumerate(columns) if column.foreign},
        {position: column.vocabulary for position, column in enumerate(columns) if column.vocabulary is not None},
        {position: column.mixed for position, column in enumerate(columns) if column.mixed},
        native,
    )


def _native_column(native: Any, container: str, position: int) -> Any:
    """A column as the library's series, by its position: labels of pandas need not be text."""
    if container == "pandas":
        return native.iloc[:, position]
    return native.to_series(position) if container == "polars" else native.column(position)


@dataclass(frozen=True)
class _ReadColumn:
    """A frame's column as numbers, or as positions in a vocabulary; the type of what is neither is ``foreign``."""

    cells: np.ndarray
    type: ColumnType
    foreign: str = ""
    vocabulary: Vocabulary | None = None
    mixed: str = ""


def _read_column(series: nw.Series, container: str, label: Label, native_type: str) -> _ReadColumn:
    native = series.to_native()
    if native_type == "object" and isinstance(series.dtype, nw.Object) and series.null_count():
        # Missing moments among text, say: all are missing alike.
        series = nw.from_native(native.where(native.notna(), None), series_only=True)
    plain = NUMPY_NAMES.get(type(series.dtype))
    if plain is not None:
        return _read_numbers(series, container, plain, native_type or plain)
    typed = typed_name(native, container, f"column {label!r}")
    if typed:
        marker = missing_marker(native) if native_type == "object" else ""
        return _ReadColumn(read_typed(native, container, typed), ColumnType("float64", typed, marker))
    marker = missing_marker(native) if native_type == "object" else ""
    foreign = str(series.dtype)
    empty = len(series) == series.null_count()
    if empty or isinstance(series.dtype, WORDS):
        words = ColumnType("object", native_name(native, container), marker)
        positions, vocabulary = read_words(series, container) if isinstance(series.dtype, WORDS) else (None, None)
        if positions is None or (empty and vocabulary is not None and vocabulary.categories is None):
            # Nothing says whether these were to be words or numbers: missing they are both ways.
            return _ReadColumn(np.full(len(series), np.nan), words)
        return _ReadColumn(positions, words, foreign, vocabulary)
    if native_type == "object":
        objects = read_objects(native)
        if objects is not None:
            return _ReadColumn(objects[0], ColumnType(objects[1], "object", marker))
    nothing = np.zeros(len(series), dtype=np.int32)
    mixed = mixture(series.to_list(), label) if isinstance(series.dtype, nw.Object) else ""
    return _ReadColumn(nothing, ColumnType("object"), foreign, mixed=mixed)


def _read_numbers(series: nw.Series, container: str, plain: str, native_type: str) -> _ReadColumn:
    missing = series.null_count()
    # A missing value has no place in integers and booleans: as NaN it is found, and named, with the others.
    values = series.cast(nw.Float64).to_numpy() if missing else series.to_numpy()
    cells = np.asarray(values, dtype=None if values.dtype.kind in "biuf" else plain)
    is_nan = container in ("polars", "arrow") and not missing and cells.dtype.kind == "f" and np.isnan(cells).any()
    return _ReadColumn(cells, ColumnType(plain, native_type, "nan" if is_nan else ""))


def build_frame(
    container: str,
    labels: Sequence[Label],
    columns: Sequence[Any],
    types: Sequence[ColumnType],
    levels: Mapping[int, Levels] | None = None,
    missing: Mapping[int, NDArray[np.bool_]] | None = None,
) -> Any:
    """A frame of the library ``container`` from one array per column, with the native column types restored.

    Columns of objects hold the ``levels`` given at their positions; cells are ``missing`` where that is said by
    position. What is no array is a series of the library, and stays what it is.
    """
    gone = missing or {}
    if container == "columns":
        columns = [
            with_holes(column, gone[position], container, types[position]) if position in gone else column
            for position, column in enumerate(columns)
        ]
        values = np.stack(columns, axis=1).astype(np.result_type(*columns), copy=False)
        whole = tuple(one.dtype.kind in "iu" for one in types) if values.dtype.kind == "f" else ()
        return NamedColumns(tuple(str(label) for label in labels), values, whole)
    try:
        built: list[Any] = [
            _built(column, container, one, (levels or {}).get(position), gone.get(position))
            for position, (column, one) in enumerate(zip(columns, types, strict=True))
        ]
        if container == "pandas":
            import pandas as pd

            frame = pd.DataFrame(dict(zip(labels, built, strict=True)))
            native = {
                label: one.native
                for label, one, column in zip(labels, types, built, strict=True)
                if isinstance(column, np.ndarray) and one.native not in ("", str(column.dtype))
                if one.numpy == str(column.dtype) != "object"
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


def _built(
    column: Any, container: str, one: ColumnType, levels: Levels | None, missing: NDArray[np.bool_] | None
) -> Any:
    """A column in its own type: words and times as the library's series, numbers as they are."""
    if not isinstance(column, np.ndarray):
        return column
    if column.dtype.kind == "O" and levels is not None:
        return build_words(_marked(column, missing, None), container, one.native, levels, one.marker)
    if is_typed(one.native) and column.dtype.kind == "f":
        return build_typed(_marked(column, missing, np.nan), container, one.native, one.marker)
    return column if missing is None or not missing.any() else with_holes(column, missing, container, one)


def _marked(column: np.ndarray, missing: NDArray[np.bool_] | None, mark: Any) -> np.ndarray:
    return column if missing is None else np.where(missing, mark, column)


def _named_columns(data: NamedColumns) -> Matrix:
    array = array_matrix(data.values)
    values = np.asarray(data.values, dtype=None if data.values.dtype.kind in "biuf" else np.float64)
    kind = array.types[0]
    columns = [values[:, column] for column in range(values.shape[1])]
    types = [column_type(np.dtype(np.int64)) if whole and kind.dtype.kind == "f" else kind for whole in data.integer]
    return FrameMatrix("columns", data.names, columns, types)


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
