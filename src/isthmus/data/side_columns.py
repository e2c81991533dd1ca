"""One matrix's columns that are not modelled as numbers, encoded: one-hot levels, conditions, exposure."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.errors import InputError

from .cells import are_finite, refuse_missing_words, refuse_non_finite
from .encoding import ENCODED_CELLS
from .kinds import write_one_hot
from .levels import Levels
from .matrix import Matrix, RowIndex, rows_per_chunk
from .role_statistics import check_exposure
from .roles import ConditionColumn, Roles, standardised
from .row_index import count_of, parts_of, position_of


class SideColumns:
    """Reads these columns of one matrix.

    Parameters
    ----------
    matrix : Matrix
    roles : Roles
    order : ndarray of int, optional
        Where the user's columns stand in the matrix, if not as in training.
    """

    def __init__(self, matrix: Matrix, roles: Roles, order: NDArray[np.integer] | None) -> None:
        self.roles = roles
        self._matrix = matrix
        exposure = () if roles.exposure is None else (roles.exposure,)
        self._columns = (*roles.categorical, *roles.condition, *exposure)
        self._sources = [column.source if order is None else int(order[column.source]) for column in self._columns]
        place = dict(zip((column.source for column in self._columns), self._sources, strict=True))
        matrix.refuse_words([place[position] for position in roles.levels])
        # The last entry is for missing cells, whose position is -1.
        self._lookup: dict[int, NDArray[np.int64]] = {}
        for position, levels in roles.levels.items():
            vocabulary = matrix.vocabulary(place[position])
            if vocabulary is not None:
                self._lookup[place[position]] = np.append(levels.positions_of(vocabulary.words), -1)

    def encode(self, index: RowIndex, one_hot: Tensor) -> tuple[Tensor | None, dict[str, Tensor]]:
        """Conditions and extras of the rows at ``index``; writes the categorical features into ``one_hot``, (m, w)."""
        matrix, roles = self._matrix, self.roles
        count = count_of(index, matrix.n_rows)
        condition = torch.zeros(count, roles.condition_width) if roles.condition else None
        exposure = torch.empty(count) if roles.exposure is not None else None
        widest = max(len(self._sources), roles.one_hot_width)
        for into, part in parts_of(index, matrix.n_rows, rows_per_chunk(widest, ENCODED_CELLS)):
            raw = matrix.raw(part, self._sources)
            self._write_categorical(one_hot[into], part, raw)
            known_columns = len(roles.categorical)
            cells = iter(zip(self._sources[known_columns:], raw[known_columns:], strict=True))
            start = 0
            for known in roles.condition:
                stop = start + known.width
                if condition is not None:
                    self._write_condition(condition[into, start:stop], known, part, *next(cells))
                start = stop
            if exposure is not None:
                exposure[into] = self._exposure(part, *next(cells))
        return condition, {} if exposure is None else {"exposure": exposure}

    def carried(self) -> dict[int, np.ndarray]:
        """The columns that the model does not give back, by position in the schema: numbers, or levels as objects.

        Raises :class:`InputError` for what :meth:`encode` refuses.
        """
        roles, everything = self.roles, slice(0, self._matrix.n_rows)
        known = self._columns[len(roles.categorical) :]
        sources = self._sources[len(roles.categorical) :]
        carried: dict[int, np.ndarray] = {}
        for column, source, cells in zip(known, sources, self._matrix.raw(everything, sources), strict=True):
            levels = roles.levels.get(column.source)
            if levels is not None:
                places = self._levels_of(levels, everything, source, cells)
                carried[column.source] = levels.at(places, np.dtype(object))
            elif isinstance(column, ConditionColumn):
                self._refuse_non_finite(cells)
                carried[column.source] = np.array(cells)
            else:
                self._exposure(everything, source, cells)
                carried[column.source] = np.array(cells)
        return carried

    def _write_categorical(self, out: Tensor, part: RowIndex, raw: list[np.ndarray]) -> None:
        start = done = 0
        for cardinality, columns in groupby(self.roles.categorical, key=lambda column: len(column.levels)):
            some = [column.levels for column in columns]
            stop = start + cardinality * len(some)
            here = slice(done, done + len(some))
            if not self._write_together(out[:, start:stop], some, raw[here]):
                for place, (levels, source, cells) in enumerate(zip(some, self._sources[here], raw[here], strict=True)):
                    first = start + place * cardinality
                    self._write(out[:, first : first + cardinality], levels, part, source, cells)
            start, done = stop, done + len(some)

    def _write_together(self, out: Tensor, some: list[Levels], raw: list[np.ndarray]) -> bool:
        """The same for an array's columns at once; False if that is not possible, or a cell is no level."""
        if self._matrix.labels is not None or any(levels.are_text for levels in some):
            return False
        tables = np.array([levels.values for levels in some])
        found = np.stack(raw, axis=1)[:, :, None] == tables
        if not found.any(axis=2).all():
            return False
        out.numpy().reshape(found.shape)[:] = found
        return True

    def _write(self, out: Tensor, levels: Levels, part: RowIndex, source: int, cells: np.ndarray) -> None:
        write_one_hot(self._levels_of(levels, part, source, cells), out)

    def _write_condition(
        self, out: Tensor, column: ConditionColumn, part: RowIndex, source: int, cells: np.ndarray
    ) -> None:
        if column.levels is not None:
            self._write(out, column.levels, part, source, cells)
            return
        self._refuse_non_finite(cells)
        out[:, 0] = standardised(column, cells)
        bad = torch.nonzero(~torch.isfinite(out[:, 0]))
        if len(bad):
            raise InputError(
                f"Input X has a value beyond float32 after scaling at {self._cell(part, int(bad[0]), source)}. "
                "Expected values in the range of the training data: check the units, or remove the outlier."
            )

    def _exposure(self, part: RowIndex, source: int, cells: np.ndarray) -> Tensor:
        self._refuse_non_finite(cells)
        check_exposure(cells, lambda row: self._cell(part, row, source))
        with np.errstate(over="ignore", under="ignore"):
            exposure = cells.astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(exposure) | (exposure <= 0))
        if len(bad):
            raise InputError(
                f"The exposure at {self._cell(part, int(bad[0]), source)} is {cells[bad[0]]}, beyond the range of "
                "float32. Give exposures in another unit."
            )
        return torch.from_numpy(exposure)

    def _levels_of(self, levels: Levels, part: RowIndex, source: int, cells: np.ndarray) -> NDArray[np.int64]:
        lookup = self._lookup.get(source)
        places = levels.positions(cells) if lookup is None else lookup[cells]
        bad = np.flatnonzero(places < 0)
        if len(bad) == 0:
            return places
        vocabulary = self._matrix.vocabulary(source)
        cell: Any = cells[bad[0]]
        if vocabulary is not None:
            if cells.min() < 0:
                refuse_missing_words(self._matrix, source)
            cell = vocabulary.words[cell]
        else:
            self._refuse_non_finite(cells)
            cell = cell.item()
        raise InputError(
            f"Input X has the level {cell!r:.80} at {self._cell(part, int(bad[0]), source)}, which was not seen in "
            f"training. Known levels: {levels.listed()}. Pass only levels seen in training."
        )

    def _refuse_non_finite(self, cells: np.ndarray) -> None:
        if not are_finite(cells):
            refuse_non_finite(self._matrix)

    def _cell(self, part: RowIndex, row: int, source: int) -> str:
        return self._matrix.cell_name(position_of(part, row, self._matrix.n_rows), source)
