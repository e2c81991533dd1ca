"""What was learnt of the data: kinds, scales, and the way from the user's types to tensors and back."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import InputError

from .assignment import position_of_key
from .carried import Carried
from .columns import Columns
from .decoding import decoded
from .description import describe
from .encoding import Encoder
from .given import Given
from .kinds import KINDS
from .matrix import ColumnType, Label, Matrix
from .opening import open_matrix, reorder
from .role_json import roles_to_json
from .roles import Roles
from .rows import Rows
from .schema_json import label_to_json, parse_schema
from .side_columns import SideColumns


@dataclass(frozen=True, eq=False)
class Schema:
    """What was learnt of the training data; made by :meth:`learn` or a :class:`SchemaBuilder`.

    A homogeneous array (or stack of images) has one kind, and one block. The columns of a frame are judged one by
    one and grouped by kind, so that the encoded row has one block of each: binary, unit-interval, continuous, count;
    and after those one per number of levels of the categorical columns. Columns with a role (conditions, the exposure)
    are not part of the encoded row.

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
        Shift, scale and range of each column that is modelled as a number, in encoded order, in float64.
    scaling : str
        "column", "common" or "none": how continuous columns are scaled.
    stored_uint8 : bool
        uint8 data stays uint8 in a :class:`~isthmus.core.batch.Batch`, and the model computes
        ``(values - shift) * scale``.
    roles : Roles
        The levels of categorical columns; conditions and exposure, which are known rather than modelled.

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
    roles: Roles = field(default_factory=Roles)

    @classmethod
    def learn(cls, data: Any, *, kind: Any = "auto", scaling: str = "auto") -> Schema:
        """Learn the schema of ``data``, read in chunks of rows.

        Parameters
        ----------
        data : array, sparse matrix, torch tensor, frame or stack of images
            Shape (n, d), (n, h, w) or (n, h, w, c), of at least two rows.
        kind : str or dict, default "auto"
            One of "auto", "images", "binary", "unit-interval", "continuous", "count" (whole numbers from 0 to 2**24)
            or "categorical" (every column has levels: numbers of any meaning, in frames also text, categories and
            booleans; at most 1,000 per column).
            Or a dict. Of a frame: from column names to kinds; the columns that it does not name are judged by their
            values. A column can also be a "condition" (known, not modelled: text, categories, booleans and up to 20
            distinct whole numbers become one-hot, other numbers are standardised), and one the "exposure" (positive:
            how long or how much was counted in a row). Of an array: from column positions to these two roles; the
            other columns have one kind. The key "*" stands for all columns that are not named:
            ``{"*": "count", 64: "condition"}``.
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
        """The number of the user's columns, those with a role among them; for images h * w * c."""
        return math.prod(self.row_shape)

    @property
    def n_encoded(self) -> int:
        """The number of features in an encoded row: the width of all blocks together."""
        return self.blocks[-1].stop

    @property
    def condition_width(self) -> int:
        """The number of features that all conditions become; 0 without."""
        return self.roles.condition_width

    @property
    def has_exposure(self) -> bool:
        """A column says how long or how much was counted in each row."""
        return self.roles.exposure is not None

    @property
    def mean_exposure(self) -> float:
        """The mean exposure of the training data; 1 without."""
        return 1.0 if self.roles.exposure is None else self.roles.exposure.mean

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The column names of a frame, if all of them are text."""
        if self.labels is None or not all(isinstance(label, str) for label in self.labels):
            return None
        return tuple(str(label) for label in self.labels)

    @property
    def shift(self) -> Tensor:
        """float32, shape (d,), encoded order: ``features = (values - shift) * scale``."""
        return _float32(np.append(self.columns.shift, np.zeros(self.roles.one_hot_width)))

    @property
    def scale(self) -> Tensor:
        """float32, shape (d,), encoded order; kept within float32's range (``columns.scale`` is exact)."""
        return _float32(np.append(self.columns.scale, np.ones(self.roles.one_hot_width)))

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
        matrix, order = self._opened(data, estimator_name)
        source = self.columns.source if order is None else order[self.columns.source]
        everything = len(source) == matrix.n_columns and bool((source == np.arange(len(source))).all())
        side = None
        if self.roles:
            side = SideColumns(matrix, self.roles, order)
        else:
            matrix.refuse_words()
        return Rows(matrix, self._encoder, None if everything else source, side)

    def encode(self, data: Any) -> Batch:
        """All rows of ``data`` as tensors: ``rows(data).take(slice(None))``."""
        return self.rows(data).take(slice(None))

    def decode(self, features: Tensor | np.ndarray, dtype: Any = None, carried: Carried | None = None) -> Any:
        """Features back in the user's container, shape, units, data type, column names and order.

        Integers are rounded; values of bounded kinds are clipped to their range; a binary column is rounded to 0
        or 1 if its type is integer or boolean, and stays a probability otherwise. Categorical columns get their most
        likely level.

        Parameters
        ----------
        features : Tensor or ndarray, shape (n, n_encoded)
            In feature space, as the decoder's mean gives them: probabilities for categorical columns.
        dtype : numpy data type, optional
            Instead of the user's: ``float`` keeps what rounding would lose. Text and categories stay what they are.
        carried : Carried, optional
            The columns that the model does not give back, of the same n rows; see :meth:`carried` and
            :meth:`carried_given`. Needed if there are any.

        Raises
        ------
        InputError
            If the shape is another, a feature is NaN, or ``carried`` is missing or of another number of rows.
        """
        return decoded(self, features, dtype, carried)

    def carried(self, data: Any) -> Carried:
        """The columns of the user's rows that the model does not give back, to be put in place by :meth:`decode`.

        Raises
        ------
        InputError
            If the data does not fit, as :meth:`rows` says; conditions and exposures are checked at once.
        """
        if not self.roles.carried:
            return Carried()
        matrix, order = self._opened(data, "Schema")
        return Carried(SideColumns(matrix, self.roles, order).carried())

    def carried_given(self, given: Mapping[Any, Any] | None, n: int) -> Carried:
        """The same for ``n`` rows that are not there yet, as asked; the mean exposure where none is given.

        Takes and raises what :meth:`encode_condition` does.
        """
        return Carried(self._given(given, n).carried())

    def encode_condition(self, given: Mapping[Any, Any] | None, n: int) -> Tensor:
        """Conditions of ``n`` rows as a model takes them.

        Parameters
        ----------
        given : mapping or None
            One value for all rows, or n values, for each condition by column label (of arrays: by position). The
            exposure may be among them, and is left to :meth:`encode_exposure`.
        n : int
            The number of rows.

        Returns
        -------
        Tensor, shape (n, condition_width)
            float32: levels one-hot, numbers standardised; as in ``Batch.condition``.

        Raises
        ------
        InputError
            For keys that are no conditions, conditions that are missing, levels not seen in training, numbers that
            are not finite, or another number of values; the message names them and what is known.

        Examples
        --------
        >>> X = np.array([[0.5, 1.0, 3], [1.5, 4.0, 7], [2.5, 1.0, 7]])
        >>> Schema.learn(X, kind={2: "condition"}).encode_condition({2: 7}, 2).tolist()
        [[0.0, 1.0], [0.0, 1.0]]
        """
        return self._given(given, n).condition()

    def encode_exposure(self, given: Mapping[Any, Any] | None, n: int) -> Tensor:
        """The exposures of ``n`` rows, float32, shape (n,): those ``given``, or the mean of the training data.

        Takes and raises what :meth:`encode_condition` does. Without an exposure in the schema these are ones.
        """
        return self._given(given, n).exposure()

    def log_jacobian(self, densities: Sequence[bool] | None = None) -> float:
        """What to add to a log-density of the features to get that of the data as the user gave it.

        The sum of ``log(scale)`` over the unit-interval and continuous columns. Binary columns hold probability
        masses and add nothing, nor do counts and levels, nor constant columns that were left unscaled (their scale
        is 1).

        Parameters
        ----------
        densities : sequence of bool, optional
            For each block, whether its likelihood is a density; masses of levels add nothing.
        """
        counted = densities or [True] * len(self.blocks)
        return float(
            sum(
                np.log(self.columns.scale[block.start : block.stop]).sum()
                for block, density in zip(self.blocks, counted, strict=True)
                if density and KINDS[block.kind].is_density
            )
        )

    def describe(self) -> list[dict[str, Any]]:
        """Rows of a table for people: one per column of a frame in the user's order, or one for a whole array
        and one for each of its columns that has a role.

        Each has ``name``, ``kind`` (or "condition" or "exposure"), ``dtype``, ``columns`` (how many), ``low``,
        ``high``, ``mean``, ``scale`` (None where there is none, or the columns differ) and ``constant`` (how many
        columns are); columns of levels also have ``levels`` (how many; None where the columns differ).
        """
        return describe(self)

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
            **roles_to_json(self.roles),
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

    def _opened(self, data: Any, estimator_name: str) -> tuple[Matrix, NDArray[np.int64] | None]:
        """The data, checked, and where the schema's columns stand in it (None: as in training)."""
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
        return matrix, order

    def _given(self, given: Mapping[Any, Any] | None, n: int) -> Given:
        return Given(self.roles, given, n, self._position, self.column_name)

    def _position(self, key: Any) -> int | None:
        """The column that the user calls ``key``."""
        if self.labels is None:
            return position_of_key(key, self.n_features)
        return self.labels.index(key) if key in self.labels else None

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


def _float32(values: np.ndarray) -> Tensor:
    limit = float(np.finfo(np.float32).max)
    with np.errstate(under="ignore"):
        return torch.from_numpy(np.clip(values, -limit, limit).astype(np.float32))
