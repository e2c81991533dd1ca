"""The likelihood that goes through a row column by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, Interval
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register
from isthmus.core.steady_linear import steady_linear
from isthmus.distributions import ColumnByColumn

from .base import JointLikelihood, LikelihoodModule
from .column_cells import ColumnCells

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
    they are there by default.

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


class ColumnNetwork(nn.Module):
    """From what is said of a row to logits of the cells of each column.

    Numbers say their cell and their value, and the logits of their cells are those of a discretised normal plus one
    of each cell's own: neighbours are alike from the beginning.

    Parameters
    ----------
    sizes : sequence of int
        The cells of each column.
    order : sequence of int
        The columns in the order of the chain.
    width : int
    numbers : dict of int to int
        For columns of numbers, their place among these.
    """

    unknown: Tensor
    offsets: Tensor
    order: Tensor
    numeric: Tensor
    numeric_slots: Tensor

    def __init__(self, sizes: Sequence[int], order: Sequence[int], width: int, numbers: Mapping[int, int]) -> None:
        super().__init__()
        self.sizes, self.numbers = list(sizes), dict(numbers)
        self.firsts = [sum(self.sizes[:column]) for column in range(len(self.sizes))]
        rows, places = sum(sizes) + len(sizes), len(numbers)  # one more for each column: "unknown"
        self.register_buffer("unknown", torch.tensor(self.sizes, dtype=torch.int64), persistent=False)
        self.register_buffer("offsets", (self.unknown + 1).cumsum(0) - self.unknown - 1, persistent=False)
        self.register_buffer("order", torch.tensor(order, dtype=torch.int64), persistent=False)
        self.register_buffer("numeric", torch.tensor(list(numbers), dtype=torch.int64), persistent=False)
        self.total = sum(sizes)
        slots = [self.firsts[column] + slot for column in numbers for slot in range(self.sizes[column])]
        self.register_buffer("numeric_slots", torch.tensor(slots, dtype=torch.int64), persistent=False)
        self.embedding = nn.Parameter(torch.zeros(rows, width))
        self.given_embedding = nn.Parameter(torch.zeros(rows, width))
        self.slopes = nn.Parameter(torch.zeros(places, width))
        self.given_slopes = nn.Parameter(torch.zeros(places, width))
        self.place = nn.Parameter(torch.zeros(len(sizes), width))
        self.layers = nn.ParameterList([nn.Parameter(torch.zeros(width, width)) for _ in range(2)])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(width)) for _ in range(2)])
        # A head for each cell, and two bends for each column of numbers: the slope and curvature of its logits.
        self.heads = nn.Parameter(torch.zeros(sum(sizes), width))
        self.head_biases = nn.Parameter(torch.zeros(sum(sizes)))
        self.bends = nn.Parameter(torch.zeros(2 * places, width))
        self.alone_heads = nn.Parameter(torch.zeros(sum(sizes), width))
        self.alone_biases = nn.Parameter(torch.zeros(sum(sizes)))
        self.alone_bends = nn.Parameter(torch.zeros(2 * places, width))

    def initialise(self, generator: Generator) -> None:
        """Draw the weights from ``generator``; heads begin at zero, and their biases by :meth:`begin`."""
        for table in (self.embedding, self.given_embedding, self.slopes, self.given_slopes, self.place):
            nn.init.normal_(table, std=0.1, generator=generator)
        for layer in self.layers:
            nn.init.xavier_uniform_(layer, generator=generator)

    @torch.no_grad()
    def begin(self, positions: Tensor) -> None:
        """Each cell begins as likely as it is among some rows, whose cells these are, (m, columns)."""
        for column, size in enumerate(self.sizes):
            counts = torch.bincount(positions[:, column], minlength=size + 1)[:size].to(self.head_biases)
            shares = ((counts + 0.5) / (counts.sum() + 0.5 * size)).log()
            first = self.firsts[column]
            self.head_biases[first : first + size] = shares
            self.alone_biases[first : first + size] = shares

    def embedded(self, positions: Tensor, column: int, points: Tensor) -> Tensor:
        said = functional.embedding(positions + self.offsets[column], self.embedding)
        place = self.numbers.get(column)
        if place is None:
            return said
        return said + _valued(positions, points[place]).unsqueeze(-1) * self.slopes[place]

    def told(self, positions: Tensor, points: Tensor) -> Tensor:
        """The sum of what the columns before each one say."""
        said = self._said(positions, points, self.embedding, self.slopes).index_select(-2, self.order)
        before = said.cumsum(-2) - said
        return before.index_select(-2, self.order.argsort())

    def given(self, positions: Tensor, cells: Tensor, points: Tensor) -> Tensor:
        said = self._said(positions, points, self.given_embedding, self.given_slopes)
        return torch.where(cells.unsqueeze(-1), said, 0.0).sum(-2)

    def _said(self, positions: Tensor, points: Tensor, table: Tensor, slopes: Tensor) -> Tensor:
        """What each column says of itself, (..., columns, width)."""
        said = functional.embedding(positions + self.offsets, table)
        if not self.numbers:
            return said
        index = self.numeric
        places = positions.index_select(-1, index)
        values = torch.stack([_valued(places[..., number], one) for number, one in enumerate(points)], -1)
        return said.index_add(-2, index, values.unsqueeze(-1) * slopes)

    def refined(self, hidden: Tensor, column: int | None = None) -> Tensor:
        hidden = hidden + (self.place if column is None else self.place[column])
        for weight, bias in zip(self.layers, self.biases, strict=True):
            hidden = hidden + self._linear(functional.gelu(hidden), weight, bias)
        return functional.gelu(hidden)

    def logits(self, refined: Tensor, column: int, points: Tensor) -> Tensor:
        piece = slice(self.firsts[column], self.firsts[column] + self.sizes[column])
        found = self._linear(refined, self.heads[piece], self.head_biases[piece])
        place = self.numbers.get(column)
        if place is None:
            return found
        bends = self._linear(refined, self.bends[2 * place : 2 * place + 2], None)
        return found + _bent(bends, points[place])

    def all_logits(self, refined: Tensor, points: Tensor, impossible: Tensor | None) -> list[Tensor]:
        """Of the cells of every column at once; those that are ``impossible`` have none of the mass."""
        # Split, not sliced: the gradient of a slice is as large as the whole.
        heads, bends = self.heads.split(self.sizes), self.bends.split(2)
        biases = _without(self.head_biases, impossible).split(self.sizes)
        logits = []
        for column, said in enumerate(refined.unbind(-2)):
            found = self._linear(said, heads[column], biases[column])
            place = self.numbers.get(column)
            if place is not None:
                found = found + _bent(self._linear(said, bends[place], None), points[place])
            logits.append(found)
        return logits

    def alone(self, hidden: Tensor, points: Tensor, impossible: Tensor | None) -> list[Tensor]:
        hidden = functional.gelu(hidden)
        biases = _without(self.alone_biases, impossible)
        logits = list(self._linear(hidden, self.alone_heads, biases).split(self.sizes, -1))
        bends = self._linear(hidden, self.alone_bends, None)
        for column, place in self.numbers.items():
            logits[column] = logits[column] + _bent(bends[..., 2 * place : 2 * place + 2], points[place])
        return logits

    def _linear(self, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return (functional.linear if self.training else steady_linear)(rows, weight, bias)


def _without(biases: Tensor, impossible: Tensor | None) -> Tensor:
    return biases if impossible is None else biases.masked_fill(impossible, -torch.inf)


def _valued(positions: Tensor, points: Tensor) -> Tensor:
    """The value of each cell, 0 where it is unknown."""
    known = positions < len(points)
    return torch.where(known, points[torch.where(known, positions, 0)], 0.0)


def _bent(bends: Tensor, points: Tensor) -> Tensor:
    """slope · x + curvature · x² at the values of cells, (..., 2) -> (..., cells)."""
    return bends[..., :1] * points + bends[..., 1:] * (points * points)
