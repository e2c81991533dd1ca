"""What was learnt of the data: kinds, scales, and the way from the user's types to tensors and back."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import InputError

from .columns import Columns
from .decoding import as_dtype, in_users_units
from .encoding import Encoder
from .kinds import KINDS
from .matrix import ColumnType, Label, Matrix, rows_per_chunk
from .opening import open_matrix, reorder
from .rows import Rows
from .schema_json import label_to_json, parse_schema
from .tables import build_frame


@dataclass(frozen=True, eq=False)
class Schema:
    """What was learnt of the training data; made by :meth:`learn` or a :class:`SchemaBuilder`.

    A homogeneous array (or stack of images) has one kind, and one block. The columns of a frame are judged one by
    one and grouped by kind, so that the encoded row has up to three blocks: binary, unit-interval, continuous.

    Attributes
    ----------
    container : str
        "array", "images", "pandas", "polars", "arrow" or "columns": what :meth:`decode` gives back. Torch tensors,
        lists and sparse matrices are arrays: numpy arrays come back.
    row_shape : tuple of int
        ``(d,)``, ``(h, w)`` or ``(h, w, c)``.
    labels : tuple or None
        A frame's column labels, in the user's order.
    types : tuple of ColumnType
        The data type of each column of a frame in the user's order, or the one of an array.
    blocks : tuple of Block
        What networks and likelihoods need to know, in encoded order.
    columns : Columns
        Shift, scale and range of each column in encoded order, in float64.
    scaling : str
        "column", "common" or "none": how continuous columns are scaled.
    stored_uint8 : bool
        uint8 data stays uint8 in a :class:`~isthmus.core.batch.Batch`, and the model computes
        ``(values - shift) * scale``.

    Examples
    --------
    >>> X = np.array([[1.0, 100.0], [3.0, 300.0], [2.0, 200.0]])
    >>> schema = Schema.learn(X)
    >>> schema.blocks[0].kind, schema.encode(X).values.mean(dim=0).tolist()
    ('continuous', [0.0, 0.0])
    >>> schema.decode(schema.encode(X).values).round(4).tolist()
    [[1.0, 100.0], [3.0, 300.0], [2.0, 200.0]]
    """

    container: str
    row_shape: tuple[int, ...]
    labels: tuple[Label, ...] | None
    types: tuple[ColumnType, ...]
    blocks: tuple[Block, ...]
    columns: Columns
    scaling: str
    stored_uint8: bool

    @classmethod
    def learn(cls, data: Any, *, kind: Any = "auto", scaling: str = "auto") -> Schema:
        """Learn the schema of ``data``, read in chunks of rows.

        Parameters
        ----------
        data : array, sparse matrix, torch tensor, frame or stack of images
            Shape (n, d), (n, h, w) or (n, h, w, c), of at least two rows.
        kind : str or dict, default "auto"
            One of "auto", "images", "binary", "unit-interval", "continuous"; for frames also a dict from column
            names to kinds (the columns that it does not name are judged by their values).
        scaling : str, default "auto"
            How continuous columns are scaled: "column" (each to mean 0 and standard deviation 1; "auto" means
            this), "common" (each to mean 0, and all by the root of their mean variance) or "none".

        Raises
        ------
        InputError
            If the data does not fit: NaN or infinite cells, fewer than two rows, no column that varies, text,
            dates, complex numbers, a number of dimensions that means nothing; the message names the cell or column.
        ParameterError
            If ``kind`` or ``scaling`` is unknown.
        """
        # The builder makes schemas, so its module imports this one.
        from .builder import SchemaBuilder

        return SchemaBuilder(kind=kind, scaling=scaling).update(data).finish()

    @property
    def n_features(self) -> int:
        """The number of columns; for images h * w * c."""
        return math.prod(self.row_shape)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The column names of a frame, if all of them are text."""
        if self.labels is None or not all(isinstance(label, str) for label in self.labels):
            return None
        return tuple(str(label) for label in self.labels)

    @property
    def shift(self) -> Tensor:
        """float32, shape (d,), encoded order: ``features = (values - shift) * scale``."""
        return _float32(self.columns.shift)

    @property
    def scale(self) -> Tensor:
        """float32, shape (d,), encoded order; kept within float32's range (``columns.scale`` is exact)."""
        return _float32(self.columns.scale)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.columns, self.blocks, self.stored_uint8)

    def rows(self, data: Any, estimator_name: str = "Schema") -> Rows:
        """``data`` checked against the schema; encoded when its rows are taken.

        Columns of a frame are matched by name, in any order, if the schema was learnt from a frame; everything else
        goes by position.

        Raises
        ------
        InputError
            If the shape, the column names or the type do not fit; the message lists the differences.
        """
        matrix = open_matrix(data)
        self._check_shape(matrix, estimator_name)
        order = None
        if self.labels is not None and matrix.labels is not None:
            order = reorder(self.labels, matrix.labels)
        if matrix.n_columns != self.n_features:
            raise InputError(
                f"X has {matrix.n_columns} features, but {estimator_name} is expecting {self.n_features} features as "
                "input. Pass the columns that the model was fitted on."
            )
        source = self.columns.source if order is None else order[self.columns.source]
        in_order = bool((source == np.arange(len(source))).all())
        return Rows(matrix, self._encoder, None if in_order else source)

    def encode(self, data: Any) -> Batch:
        """All rows of ``data`` as tensors: ``rows(data).take(slice(None))``."""
        return self.rows(data).take(slice(None))

    def decode(self, features: Tensor | np.ndarray, dtype: Any = None) -> Any:
        """Features back in the user's container, shape, units, data type, column names and order.

        Integers are rounded; values of bounded kinds are clipped to their range; a binary column is rounded to 0
        or 1 if its type is integer or boolean, and stays a probability otherwise.

        Parameters
        ----------
        features : Tensor or ndarray, shape (n, d)
            In feature space, as the decoder's mean gives them.
        dtype : numpy data type, optional
            Instead of the user's: ``float`` keeps what rounding would lose.
        """
        array = features.detach().cpu().numpy() if isinstance(features, Tensor) else np.asarray(features)
        if array.ndim != 2 or array.shape[1] != self.n_features:
            raise InputError(f"Features to decode must have shape (n, {self.n_features}); got {array.shape}.")
        types = self.types if dtype is None else tuple(ColumnType(str(np.dtype(dtype))) for _ in self.types)
        place = np.argsort(self.columns.source)
        if self.labels is None:
            decoded = np.empty(array.shape, dtype=types[0].dtype)
            for rows, values in self._decoded_chunks(array):
                decoded[rows] = as_dtype(values, types[0].dtype)
            return decoded.reshape(len(array), *self.row_shape)
        columns = [np.empty(len(array), dtype=one.dtype) for one in types]
        for rows, values in self._decoded_chunks(array):
            for column, position in zip(columns, place, strict=True):
                column[rows] = as_dtype(values[:, position], column.dtype)
        return build_frame(self.container, self.labels, columns, types)

    def log_jacobian(self) -> float:
        """What to add to a log-density of the features to get that of the data as the user gave it.

        The sum of ``log(scale)`` over the unit-interval and continuous columns. Binary columns hold probability
        masses and add nothing, nor do constant columns that were left unscaled (their scale is 1).
        """
        return float(
            sum(
                np.log(self.columns.scale[block.start : block.stop]).sum()
                for block in self.blocks
                if KINDS[block.kind].is_density
            )
        )

    def describe(self) -> list[dict[str, Any]]:
        """Rows of a table for people: one per column of a frame in the user's order, or one for a whole array.

        Each has ``name``, ``kind``, ``dtype``, ``columns`` (how many), ``low``, ``high``, ``mean``, ``scale`` (None
        where the columns differ) and ``constant`` (how many columns are).
        """
        if self.labels is None:
            shape = "×".join(str(part) for part in self.row_shape)
            name = f"{self.container} {shape}" if len(self.row_shape) > 1 else f"all {shape} columns"
            return [self._described(name, self.blocks[0].kind, self.types[0], np.arange(self.n_features))]
        kind = {column: block.kind for block in self.blocks for column in range(block.start, block.stop)}
        return [
            self._described(str(label), kind[int(position)], one, np.array([position]))
            for label, one, position in zip(self.labels, self.types, np.argsort(self.columns.source), strict=True)
        ]

    def column_name(self, column: int) -> str:
        """The user's column in the user's words: "column 'age'", "column 3" or "pixel (4, 5)"."""
        if self.labels is not None:
            return f"column {self.labels[column]!r}"
        if len(self.row_shape) > 1:
            return f"pixel {tuple(int(part) for part in np.unravel_index(column, self.row_shape))}"
        return f"column {column}"

    def to_json(self) -> dict[str, Any]:
        """An exact, JSON-ready description."""
        return {
            "container": self.container,
            "row_shape": list(self.row_shape),
            "labels": None if self.labels is None else [label_to_json(label) for label in self.labels],
            "types": [[one.numpy, one.native] for one in self.types],
            "blocks": [block.to_json() for block in self.blocks],
            "columns": self.columns.to_json(),
            "scaling": self.scaling,
            "stored_uint8": self.stored_uint8,
        }

    @classmethod
    def from_json(cls, description: Mapping[str, Any]) -> Schema:
        """The schema that :meth:`to_json` described; raises :class:`InputError` for anything else."""
        return cls(**parse_schema(description))

    def fingerprint(self) -> str:
        """The SHA-256 of the schema's JSON form."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def _check_shape(self, matrix: Matrix, estimator_name: str) -> None:
        if len(self.row_shape) > 1 or len(matrix.row_shape) > 1:
            if matrix.row_shape != self.row_shape:
                expected, got = (
                    "(n, " + ", ".join(map(str, shape)) + ")" for shape in (self.row_shape, matrix.row_shape)
                )
                raise InputError(
                    f"X has rows of another shape: {estimator_name} is expecting {expected}; got {got}. "
                    f"Pass X.reshape(-1, {', '.join(map(str, self.row_shape))}) if the numbers are the same, and "
                    "images of the size that the model was fitted on."
                )
            given, learnt = matrix.types[0].numpy, self.types[0].numpy
            if (given == "uint8") != (learnt == "uint8"):
                raise InputError(
                    f"The images are {given}, but were {learnt} in training, so that their ranges differ. Pass "
                    f"X.astype({learnt!r}) after bringing them to the range "
                    f"{self.columns.low.min():g} to {self.columns.high.max():g}."
                )

    def _decoded_chunks(self, features: np.ndarray) -> Any:
        step = rows_per_chunk(self.n_features)
        for start in range(0, len(features), step):
            chunk = features[start : start + step].astype(np.float64)
            if np.isnan(chunk).any():
                raise InputError("Features to decode contain NaN: the codes lie far outside of what the model learnt.")
            yield slice(start, start + len(chunk)), in_users_units(chunk, self.columns, self.blocks)

    def _described(self, name: str, kind: str, one: ColumnType, where: np.ndarray) -> dict[str, Any]:
        columns = self.columns
        scale = columns.scale[where]
        return {
            "name": name,
            "kind": kind,
            "dtype": one.native or one.numpy,
            "columns": len(where),
            "low": float(columns.low[where].min()),
            "high": float(columns.high[where].max()),
            "mean": float(columns.mean[where].mean()),
            "scale": float(scale[0]) if (scale == scale[0]).all() else None,
            "constant": int(columns.constant[where].sum()),
        }


def _float32(values: np.ndarray) -> Tensor:
    limit = float(np.finfo(np.float32).max)
    with np.errstate(under="ignore"):
        return torch.from_numpy(np.clip(values, -limit, limit).astype(np.float32))
