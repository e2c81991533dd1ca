"""What was learnt of the data: kinds, scales, and the way from the user's types to tensors and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.errors import InputError
from isthmus.core.expansion import expanded

from .carried import AsGiven, Carried
from .datetimes import TimeType
from .decoding import decoded
from .description import describe
from .encoding import Encoder
from .given import Given
from .kinds import KINDS
from .matching import matched
from .role_json import roles_to_json
from .rows import Rows
from .schema_fields import SchemaFields
from .schema_json import label_to_json, parse_schema
from .side_columns import SideColumns

SCORED_ROWS = 1 << 14
"""Rows whose slopes are held at once."""


@dataclass(frozen=True, eq=False)
class Schema(SchemaFields):
    """What was learnt of the training data; made by :meth:`learn` or a :class:`SchemaBuilder`.

    A homogeneous array (or stack of images) has one kind, and one block. The columns of a frame are judged one by
    one and grouped by kind, so that the encoded row has one block of each: binary, unit-interval, continuous, count;
    and after those one per number of levels of the categorical columns, and last the indicators of missing cells.
    Columns with a role (conditions, the exposure, those to ignore) are not part of the encoded row.

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
        The levels of categorical columns; conditions and exposure, which are known rather than modelled; what is
        ignored, and why.
    within_range : bool
        Decoded numbers are held to the range of the training data.
    missing : str
        "model" if cells may be missing, else "error".
    missing_rates : tuple of float
        The share of missing cells in training of each column that has an indicator: those whose cells were missing.

    Examples
    --------
    >>> X = np.array([[1.0, 100.0], [3.0, 300.0], [2.0, 200.0]])
    >>> schema = Schema.learn(X)
    >>> schema.blocks[0].kind, schema.encode(X).values.mean(dim=0).tolist()
    ('continuous', [0.0, 0.0])
    >>> schema.decode(schema.encode(X).values).round(4).tolist()
    [[1.0, 100.0], [3.0, 300.0], [2.0, 200.0]]
    """

    @classmethod
    def learn(
        cls,
        data: Any,
        *,
        kind: Any = "auto",
        scaling: str = "auto",
        extrapolate: bool = False,
        missing: str = "error",
    ) -> Schema:
        """Learn the schema of ``data``, read in chunks of rows.

        Parameters
        ----------
        data : array, sparse matrix, torch tensor, frame or stack of images
            Shape (n, d), (n, h, w) or (n, h, w, c), of at least two rows.
        kind : str or dict, default "auto"
            One of "auto", "images", "binary", "unit-interval", "continuous", "count" (whole numbers from 0 to 2**24)
            or "categorical" (every column has levels: numbers of any meaning, in frames also text, categories and
            booleans; at most 10,000 per column). In a frame, "auto" takes text and categories for levels, and leaves
            out, with a warning, what looks like an identifier (texts nearly all distinct, row numbers) or like free
            text.
            Or a dict. Of a frame: from column names to kinds; the columns that it does not name are judged by their
            values. A column can also be a "condition" (known, not modelled: text, categories, booleans and up to 20
            distinct whole numbers become one-hot, other numbers are standardised), and one the "exposure" (positive:
            how long or how much was counted in a row); some can be left out ("ignore"). Of an array: from column
            positions to these three roles; the other columns have one kind. The key "*" stands for all columns that are
            not named: ``{"*": "count", 64: "condition"}``.
        scaling : str, default "auto"
            How continuous columns are scaled: "column" (each to mean 0 and standard deviation 1), "common" (each to
            mean 0, and all by the root of their mean variance) or "none". "auto" means "column"; and in frames,
            columns of at least 100 rows that are far from normal go through a logarithm or their quantiles first.
        missing : str, default "error"
            What cells are that are missing (NaN, None, NaT, ``pandas.NA``, null). "error": refused. "model": allowed,
            here and later; each column that has some gets an indicator, which is modelled, too. Columns without any
            cell are left out with a warning. Infinite cells are always refused.
        extrapolate : bool, default False
            Rows of a frame may be decoded to values outside of the range of the training data. Those of an array
            always may.

        Raises
        ------
        InputError
            If the data does not fit: infinite cells, missing ones where they are an error, fewer than two rows, no
            column that varies, arrays of text or dates, complex numbers, columns of mixed types, a number of dimensions
            that means nothing; the message names the cell or column.
        ParameterError
            If ``kind`` or ``scaling`` is unknown.
        """
        # The builder makes schemas, so its module imports this one.
        from .builder import SchemaBuilder

        builder = SchemaBuilder(kind=kind, scaling=scaling, extrapolate=extrapolate, missing=missing)
        return builder.update(data).finish()

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.columns, self.blocks, self.stored_uint8)

    def rows(self, data: Any, estimator_name: str = "Schema", allow_missing: bool = False) -> Rows:
        """``data`` checked against the schema; encoded when its rows are taken.

        Columns of a frame are matched by name, in any order, if the schema was learnt from a frame; everything else
        goes by position. Columns that the schema ignores need not be there. Cells may be missing if the schema models
        that, or with ``allow_missing``.

        Raises
        ------
        InputError
            If the shape, the column names or the type do not fit; the message lists the differences.
        """
        matrix, order = matched(self, data, estimator_name)
        source = self.columns.source if order is None else order[self.columns.source]
        everything = len(source) == matrix.n_columns and bool((source == np.arange(len(source))).all())
        side = None
        allow_missing = allow_missing or self.missing == "model"
        if self.roles:
            side = SideColumns(matrix, self.roles, order, allow_missing)
        else:
            matrix.refuse_words(fitted=True)
        return Rows(
            matrix,
            self._encoder,
            None if everything else source,
            side,
            allow_missing=allow_missing,
            indicators=len(self.indicated),
        )

    def encode(self, data: Any) -> Batch:
        """All rows of ``data`` as tensors: ``rows(data).take(slice(None))``."""
        return self.rows(data).take(slice(None))

    def features(self, batch: Batch) -> Tensor:
        """Encoded rows as the features that a model sees and gives back, float32, shape (n, n_encoded).

        Numbers first, 0 where they are missing; then the levels of categorical columns, one-hot, and all zeros where
        a level is missing or was not seen in training; then the indicators of missing cells.
        """
        if batch.values.dtype == torch.uint8:
            return (batch.values.float() - self.shift) * self.scale
        return expanded(batch, self.blocks)

    def decode(
        self,
        features: Tensor | np.ndarray,
        dtype: Any = None,
        carried: Carried | None = None,
        restore_missing: bool = False,
        within: Mapping[int, NDArray[np.float64]] | None = None,
    ) -> Any:
        """Features back in the user's container, shape, units, data type, column names and order.

        Columns that the schema ignores do not come back, unless they are ``carried``; those without any cell in
        training come back missing. Values of bounded kinds, and all numbers of a frame unless the schema may
        ``extrapolate``, are clipped to the range of training. Integers are rounded, and the numbers, dates and times of
        a frame are as fine as in training: of as many decimals, whole seconds, days. A binary column is rounded to 0 or
        1 if its type is integer or boolean, and stays a probability otherwise. Categorical columns get their most
        likely level.

        Parameters
        ----------
        features : Tensor or ndarray, shape (n, n_encoded)
            In feature space, as the decoder's mean gives them: probabilities for categorical columns.
        dtype : numpy data type, optional
            Instead of the user's: ``float`` keeps what rounding would lose (dates and times are days and seconds
            since 1970-01-01). Text and categories stay what they are.
        carried : Carried, optional
            The columns that the model does not give back, of the same n rows; see :meth:`carried` and
            :meth:`carried_given`. Needed if there are any.
        restore_missing : bool, default False
            Cells whose indicator is at least 0.5 are missing, in the way of the column's type: NaN, None, NaT,
            ``pandas.NA`` or null. Otherwise every cell has its value.
        within : mapping of int to ndarray, shape (2, n), optional
            The least and the greatest value of each row's cell of some columns of numbers, by position, in the user's
            units; where they are the same the cell is exactly that.

        Raises
        ------
        InputError
            If the shape is another, a feature is NaN, or ``carried`` is missing or of another number of rows.
        """
        return decoded(self, features, dtype, carried, restore_missing, within)

    def carried(self, data: Any) -> Carried:
        """The columns of the user's rows that the model does not give back, to be put in place by :meth:`decode`.

        Ignored columns are among them if the rows have them, and are of the container that the schema was learnt from.

        Raises
        ------
        InputError
            If the data does not fit, as :meth:`rows` says; conditions and exposures are checked at once.
        """
        if not self.roles.carried and not self.roles.dropped:
            return Carried()
        matrix, order = matched(self, data, "Schema")
        known: dict[int, Any] = dict(SideColumns(matrix, self.roles, order).carried())
        for source in self.roles.dropped if matrix.container == self.container else ():
            place = source if order is None else int(order[source])
            if place >= 0:
                known[source] = AsGiven(matrix.given_column(place))
        return Carried(known)

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

    def log_jacobian(self, densities: Sequence[bool] | None = None, rows: Rows | None = None) -> float | NDArray:
        """What to add to a log-density of the features to get that of the data as the user gave it.

        The sum of ``log(scale)`` over the unit-interval and continuous columns. Binary columns hold probability
        masses and add nothing, nor do counts and levels, nor constant columns that were left unscaled (their scale
        is 1). Where columns go through a curve, its slope at the cell is added, and each row has a number of its own;
        cells that are missing add nothing.

        Parameters
        ----------
        densities : sequence of bool, optional
            For each block, whether its likelihood is a density; masses of levels add nothing.
        rows : Rows, optional
            The rows that the log-densities are of: needed if a column goes through a curve.

        Returns
        -------
        float, or ndarray of float64, shape (n,)

        Raises
        ------
        InputError
            If the rows have different numbers, and ``rows`` are missing.
        """
        counted = densities or [True] * len(self.blocks)
        marked = np.zeros(len(self.columns), dtype=bool)
        for block, density in zip(self.blocks, counted, strict=True):
            if block.kind in KINDS:
                marked[block.start : block.stop] |= density and KINDS[block.kind].is_density
        if rows is not None and not rows.is_affine:
            parts = (slice(start, start + SCORED_ROWS) for start in range(0, len(rows), SCORED_ROWS))
            return np.concatenate([rows.log_slopes(part)[:, marked].sum(axis=1) for part in parts])
        if any(marked[place] for place in self.columns.curves):
            raise InputError("The scaling has another slope in each row: pass the rows, log_jacobian(rows=...).")
        return float(np.log(self.columns.scale[marked]).sum())

    def describe(self) -> list[dict[str, Any]]:
        """Rows of a table for people: one per column of a frame in the user's order, or one for a whole array
        and one for each of its columns that has a role.

        Each has ``name``, ``kind`` (or "condition", "exposure" or "ignore"), ``dtype``, ``columns`` (how many),
        ``low``, ``high``, ``mean``, ``scale`` (None where there is none, or the columns differ) and ``constant`` (how
        many columns are). Columns of levels also have ``levels`` (how many; None where they differ), and a column
        that goes through a curve before it is scaled its name, ``curve``: "log", "quantile" or "calendar". A column of
        a frame with missing cells in training has their share, ``missing``; one to ignore says ``why``: "asked",
        "identifier", "text", "levels" (too many) or "empty". Dates and times are in days or seconds since 1970-01-01.
        """
        return describe(self)

    def to_json(self) -> dict[str, Any]:
        """An exact, JSON-ready description."""
        return {
            "container": self.container,
            "row_shape": list(self.row_shape),
            "labels": None if self.labels is None else [label_to_json(label) for label in self.labels],
            "types": [[one.numpy, one.native, *([one.marker] if one.marker else [])] for one in self.types],
            "blocks": [block.to_json() for block in self.blocks],
            "columns": self.columns.to_json(),
            "scaling": self.scaling,
            "stored_uint8": self.stored_uint8,
            **({"within_range": True} if self.within_range else {}),
            **({"missing": {"rates": list(self.missing_rates)}} if self.missing == "model" else {}),
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

    def _given(self, given: Mapping[Any, Any] | None, n: int) -> Given:
        types = {} if self.labels is None else {place: self.types[place].native for place in self.roles.carried}
        times = {place: time for place, name in types.items() if (time := TimeType.of(name)) is not None}
        return Given(self.roles, given, n, self.position_of, self.column_name, times)
