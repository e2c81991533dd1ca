"""Numbers sorted into cells: the bins of a histogram that knows values which come up again and again."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

TAIL_SHARE = 1e-3
"""The share of the first and last cell's mass that lies beyond what was seen in the beginning."""


ROWS_EACH, FEWEST = 8, 16
"""Few rows have fewer cells: one for about so many of them, but so many cells at least."""


class ColumnCells(nn.Module):
    """A partition of the line for each of some columns of numbers, learnt from rows by :meth:`begin`.

    Few rows have fewer cells than ``slots``, one for eight of them.
    A column of at most that many distinct values has a cell for each. Of others, values with a share of at least
    2 / ``slots`` have one of their own, and the rest is grouped into cells of equal mass. Cells meet halfway between
    neighbouring values. Within a cell all numbers are equally likely, so that the partition and a probability for each
    cell make a density; those of the first and last cell leave a thousandth of it to an exponential tail.

    Parameters
    ----------
    slots : int
        The most cells of a column, at least 2.
    whole : Tensor of bool, shape (d,)
        Columns of whole numbers from 0 on: cells begin and end between these, every whole number in a cell is equally
        likely, and tails are geometric. ``log_density`` is then a log-mass.

    Attributes
    ----------
    edges : Tensor, shape (d, slots + 1)
        Where cells begin and end; the last end again for cells that there are not.
    points : Tensor, shape (d, slots)
        The value of a cell that has only one; the middle of any other.
    single : Tensor of bool, shape (d, slots)
        The cell has a single value.
    counts : Tensor of int64, shape (d,)
        How many cells there are.
    tails : Tensor, shape (d,)
        The mean distance of values beyond either end.
    """

    edges: Tensor
    points: Tensor
    single: Tensor
    counts: Tensor
    tails: Tensor
    whole: Tensor

    def __init__(self, slots: int, whole: Tensor) -> None:
        super().__init__()
        self.slots, columns = slots, len(whole)
        self.register_buffer("whole", whole, persistent=False)
        # Until rows are shown: one cell of unit width around 0, or of the first whole numbers.
        edges = torch.where(whole, 15.5, 0.5)[:, None].repeat(1, slots + 1)
        edges[:, 0] = -0.5
        self.register_buffer("edges", edges)
        self.register_buffer("points", torch.where(whole, 7.5, 0.0)[:, None].repeat(1, slots))
        self.register_buffer("single", torch.zeros(columns, slots, dtype=torch.bool))
        self.register_buffer("counts", torch.ones(columns, dtype=torch.int64))
        self.register_buffer("tails", torch.ones(columns))

    @torch.no_grad()
    def begin(self, values: Tensor, present: Tensor | None = None) -> None:
        """Learn the cells of each column from the present ones of some rows, both (m, d)."""
        for column in range(values.shape[1]):
            known = values[:, column] if present is None else values[present[:, column], column]
            if len(known):
                self._learn(column, known)

    def _learn(self, column: int, known: Tensor) -> None:
        distinct, counts = torch.unique(known.double(), return_counts=True)
        groups = _groups(counts, min(self.slots, max(FEWEST, len(known) // ROWS_EACH)))
        sizes = torch.bincount(groups)
        total = len(sizes)
        starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
        between = (distinct[starts[1:-1] - 1] + distinct[starts[1:-1]]) / 2
        gaps = distinct.diff()
        spread = float(known.double().std(correction=0))
        margin = float(gaps.min()) / 2 if len(gaps) else max(abs(float(distinct[0])), 1.0) * 1e-3
        if bool(self.whole[column]):
            between, margin = between.floor() + 0.5, 0.5
        ends = torch.stack([distinct[0] - margin, distinct[-1] + margin])
        single = sizes == 1
        edges = torch.cat([ends[:1], between, ends[1:]])
        self.edges[column] = ends[1]
        self.edges[column, : total + 1] = edges
        self.points[column] = 0.0
        self.points[column, :total] = torch.where(single, distinct[starts[:-1]], edges[:-1] / 2 + edges[1:] / 2)
        self.single[column] = False
        self.single[column, :total] = single
        self.counts[column] = total
        self.tails[column] = max(spread, margin)

    def positions(self, values: Tensor) -> Tensor:
        """The cell of each value, (..., d) int64: the first or last for values beyond."""
        flat = values.flatten(0, -2).T.contiguous()
        inner = self.edges[:, 1:-1].contiguous()
        found = torch.searchsorted(inner, flat.to(inner.dtype), right=True)
        return torch.minimum(found, self.counts[:, None] - 1).T.reshape(values.shape)

    def log_density(self, values: Tensor, positions: Tensor) -> Tensor:
        """log p(value | its cell), (..., d)."""
        low, high = self._bounds(positions)
        last = positions == self.counts - 1
        # Counts below 0 are no data: nothing is left for them.
        has_lower = (positions == 0) & ~(self.whole & (low <= 0))
        shares = TAIL_SHARE * (has_lower.to(values.dtype) + last.to(values.dtype))
        inside = torch.log1p(-shares) - torch.log(high - low)
        beyond = torch.where(positions == 0, low - values, -torch.inf)
        beyond = torch.maximum(beyond, torch.where(last, values - high, -torch.inf))
        # Exactly on the outermost edge a value belongs to its cell.
        smooth = -torch.log(self.tails) - beyond.clamp_min(0) / self.tails
        stepped = -torch.log1p(self.tails) - (beyond.clamp_min(0.5) - 0.5) * torch.log1p(1 / self.tails)
        return torch.where(beyond > 0, math.log(TAIL_SHARE) + torch.where(self.whole, stepped, smooth), inside)

    def drawn(self, positions: Tensor, uniform: Tensor) -> Tensor:
        """Values within cells, (..., d), by numbers in [0, 1): the single value of a cell that has one.

        What is drawn stays within the range that was seen: nothing comes from the tails.
        """
        low, high = self._bounds(positions)
        spread = low + (high - low) * uniform
        spread = torch.where(self.whole, torch.minimum((spread + 0.5).floor(), high - 0.5), spread)
        columns = torch.arange(len(self.counts), device=positions.device)
        return torch.where(self.single[columns, positions], self.points[columns, positions], spread)

    def _bounds(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        columns = torch.arange(len(self.counts), device=positions.device)
        return self.edges[columns, positions], self.edges[columns, positions + 1]

    def possible(self, column: int) -> Tensor:
        """Which slots of a column are cells at all, (slots,)."""
        return torch.arange(self.slots, device=self.counts.device) < self.counts[column]


def _groups(counts: Tensor, slots: int) -> Tensor:
    """The cell of each of some distinct values, in their order, from how often they were seen."""
    if len(counts) <= slots:
        return torch.arange(len(counts))
    often = counts * slots >= 2 * counts.sum()  # at most half of the slots
    # Each frequent value takes a cell, and may part another in two.
    room = max(1, slots - 2 * int(often.sum()))
    rest = torch.where(often, 0, counts)
    before = rest.cumsum(0) - rest
    shares = (before * room).div(max(1, int(rest.sum())), rounding_mode="floor")
    change = torch.ones(len(counts), dtype=torch.bool)
    change[1:] = (shares.diff() != 0) | often[1:] | often[:-1]
    return change.long().cumsum(0) - 1
