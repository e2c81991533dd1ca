"""The likelihood that goes through a row column by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, Interval
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register
from isthmus.distributions import ColumnByColumn

from .base import JointLikelihood, LikelihoodModule
from .column_cells import ColumnCells
from .column_network import ColumnNetwork

MISSING = "missing"
MOST_COLUMNS = 1024


@register("likelihood", "autoregressive")
@dataclass(frozen=True)
class Autoregressive(JointLikelihood):
    """p(x|z) = Π_j p(x_j | x_{<j}, z): columns that determine each other come out consistent.

    The chain rule with one network for all columns, after NADE (Larochelle & Murray 2011; Uria, Murray & Larochelle
    2013, RNADE, arXiv:1306.0186): what the code says of the row, and the sum of what the columns before it say, become
    logits of the column's cells. A column of levels has a cell for each; one of numbers is a histogram, see
    :class:`~isthmus.components.likelihoods.column_cells.ColumnCells`: values that come up again and again (zeros, round
    hours) come out exactly, and no shape is taken for granted. Indicators of missing cells are drawn first.

    Cells of the row that are given beforehand condition all the others, in any combination: :meth:`ColumnByColumn.
    conditioned <isthmus.distributions.column_by_column.ColumnByColumn.conditioned>`.

    A decoder that can look at the row itself needs the code less, up to ignoring it (Chen et al. 2017, Variational
    lossy autoencoder, arXiv:1611.02731). The penalties ``LinearReadout`` and ``CodeAlone`` keep the code informative;
    ``WithoutCode`` trains it without one besides, which is how ``sample`` draws rows. They are there by default.

    Parameters
    ----------
    width : int
        What the decoder says of a row, in numbers; the width of the network behind it.
    cells : int
        The most cells of a column of numbers.

    Examples
    --------
    >>> import torch
    >>> blocks = [Block("continuous", 0, 1, (1,)), Block("categorical", 1, 4, (3,), cardinality=3)]
    >>> Autoregressive().build_joint(blocks).describe()
    'autoregressive, 2 columns'
    """

    width: int = 128
    cells: int = 128

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "width": (Interval(16, None, integer=True),),
        "cells": (Interval(2, None, integer=True),),
    }

    def parameter_shape(self, block: Block) -> int:
        return self.width

    def build_joint(self, blocks: Sequence[Block]) -> AutoregressiveLikelihood:
        columns = sum(block.columns for block in blocks)
        if columns > MOST_COLUMNS:
            raise ParameterError(
                f"likelihood Autoregressive looks at every column from every other: at most {MOST_COLUMNS}; the rows "
                f"have {columns}. Leave `likelihood` at 'auto'."
            )
        return AutoregressiveLikelihood(self.width, self.cells, blocks)


class AutoregressiveLikelihood(LikelihoodModule):
    """Decoder output (n, width): what the code says of the row."""

    numeric_index: Tensor
    tilt: Tensor

    def __init__(self, width: int, slots: int, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.blocks = tuple(blocks)
        self.parameter_width = width
        self.densities = [block.kind in ("continuous", "unit-interval") for block in blocks]
        self.is_density = any(self.densities)  # type: ignore[misc]
        self.are_numbers = [
            density or block.kind == "count" for density, block in zip(self.densities, blocks, strict=True)
        ]
        self.numeric = [block for block, number in zip(blocks, self.are_numbers, strict=True) if number]
        self.columns = sum(block.columns for block in blocks)
        self.starts = [sum(one.columns for one in blocks[:number]) for number in range(len(blocks))]
        whole = [block.kind == "count" for block in self.numeric for _ in range(block.columns)]
        self.cells = ColumnCells(slots, torch.tensor(whole, dtype=torch.bool))
        self.sizes: list[int] = []
        self.indicator_of: dict[int, int] = {}
        for block, start, number in zip(blocks, self.starts, self.are_numbers, strict=True):
            self.sizes += [slots if number else block.cardinality or 2] * block.columns
            if block.kind == MISSING:
                self.indicator_of |= {column: start + place for place, column in enumerate(block.of)}
        numeric = [
            start + place
            for block, start, number in zip(blocks, self.starts, self.are_numbers, strict=True)
            if number
            for place in range(block.columns)
        ]
        self._numeric_place = {column: place for place, column in enumerate(numeric)}
        self.register_buffer("numeric_index", torch.tensor(numeric, dtype=torch.int64), persistent=False)
        self.order = tuple(sorted(range(self.columns), key=lambda column: column not in self.indicator_of.values()))
        self.network = ColumnNetwork(self.sizes, self.order, width, self._numeric_place)
        self.register_buffer("tilt", torch.zeros(sum(self.sizes)))

    shows_exposure = False
    looks_at_few = False

    @property
    def parts(self) -> tuple[LikelihoodModule, ...]:
        """All columns have one likelihood together."""
        return (self,)

    def forward(self, parameters: Tensor, exposure: Tensor | None = None) -> ColumnByColumn:
        return ColumnByColumn(self, parameters)

    @torch.no_grad()
    def begin(self, target: Tensor, exposure: Tensor | None, present: Tensor | None = None) -> None:
        self.cells.begin(self._numbers(target), None if present is None else self._numeric_columns(present))
        self.network.begin(self.positions(target, present))

    def describe(self) -> str:
        return f"autoregressive, {self.columns} columns"

    # What the chain rule asks for

    @property
    def no_code(self) -> Tensor:
        return self.network.no_code

    def tilts(self) -> list[Tensor]:
        return list(self.tilt.split(self.sizes))

    @torch.no_grad()
    def tilt_by(self, expected: Tensor, counts: Tensor) -> None:
        """Tilt the logits of rows without a code so that each cell is as likely as it is frequent.

        One step of iterative scaling (Darroch & Ratcliff 1972): where no other column matters it is exact. Half a row
        is added to both, so that cells nobody saw stay as they are.

        Parameters
        ----------
        expected, counts : Tensor, shape (all cells,)
            How many of some rows are expected in each cell given the columns before, and how many are there.
        """
        self.tilt.add_(((counts + 0.5) / (expected + 0.5)).log().to(self.tilt))

    def positions(self, value: Tensor, present: Tensor | None) -> Tensor:
        parts = []
        found = self.cells.positions(self._numbers(value)).split([block.columns for block in self.numeric], -1)
        numeric = iter(found)
        for block, number in zip(self.blocks, self.are_numbers, strict=True):
            cells = value[..., block.start : block.stop]
            if number:
                parts.append(next(numeric))
            elif block.cardinality:
                levels = cells.unflatten(-1, (-1, block.cardinality))
                strength, place = levels.max(-1)
                # No level at all: one that training did not see.
                parts.append(torch.where(strength > 0, place, block.cardinality))
            else:
                parts.append((cells > 0.5).long())
        positions = torch.cat(parts, -1)
        if present is not None:
            positions = torch.where(present, positions, self.network.unknown)
        return positions

    def embedded(self, positions: Tensor, column: int) -> Tensor:
        return self.network.embedded(positions, column, self.cells.points)

    def told(self, positions: Tensor) -> Tensor:
        return self.network.told(positions, self.cells.points)

    def given(self, positions: Tensor, cells: Tensor) -> Tensor:
        return self.network.given(positions, cells, self.cells.points)

    def refined(self, hidden: Tensor, column: int | None = None) -> Tensor:
        return self.network.refined(hidden, column)

    def logits(self, refined: Tensor, column: int) -> Tensor:
        return self._possible(self.network.logits(refined, column, self.cells.points), column)

    def all_logits(self, refined: Tensor) -> list[Tensor]:
        return self.network.all_logits(refined, self.cells.points, self._impossible())

    def alone(self, hidden: Tensor) -> list[Tensor]:
        return self.network.alone(hidden, self.cells.points, self._impossible())

    def _impossible(self) -> Tensor | None:
        """Which slots are no cells, among those of all columns, (all slots,)."""
        if not self.numeric:
            return None
        slots = torch.arange(self.cells.slots, device=self.cells.counts.device)
        empty = torch.zeros(self.network.total, dtype=torch.bool, device=slots.device)
        return empty.index_copy(0, self.network.numeric_slots, (slots >= self.cells.counts[:, None]).flatten())

    def _possible(self, logits: Tensor, column: int) -> Tensor:
        place = self._numeric_place.get(column)
        return logits if place is None else logits.masked_fill(~self.cells.possible(place), -torch.inf)

    def is_missing(self, positions: Tensor, column: int) -> Tensor | None:
        indicator = self.indicator_of.get(column)
        return None if indicator is None else positions[..., indicator] == 1

    def log_density(self, value: Tensor, positions: Tensor) -> Tensor:
        if not self.numeric:
            return torch.zeros((), device=value.device)
        places = self._numeric_columns(positions)
        known = places < self.cells.slots
        numbers = self._numbers(value).to(self.cells.tails.dtype)
        inside = self.cells.log_density(numbers, torch.where(known, places, 0))
        total = torch.zeros(*positions.shape, dtype=inside.dtype, device=inside.device)
        return total.index_copy(-1, self.numeric_index, torch.where(known, inside, 0.0))

    def log_widths(self, column: int) -> Tensor | float:
        place = self._numeric_place.get(column)
        if place is None:
            return 0.0
        edges = self.cells.edges[place]
        return torch.where(self.cells.possible(place), edges[1:] - edges[:-1], 1.0).log()

    def features(self, positions: Tensor, uniform: Tensor) -> Tensor:
        parts, done = [], 0
        places = self._numeric_columns(positions)
        numbers = self.cells.drawn(places, self._numeric_columns(uniform))
        for block, start, number in zip(self.blocks, self.starts, self.are_numbers, strict=True):
            cells = positions[..., start : start + block.columns]
            if number:
                parts.append(numbers[..., done : done + block.columns])
                done += block.columns
            elif block.cardinality:
                parts.append(functional.one_hot(cells, block.cardinality).flatten(-2).to(uniform.dtype))
            else:
                parts.append(cells.to(uniform.dtype))
        return torch.cat(parts, -1)

    def expected(self, probabilities: list[Tensor]) -> Tensor:
        parts, done = [], 0
        for block, start, number in zip(self.blocks, self.starts, self.are_numbers, strict=True):
            mine = probabilities[start : start + block.columns]
            if number:
                for place, shares in enumerate(mine):
                    parts.append((shares * self.cells.points[done + place]).sum(-1, keepdim=True))
                done += block.columns
            else:
                parts += mine if block.cardinality else [shares[..., 1:] for shares in mine]
        return torch.cat(parts, -1)

    # Which columns are numbers

    def _numeric_columns(self, per_column: Tensor) -> Tensor:
        return per_column.index_select(-1, self.numeric_index)

    def _numbers(self, value: Tensor) -> Tensor:
        if not self.numeric:
            return value[..., :0]
        return torch.cat([value[..., block.start : block.stop] for block in self.numeric], -1)
