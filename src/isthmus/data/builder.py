"""Learning a schema chunk by chunk, so that streams and several processes can learn one together."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from isthmus.core.blocks import Block
from isthmus.core.errors import DataWarning, InputError

from .assignment import IGNORE, Assignment, assign, check_request
from .cells import first_cell, refuse_non_finite
from .columns import Columns
from .details import ColumnDetails
from .encoding import is_precise_in_float32
from .images import check_images
from .inference import infer_columns
from .kinds import AFFINE, AffineKind
from .leaving_out import left_out, warn_of_left_out
from .matrix import ColumnType, Label, Matrix, column_type
from .opening import open_matrix, reorder
from .role_statistics import RoleStatistics, check, learnt_roles, role_statistics
from .roles import Roles, categorical_blocks, indicator_blocks
from .schema import Schema
from .statistics import ColumnStatistics

# Counts are raw numbers by contract, whatever their type; levels become one-hot.
KEPT_AS_UINT8 = ("binary", "unit-interval", "continuous")


@dataclass(frozen=True)
class Layout:
    """What must be the same in all chunks: the container, the shape of a row, the labels; and the types."""

    container: str
    row_shape: tuple[int, ...]
    labels: tuple[Label, ...] | None
    types: tuple[ColumnType, ...]

    def column_name(self, column: int) -> str:
        """A column in the user's words."""
        return f"column {column}" if self.labels is None else f"column {self.labels[column]!r}"

    def joined(self, other: Layout) -> Layout:
        """The layout of both; raises :class:`InputError` if they differ."""
        for what in ("container", "row_shape", "labels"):
            mine, theirs = getattr(self, what), getattr(other, what)
            if mine != theirs:
                raise InputError(f"Chunks of one data set must be alike: {what} was {mine}, and now is {theirs}.")
        if self.types == other.types:
            return self
        if self.labels is not None:
            pairs = zip(range(len(self.types)), self.types, other.types, strict=True)
            changed = [
                f"{self.column_name(place)} was {mine.native or mine.numpy}, and now is {theirs.native or theirs.numpy}"
                for place, mine, theirs in pairs
                if mine != theirs
            ]
            raise InputError(
                f"Chunks of one data set must be alike: {'; '.join(changed[:10])}{'; …' if len(changed) > 10 else ''}. "
                "Convert the columns to one type."
            )
        return replace(self, types=(column_type(np.promote_types(self.types[0].dtype, other.types[0].dtype)),))


