"""One matrix's columns that are not modelled as numbers, encoded: levels, conditions, exposure."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isthmus.core.errors import DataWarning, InputError

from .cells import BESIDE, are_finite, are_present, refuse_missing_words, refuse_non_finite
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
    allow_missing : bool, default False
        Cells of categorical columns may be missing.
    """

    def __init__(
        self, matrix: Matrix, roles: Roles, order: NDArray[np.integer] | None, allow_missing: bool = False
    ) -> None:
        self.roles = roles
        self._matrix = matrix
        self._allow_missing = allow_missing
        self._warned: set[int] = set()
        exposure = () if roles.exposure is None else (roles.exposure,)
        self._columns = (*roles.categorical, *roles.condition, *exposure)
        self._sources = [column.source if order is None else int(order[column.source]) for column in self._columns]
        place = dict(zip((column.source for column in self._columns), self._sources, strict=True))
        ignored = [source if order is None else int(order[source]) for source in roles.ignored_sources]
        matrix.refuse_words([place[position] for position in roles.levels], ignored, fitted=True)
        # The last entry is for missing cells, whose position is -1.
        self._lookup: dict[int, NDArray[np.int64]] = {}
        for position, levels in roles.levels.items():
            vocabulary = matrix.vocabulary(place[position])
            if vocabulary is not None:
                self._lookup[place[position]] = np.append(levels.positions_of(vocabulary.words), -1)

    def encode(self, index: RowIndex) -> tuple[Tensor | None, Tensor | None, Tensor | None, dict[str, Tensor]]:
        """Levels (m, k), which of them there are (bool), conditions (m, c) and extras of the rows at ``index``.

        None where the schema has none. A level is -1 where the cell is missing, or holds what training did not see.
        """
        matrix, roles = self._matrix, self.roles
        count = count_of(index, matrix.n_rows)
        levels = torch.empty(count, len(roles.categorical), dtype=torch.int32) if roles.categorical else None
        seen = None if levels is None else torch.ones(levels.shape, dtype=torch.bool)
        condition = torch.zeros(count, roles.condition_width) if roles.condition else None
        exposure = torch.empty(count) if roles.exposure is not None else None
        widest = max(len(self._sources), roles.condition_width)
        for into, part in parts_of(index, matrix.n_rows, rows_per_chunk(widest, ENCODED_CELLS)):
            cells = iter(zip(self._sources, matrix.raw(part, self._sources), strict=True))
            if levels is not None and seen is not None:
                for place, column in enumerate(roles.categorical):
                    levels.numpy()[into, place], some = self._modelled_levels(column.levels, part, *next(cells))
                    if some is not None:
                        seen.numpy()[into, place] = some
            start = 0
            for known in roles.condition:
                stop = start + known.width
                if condition is not None:
                    self._write_condition(condition[into, start:stop], known, part, *next(cells))
                start = stop
            if exposure is not None:
                exposure[into] = self._exposure(part, *next(cells))
        return levels, seen, condition, {} if exposure is None else {"exposure": exposure}

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

    def _write_condition(
        self, out: Tensor, column: ConditionColumn, part: RowIndex, source: int, cells: np.ndarray
    ) -> None:
        if column.levels is not None:
            write_one_hot(self._levels_of(column.levels, part, source, cells), out)
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

    def _modelled_levels(
        self, levels: Levels, part: RowIndex, source: int, cells: np.ndarray
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
        """Each cell's level, -1 where there is none, and which cells are there (None: all)."""
        places = self._places(levels, source, cells)
        if (places >= 0).all():
            return places, None
        vocabulary = self._matrix.vocabulary(source)
        seen = are_present(cells, vocabulary is not None)
        if not self._allow_missing and not seen.all():
            self._refuse_missing(source, cells)
        if not are_finite(cells, allow_missing=True):
            refuse_non_finite(self._matrix, columns=[source], allow_missing=self._allow_missing)
        unknown = np.flatnonzero(seen & (places < 0))
        if len(unknown):
            cell, words = self._unknown(levels, part, source, cells, int(unknown[0]))
            if isinstance(cell, str) is not levels.are_text:
                raise InputError(f"{words} Convert the column to what it was in training.")
            if source not in self._warned:
                self._warned.add(source)
                warnings.warn(
                    f"{words} Such cells count as unknown: the encoder sees no level there, the score leaves them out, "
                    "and none is ever decoded.",
                    DataWarning,
                    stacklevel=2,
                )
        return places, seen

    def _levels_of(self, levels: Levels, part: RowIndex, source: int, cells: np.ndarray) -> NDArray[np.int64]:
        """The level of each cell of a condition; raises :class:`InputError` where there is none."""
        places = self._places(levels, source, cells)
        bad = np.flatnonzero(places < 0)
        if len(bad) == 0:
            return places
        if not are_present(cells, self._matrix.vocabulary(source) is not None).all():
            self._refuse_missing(source, cells)
        self._refuse_non_finite(cells)
        raise InputError(
            f"{self._unknown(levels, part, source, cells, int(bad[0]))[1]} Pass only levels seen in training."
        )

    def _places(self, levels: Levels, source: int, cells: np.ndarray) -> NDArray[np.int64]:
        lookup = self._lookup.get(source)
        return levels.positions(cells) if lookup is None else lookup[cells]

    def _unknown(self, levels: Levels, part: RowIndex, source: int, cells: np.ndarray, row: int) -> tuple[Any, str]:
        """The cell that was not seen in training, and what to say of it."""
        vocabulary = self._matrix.vocabulary(source)
        cell: Any = cells[row].item() if vocabulary is None else vocabulary.words[cells[row]]
        return cell, (
            f"Input X has the level {cell!r:.80} at {self._cell(part, row, source)}, which was not seen in training. "
            f"Known levels: {levels.listed()}."
        )

    @property
    def _whose(self) -> str:
        return BESIDE if self._allow_missing else ""

    def _refuse_missing(self, source: int, cells: np.ndarray) -> None:
        if self._matrix.vocabulary(source) is not None:
            refuse_missing_words(self._matrix, source, whose=self._whose)
        refuse_non_finite(self._matrix, columns=[source] if self._allow_missing else None, whose=self._whose)

    def _refuse_non_finite(self, cells: np.ndarray) -> None:
        if not are_finite(cells):
            some = self._allow_missing or self.roles.ignored
            refuse_non_finite(self._matrix, columns=self._sources if some else None, whose=self._whose)

    def _cell(self, part: RowIndex, row: int, source: int) -> str:
        return self._matrix.cell_name(position_of(part, row, self._matrix.n_rows), source)
