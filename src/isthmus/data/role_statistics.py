"""Learning the columns that are not modelled as numbers, chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.core.errors import InputError

from .assignment import CONDITION, EXPOSURE, WORDS
from .cells import BESIDE, are_finite, refuse_missing_words, refuse_non_finite
from .kinds import Categorical
from .level_counts import LevelCounts
from .levels import MOST_LEVELS, Vocabulary
from .matrix import Matrix, rows_per_chunk
from .roles import CategoricalColumn, ConditionColumn, ExposureColumn, IgnoredColumn, Roles
from .statistics import ColumnStatistics

LEARNT_CELLS = 1 << 21
"""Cells read at once: finding levels costs as much for a few rows of a column as for many."""

MOST_CONDITION_LEVELS = 20
"""A numeric condition with more distinct values is a quantity."""


@dataclass(frozen=True)
class RoleStatistics:
    """What was seen of one column.

    ``counts`` are None once a numeric condition cannot be levels, or undeclared words are too many for levels;
    ``statistics`` are there for numbers that may be standardised.
    """

    role: str
    counts: LevelCounts | None
    statistics: ColumnStatistics | None

    @classmethod
    def of(cls, role: str, cells: np.ndarray, vocabulary: Vocabulary | None) -> RoleStatistics:
        """Of finite numbers, or positions in a vocabulary; shape (n,)."""
        is_number = vocabulary is None and cells.dtype.kind != "b"
        has_levels = role in (Categorical.name, WORDS)
        statistics = ColumnStatistics.of(cells[:, None]) if is_number and not has_levels else None
        counts = None
        if has_levels or (role == CONDITION and (statistics is None or statistics.integer.all())):
            counts = LevelCounts.of(cells, vocabulary)
        return cls(role, counts, statistics)._settled()

    def merged(self, other: RoleStatistics) -> RoleStatistics:
        """Of both sets of rows together."""
        counts = None if self.counts is None or other.counts is None else self.counts.merged(other.counts)
        statistics = (
            None if self.statistics is None or other.statistics is None else self.statistics.merged(other.statistics)
        )
        return RoleStatistics(self.role, counts, statistics)._settled()

    def _settled(self) -> RoleStatistics:
        if self.role == WORDS and self.counts is not None and self.counts.are_too_many:
            return RoleStatistics(self.role, None, None)
        if self.statistics is None or self.counts is None or len(self.counts.counts) <= MOST_CONDITION_LEVELS:
            return self
        return RoleStatistics(self.role, None, self.statistics)


def role_statistics(
    matrix: Matrix, roles: Mapping[int, str], place: Mapping[int, int], first_row: int, allow_missing: bool = False
) -> dict[int, RoleStatistics]:
    """Statistics of the columns with ``roles``, by their position in the schema.

    ``place`` says where each stands in the matrix; ``first_row`` is the position of the matrix's first row in the
    user's data; ``allow_missing`` allows missing levels. Conditions and the exposure must always be there.

    Raises
    ------
    InputError
        Naming the cell that is missing, not finite, or an exposure that is not positive; or the column that has too
        many levels, or levels of no type that can be told apart.
    """
    if not roles:
        return {}
    sources = [place[position] for position in roles]
    step = rows_per_chunk(len(sources), LEARNT_CELLS)
    found: dict[int, RoleStatistics] = {}
    for start in range(0, matrix.n_rows, step):
        cells_by_column = matrix.raw(slice(start, min(start + step, matrix.n_rows)), sources)
        for (position, role), source, cells in zip(roles.items(), sources, cells_by_column, strict=True):
            vocabulary = matrix.vocabulary(source)
            _check_cells(matrix, source, role, cells, start, first_row, allow_missing)
            one = RoleStatistics.of(role, cells, vocabulary)
            whole = found[position].merged(one) if position in found else one
            found[position] = whole
            if whole.counts is not None and len(whole.counts.counts) > MOST_LEVELS:
                check(whole, matrix.column_name(source))
    for position, one in found.items():
        check(one, matrix.column_name(place[position]))
    return found


def check(statistics: RoleStatistics, column_name: str) -> None:
    """Raise :class:`InputError` if what are to be levels cannot be."""
    if statistics.counts is not None:
        if statistics.role == WORDS:
            statistics.counts.check_types(column_name)
        else:
            statistics.counts.check(column_name)


def learnt_roles(found: Mapping[int, RoleStatistics], ignored: Sequence[IgnoredColumn] = ()) -> Roles:
    """The schema's part of it, but for the columns that are ``ignored``."""
    left = {column.source for column in ignored}
    categorical: list[CategoricalColumn] = []
    condition: list[ConditionColumn] = []
    exposure = None
    for position, one in sorted(found.items()):
        if position in left:
            continue
        if one.role == EXPOSURE and one.statistics is not None:
            exposure = ExposureColumn(position, float(one.statistics.mean[0]))
        elif one.role in (Categorical.name, WORDS) and one.counts is not None:
            categorical.append(CategoricalColumn(position, one.counts.finish()))
        elif one.counts is not None:
            condition.append(ConditionColumn(position, one.counts.finish()))
        elif one.statistics is not None:
            condition.append(_standardising(position, one.statistics))
    by_size = tuple(sorted(categorical, key=lambda column: len(column.levels)))
    return Roles(by_size, tuple(condition), exposure, tuple(ignored))


def _standardising(position: int, statistics: ColumnStatistics) -> ConditionColumn:
    deviation = 1.0 if statistics.constant[0] else max(float(statistics.deviation[0]), np.finfo(np.float64).tiny)
    return ConditionColumn(position, None, float(statistics.mean[0]), 1.0 / deviation)


def _check_cells(
    matrix: Matrix, source: int, role: str, cells: np.ndarray, start: int, first_row: int, allow_missing: bool
) -> None:
    may_miss = allow_missing and role in (Categorical.name, WORDS)
    whose = BESIDE if allow_missing else ""
    if matrix.vocabulary(source) is not None:
        if cells.min() < 0 and not may_miss:
            refuse_missing_words(matrix, source, first_row, whose)
        return
    if not are_finite(cells, may_miss):
        refuse_non_finite(matrix, first_row, [source] if allow_missing else None, may_miss, whose)
    if role == EXPOSURE:
        check_exposure(cells, lambda row: matrix.cell_name(first_row + start + row, source))


def check_exposure(cells: np.ndarray, cell_name: Any) -> None:
    """Raise :class:`InputError`, naming the first cell that is no positive number."""
    bad = np.flatnonzero(~(cells > 0))
    if len(bad):
        raise InputError(
            f"The exposure must be positive, but {cell_name(int(bad[0]))} is {cells[bad[0]]}. It says how long or how "
            "much was counted in a row: drop rows in which nothing was."
        )