class SchemaBuilder:
    """Learns a :class:`Schema` from chunks of rows.

    Parameters
    ----------
    kind : str or dict, default "auto"
        "auto", "images", "binary", "unit-interval", "continuous", "count" or "categorical"; or a dict from columns to
        kinds and roles, as :meth:`Schema.learn` describes it.
    scaling : str, default "auto"
        How continuous columns are scaled: "column", "common", "none", or "auto", as :meth:`Schema.learn` describes it.
    extrapolate : bool, default False
        Rows of a frame may be decoded to values outside of the range of the training data.
    missing : str, default "error"
        What missing cells are: an "error", or part of the "model".

    Examples
    --------
    >>> import numpy as np
    >>> first, second = SchemaBuilder(), SchemaBuilder()
    >>> first.update(np.array([[0.0, 10.0], [2.0, 30.0]])).merge(second.update(np.array([[4.0, 20.0]]))).n_rows
    3
    >>> first.finish().describe()[0]["mean"]
    11.0
    """

    def __init__(
        self, *, kind: Any = "auto", scaling: str = "auto", extrapolate: bool = False, missing: str = "error"
    ) -> None:
        check_request(kind, scaling, extrapolate, missing)
        self.kind = kind
        self.scaling = scaling
        self.extrapolate = extrapolate
        self.missing = missing
        self._layout: Layout | None = None
        self._n_rows = 0
        self._statistics: ColumnStatistics | None = None
        self._details: ColumnDetails | None = None
        self._roles: dict[int, RoleStatistics] = {}
        self._huge: set[int] = set()

    @property
    def n_rows(self) -> int:
        """The rows seen so far."""
        return self._n_rows

    def update(self, data: Any) -> Self:
        """Learn from some more rows; raises :class:`InputError` for cells that are not finite or of another kind."""
        matrix = open_matrix(data)
        columns = None
        if self._layout is not None and self._layout.labels is not None and matrix.labels is not None:
            columns = reorder(self._layout.labels, matrix.labels)
        layout = _layout(matrix, columns)
        if len(layout.row_shape) > 1:
            check_images(matrix, self.kind)
        elif self.kind == "images":
            raise InputError(
                f"Images need an array (n, height, width) or (n, height, width, channels); got rows of shape "
                f"{layout.row_shape}. Pass X.reshape(len(X), height, width)."
            )
        joined = layout if self._layout is None else self._layout.joined(layout)
        place = np.arange(matrix.n_columns) if columns is None else columns
        words = [position for position, column in enumerate(place) if matrix.vocabulary(int(column)) is not None]
        assignment = assign(self.kind, joined.labels, joined.row_shape).with_words([*words, *self._roles])
        matrix.refuse_words(
            [int(place[position]) for position in assignment.declared],
            [int(place[position]) for position in assignment.ignored],
        )
        self._refuse_other_kinds(matrix, assignment, place)
        statistics, details = self._updated(matrix, assignment, columns, joined)
        places = dict(enumerate(place.tolist()))
        roles = role_statistics(matrix, assignment.others, places, self.n_rows, self._models_missing(joined))
        roles = self._merged_roles(roles, joined)
        user = np.argsort(place)
        numbers = set(assignment.numbers.tolist())
        self._huge.update(numbers.intersection(int(user[column]) for column in matrix.huge_integers()))
        self._layout, self._statistics, self._details, self._roles = joined, statistics, details, roles
        self._n_rows += matrix.n_rows
        return self

    def _updated(
        self, matrix: Matrix, assignment: Assignment, columns: np.ndarray | None, layout: Layout
    ) -> tuple[ColumnStatistics | None, ColumnDetails | None]:
        """Statistics of the columns that are numbers, and details of those of a frame, with those of another chunk."""
        statistics, details = self._statistics, self._details
        if self._layout is not None and len(assignment.numbers) != (0 if statistics is None else len(statistics.mean)):
            raise InputError(
                "Chunks of one data set must be alike: a column of text had no cell at all in those before. Say what "
                'such columns are: schema={column: "categorical"}.'
            )
        if len(assignment.numbers) == 0:
            return statistics, details
        types = [] if layout.labels is None else [layout.types[position] for position in assignment.numbers]
        if len(assignment.numbers) < len(assignment.asked):
            columns = assignment.numbers if columns is None else columns[assignment.numbers]
        for _, chunk in matrix.chunks(columns):
            known = None if statistics is None else statistics.integer
            one = ColumnStatistics.of(chunk, known, self._models_missing(layout))
            if not one.finite:
                refuse_non_finite(matrix, self.n_rows, columns, self._models_missing(layout))
            statistics = one if statistics is None else statistics.merged(one)
            if types:
                details = ColumnDetails.of(chunk, types, details, self.scaling == "auto")
        return statistics, details

    def _merged_roles(self, others: dict[int, RoleStatistics], layout: Layout) -> dict[int, RoleStatistics]:
        if not self._roles:
            return others
        merged = {position: one.merged(others[position]) for position, one in self._roles.items()}
        for position, one in merged.items():
            check(one, layout.column_name(position))
        return merged

    def merge(self, other: SchemaBuilder) -> Self:
        """Add what another builder, asked for the same kinds and scaling, has learnt."""
        for name in ("kind", "scaling", "extrapolate", "missing"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise InputError(f"Builders to merge must be asked for the same {name}: {mine!r} against {theirs!r}.")
        if other._layout is None:
            return self
        if self._layout is None:
            self._layout, self._statistics, self._roles = other._layout, other._statistics, other._roles
            self._details = other._details
        else:
            layout = self._layout.joined(other._layout)
            self._roles = self._merged_roles(other._roles, layout)
            self._layout = layout
            if self._statistics is not None and other._statistics is not None:
                self._statistics = self._statistics.merged(other._statistics)
            if self._details is not None and other._details is not None:
                self._details = self._details.merged(other._details)
        self._n_rows += other._n_rows
        self._huge |= other._huge
        return self

    def finish(self) -> Schema:
        """The schema of all rows seen.

        Raises
        ------
        InputError
            For fewer than two rows, or if all columns are constant.

        Warns
        -----
        DataWarning
            For continuous columns, and columns of a frame, that are constant; and for integers beyond 2**53.
        """
        if self._layout is None:
            raise InputError("Found array with 0 sample(s) while a minimum of 2 is required. Pass some rows.")
        layout, statistics = self._layout, self._statistics
        if self._n_rows < 2:
            raise InputError(
                f"Found array with 1 sample(s) (shape={(1, *layout.row_shape)}) while a minimum of 2 is required: "
                "nothing can be learnt from 1 sample."
            )
        assignment = assign(self.kind, layout.labels, layout.row_shape).with_words(self._roles)
        left = left_out(assignment, layout.types, statistics, self._details, self._roles)
        roles = learnt_roles(self._roles, [column for _, (column, _) in sorted(left.items())])
        columns, blocks = self._numbers(layout, statistics, assignment, left)
        levels = {column.source: self._roles[column.source].counts for column in roles.categorical}
        variances = {position: counts.variance for position, counts in levels.items() if counts is not None}
        blocks += categorical_blocks(roles.categorical, variances, len(columns))
        rates = self._missing_rates(columns, roles, assignment, statistics)
        _refuse_constant(columns, roles, rates, {place: layout.column_name(place) for place in left})
        blocks += indicator_blocks(rates, blocks[-1].stop)
        kept = layout.labels is None and layout.types[0].numpy == "uint8" and blocks[0].kind in KEPT_AS_UINT8
        schema = Schema(
            container=layout.container,
            row_shape=layout.row_shape,
            labels=layout.labels,
            types=layout.types,
            blocks=blocks,
            columns=columns,
            scaling="column" if self.scaling == "auto" else self.scaling,
            stored_uint8=kept and is_precise_in_float32(columns.shift, columns.scale),
            roles=roles,
            within_range=layout.labels is not None and not self.extrapolate,
            missing="model" if self._models_missing(layout) else "error",
            missing_rates=tuple(rate for rate in rates if rate > 0),
        )
        self._warn(schema, roles)
        warn_of_left_out({place: _name_of(layout, place) for place in left}, left, stacklevel=3)
        return schema

    def _models_missing(self, layout: Layout) -> bool:
        """Pixels are never missing."""
        return self.missing == "model" and len(layout.row_shape) == 1

    def _missing_rates(
        self, columns: Columns, roles: Roles, assignment: Assignment, statistics: ColumnStatistics | None
    ) -> list[float]:
        """The share of missing cells of each encoded column."""
        missing: list[int] = []
        if statistics is not None:
            counted = np.broadcast_to(statistics.count, len(statistics.mean))
            place = {source: column for column, source in enumerate(assignment.numbers.tolist())}
            missing += [self._n_rows - int(counted[place[source]]) for source in columns.source.tolist()]
        counts = [self._roles[column.source].counts for column in roles.categorical]
        missing += [0 if one is None else one.missing for one in counts]
        return [count / self._n_rows for count in missing]

    def _numbers(
        self,
        layout: Layout,
        statistics: ColumnStatistics | None,
        assignment: Assignment,
        left: Collection[int],
    ) -> tuple[Columns, tuple[Block, ...]]:
        """The columns that are numbers and not ``left`` out, and their blocks."""
        numbers = assignment.numbers
        if statistics is None or all(position in left for position in numbers):
            nothing, none = np.empty(0), np.empty(0, dtype=bool)
            return Columns(np.empty(0, dtype=np.int64), nothing, nothing, nothing, nothing, nothing, none, none), ()
        kinds, columns = infer_columns(
            statistics,
            [IGNORE if position in left else assignment.asked[position] for position in numbers],
            layout.types if len(layout.types) == 1 else [layout.types[position] for position in numbers],
            homogeneous=layout.labels is None,
            images=len(layout.row_shape) > 1,
            scaling=self.scaling,
            details=self._details,
        )
        blocks = _blocks(kinds, columns, statistics, layout)
        return replace(columns, source=numbers[columns.source]), blocks

    def _refuse_other_kinds(self, matrix: Matrix, assignment: Assignment, place: np.ndarray) -> None:
        for name in dict.fromkeys(assignment.asked):
            kind = AFFINE.get(name)
            if kind is None or not kind.expects_in_training:
                continue
            inside = np.zeros(matrix.n_columns, dtype=bool)
            inside[place[[position for position, one in enumerate(assignment.asked) if one == name]]] = True

            def refused(chunk: np.ndarray, kind: AffineKind = kind, inside: np.ndarray = inside) -> np.ndarray:
                bad = kind.refuses(chunk, training=True) & inside
                return bad & ~np.isnan(chunk) if self.missing == "model" and chunk.dtype.kind == "f" else bad

            cell = first_cell(matrix, refused)
            if cell is not None and np.isfinite(cell[2]):
                row, column, value = cell
                raise InputError(
                    f"The data is said to be {name}, but {matrix.cell_name(self.n_rows + row, column)} is "
                    f'{value:.10g}; expected {kind.expects_in_training}. Correct the value, or use schema="auto".'
                )

    def _warn(self, schema: Schema, roles: Roles) -> None:
        constant = [
            int(schema.columns.source[column])
            for column in np.flatnonzero(schema.columns.constant)
            if _is_notable(schema, int(column))
        ]
        constant += [column.source for column in roles.categorical if len(column.levels) == 1]
        if constant:
            names = [schema.column_name(column) for column in constant[:10]]
            warnings.warn(
                f"{len(constant)} of {schema.n_features} columns are constant and carry nothing: {', '.join(names)}"
                f"{', …' if len(constant) > 10 else ''}. They are kept, unscaled.",
                DataWarning,
                stacklevel=3,
            )
        if self._huge:
            names = [schema.column_name(column) for column in sorted(self._huge)[:10]]
            warnings.warn(
                f"Integers beyond 2**53 in {', '.join(names)}{', …' if len(self._huge) > 10 else ''}: neighbouring "
                "values cannot be told apart in floating point. If they are identifiers, leave them out.",
                DataWarning,
                stacklevel=3,
            )


def _layout(matrix: Matrix, columns: np.ndarray | None) -> Layout:
    if columns is None or matrix.labels is None:
        return Layout(matrix.container, matrix.row_shape, matrix.labels, matrix.types)
    labels = tuple(matrix.labels[column] for column in columns)
    return Layout(matrix.container, matrix.row_shape, labels, tuple(matrix.types[column] for column in columns))


def _blocks(kinds: list[str], columns: Columns, statistics: ColumnStatistics, layout: Layout) -> tuple[Block, ...]:
    deviation = statistics.deviation[columns.source]
    for place in columns.curves:
        deviation[place] = 1 / columns.scale[place]
    blocks = []
    for name in dict.fromkeys(kinds):
        start = kinds.index(name)
        stop = start + kinds.count(name)
        varying = ~columns.constant[start:stop]
        if not varying.any():
            varying[:] = True
        scale = columns.scale[start:stop][varying]
        with np.errstate(under="ignore"):
            variance = float(np.mean((deviation[start:stop][varying] * scale) ** 2))
        even = columns.integer[start:stop][varying].all() and not any(start <= place < stop for place in columns.curves)
        step = float(scale.min()) if even else 0.0
        shape = layout.row_shape if len(layout.row_shape) > 1 else (stop - start,)
        mean = float(columns.mean[start:stop].mean()) if name == "count" else 0.0
        blocks.append(Block(name, start, stop, shape, step, variance, mean=mean))
    return tuple(blocks)


def _name_of(layout: Layout, column: int) -> str:
    """A column as the key by which ``schema`` names it."""
    return str(column) if layout.labels is None else repr(layout.labels[column])


def _refuse_constant(columns: Columns, roles: Roles, rates: list[float], left: Mapping[int, str]) -> None:
    """Raise :class:`InputError` if nothing that is modelled varies."""
    if not len(columns) and not roles.categorical:
        raise InputError(
            f"No column is left to model. Identifiers, free text, columns without any cell and those to ignore are "
            f"left out: {', '.join(list(left.values())[:10])}. Say what a column is to model it all the same: "
            'schema={column: "categorical"}.'
        )
    varies = any(len(column.levels) > 1 for column in roles.categorical) or not columns.constant.all()
    if not varies and not any(rates):
        raise InputError(
            f"All {len(columns) + len(roles.categorical)} columns are constant: there is nothing to learn. Check that "
            "the right columns were selected."
        )


def _is_notable(schema: Schema, column: int) -> bool:
    """A constant pixel is nothing unusual; a constant measurement or table column is."""
    kind = next(block.kind for block in schema.blocks if block.start <= column < block.stop)
    return schema.labels is not None or kind == "continuous"
