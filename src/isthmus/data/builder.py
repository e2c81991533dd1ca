"""Learning a schema chunk by chunk, so that streams and several processes can learn one together."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from isthmus.core.blocks import Block
from isthmus.core.errors import DataWarning, InputError

from .assignment import Assignment, assign, check_request
from .cells import first_cell, refuse_non_finite
from .columns import Columns
from .encoding import is_precise_in_float32
from .images import check_images
from .inference import infer_columns
from .kinds import AFFINE, AffineKind
from .matrix import ColumnType, Label, Matrix, column_type
from .opening import open_matrix, reorder
from .role_statistics import RoleStatistics, check, learnt_roles, role_statistics
from .roles import Roles, categorical_blocks
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
            raise InputError(
                "Chunks of one data set must be alike: column types were "
                f"{[one.native or one.numpy for one in self.types]}, and now are "
                f"{[one.native or one.numpy for one in other.types]}."
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
        How continuous columns are scaled: "column" ("auto" means this), "common" or "none".

    Examples
    --------
    >>> import numpy as np
    >>> first, second = SchemaBuilder(), SchemaBuilder()
    >>> first.update(np.array([[0.0, 10.0], [2.0, 30.0]])).merge(second.update(np.array([[4.0, 20.0]]))).n_rows
    3
    >>> first.finish().describe()[0]["mean"]
    11.0
    """

    def __init__(self, *, kind: Any = "auto", scaling: str = "auto") -> None:
        check_request(kind, scaling)
        self.kind = kind
        self.scaling = scaling
        self._layout: Layout | None = None
        self._n_rows = 0
        self._statistics: ColumnStatistics | None = None
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
        assignment = assign(self.kind, joined.labels, joined.row_shape)
        place = np.arange(matrix.n_columns) if columns is None else columns
        matrix.refuse_words([int(place[position]) for position in assignment.declared])
        self._refuse_other_kinds(matrix, assignment, place)
        statistics = self._updated(matrix, assignment, columns)
        roles = role_statistics(matrix, assignment.others, dict(enumerate(place.tolist())), self.n_rows)
        roles = self._merged_roles(roles, joined)
        user = np.argsort(place)
        numbers = set(assignment.numbers.tolist())
        self._huge.update(numbers.intersection(int(user[column]) for column in matrix.huge_integers()))
        self._layout, self._statistics, self._roles = joined, statistics, roles
        self._n_rows += matrix.n_rows
        return self

    def _updated(self, matrix: Matrix, assignment: Assignment, columns: np.ndarray | None) -> ColumnStatistics | None:
        """Statistics of the columns that are numbers, with those of another chunk."""
        statistics = self._statistics
        if len(assignment.numbers) == 0:
            return statistics
        if assignment.others:
            columns = assignment.numbers if columns is None else columns[assignment.numbers]
        for _, chunk in matrix.chunks(columns):
            one = ColumnStatistics.of(chunk, None if statistics is None else statistics.integer)
            if not one.finite:
                refuse_non_finite(matrix, self.n_rows)
            statistics = one if statistics is None else statistics.merged(one)
        return statistics

    def _merged_roles(self, others: dict[int, RoleStatistics], layout: Layout) -> dict[int, RoleStatistics]:
        if not self._roles:
            return others
        merged = {position: one.merged(others[position]) for position, one in self._roles.items()}
        for position, one in merged.items():
            check(one, layout.column_name(position))
        return merged

    def merge(self, other: SchemaBuilder) -> Self:
        """Add what another builder, asked for the same kinds and scaling, has learnt."""
        if (self.kind, self.scaling) != (other.kind, other.scaling):
            raise InputError(
                f"Builders to merge must be asked for the same: kind {self.kind!r} and scaling {self.scaling!r} "
                f"against {other.kind!r} and {other.scaling!r}."
            )
        if other._layout is None:
            return self
        if self._layout is None:
            self._layout, self._statistics, self._roles = other._layout, other._statistics, other._roles
        else:
            layout = self._layout.joined(other._layout)
            self._roles = self._merged_roles(other._roles, layout)
            self._layout = layout
            if self._statistics is not None and other._statistics is not None:
                self._statistics = self._statistics.merged(other._statistics)
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
        roles = learnt_roles(self._roles)
        varies = any(len(column.levels) > 1 for column in roles.categorical)
        if not varies and (statistics is None or statistics.constant.all()):
            modelled = len(roles.categorical) + (0 if statistics is None else len(statistics.mean))
            raise InputError(
                f"All {modelled} columns are constant: there is nothing to learn. Check that the right "
                "columns were selected."
            )
        columns, blocks = self._numbers(layout, statistics)
        variances = {position: one.counts.variance for position, one in self._roles.items() if one.counts is not None}
        blocks += categorical_blocks(roles.categorical, variances, len(columns))
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
        )
        self._warn(schema, roles)
        return schema

    def _numbers(self, layout: Layout, statistics: ColumnStatistics | None) -> tuple[Columns, tuple[Block, ...]]:
        """The columns that are numbers, and their blocks."""
        if statistics is None:
            nothing, none = np.empty(0), np.empty(0, dtype=bool)
            return Columns(np.empty(0, dtype=np.int64), nothing, nothing, nothing, nothing, nothing, none, none), ()
        assignment = assign(self.kind, layout.labels, layout.row_shape)
        numbers = assignment.numbers
        kinds, columns = infer_columns(
            statistics,
            [assignment.asked[position] for position in numbers],
            layout.types if len(layout.types) == 1 else [layout.types[position] for position in numbers],
            homogeneous=layout.labels is None,
            images=len(layout.row_shape) > 1,
            scaling=self.scaling,
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
                return kind.refuses(chunk, training=True) & inside

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
        step = float(scale.min()) if columns.integer[start:stop][varying].all() else 0.0
        shape = layout.row_shape if len(layout.row_shape) > 1 else (stop - start,)
        mean = float(columns.mean[start:stop].mean()) if name == "count" else 0.0
        blocks.append(Block(name, start, stop, shape, step, variance, mean=mean))
    return tuple(blocks)


def _is_notable(schema: Schema, column: int) -> bool:
    """A constant pixel is nothing unusual; a constant measurement or table column is."""
    kind = next(block.kind for block in schema.blocks if block.start <= column < block.stop)
    return schema.labels is not None or kind == "continuous"
