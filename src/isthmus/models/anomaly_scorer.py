"""A fitted ensemble with everything that turns a row into a score: yardsticks for its costs, and neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from isthmus.core.batch import Batch

from .ensemble import Ensemble
from .ensemble_neighbours import Neighbours
from .hidden_blocks import HiddenBlocks

# What a cell costs at least on average, so that what hardly errs does not outweigh everything: half of 0.001 squared.
LEAST_COST = 5e-7
# Where float32 ends the costs of cells stop growing; the distance to the nearest rows, in float64, does not.
FARTHEST = 1e12


@dataclass(frozen=True, slots=True)
class Oddities:
    """How odd some rows and their cells are; the costs of cells are 1 on average over the training rows.

    Attributes
    ----------
    reconstruction : Tensor, shape (n, columns)
        The cost of the cell when the members are shown the whole row.
    hidden : Tensor, shape (n, columns)
        The cost of the cell when it is hidden from them.
    distance : Tensor, shape (n,)
        The squared distance to the nearest training rows.
    expected : Tensor, shape (n, d)
        What the members expect where they are not shown the cell, as :meth:`Ensemble.forward` gives it.
    known : Tensor of bool, shape (n, columns), or None for all
        The cells that are not missing.
    """

    reconstruction: Tensor
    hidden: Tensor
    distance: Tensor
    expected: Tensor
    known: Tensor | None


@dataclass(frozen=True, slots=True)
class Costs:
    """What the cells of some rows cost.

    Attributes
    ----------
    shown : Tensor, shape (members, n, columns)
        When the members are shown the whole row.
    hidden : Tensor, shape (rounds, n, columns), or None
        When the cell is hidden from the member that is asked for it; see
        :class:`~isthmus.models.hidden_blocks.HiddenBlocks`.
    complete, expected : Tensor, shape (n, d)
        The rows, standardised, with what is expected in absent cells; and what is expected in all of them.
    present, known : Tensor of bool, shape (n, columns), or None for all
        The cells that the data has; these, and levels without a name.
    """

    shown: Tensor
    hidden: Tensor | None
    complete: Tensor
    expected: Tensor
    present: Tensor | None
    known: Tensor | None


class AnomalyScorer(nn.Module):
    """Scores rows by an ensemble and by their distance to training rows.

    The score is log(1 + k/k₀) + ½ log(1 + r/r₀) + ½ log(1 + h/h₀): k is the squared distance to the nearest rows, r and
    h are mean costs of cells, shown and hidden, and k₀, r₀, h₀ their medians over the training rows. So it is about
    1.4 for an ordinary row, and grows without bound, but slowly, with how odd a row is: what is odd in all ways
    outweighs what is very odd in one.

    Parameters
    ----------
    ensemble : Ensemble
    training_rows : int
        How many rows it was fitted to.
    hidden_blocks : bool
        Whether cells are hidden at all; without, h is r.
    mixed : bool
        Some training rows may be odd: see :class:`~isthmus.models.ensemble_neighbours.Neighbours`.

    Attributes
    ----------
    shown_costs : Tensor, shape (members, columns)
        Mean costs over the training rows.
    hidden_costs : Tensor, shape (passes, members, columns)
        The same when the member does not see the cell in this pass; 0 where it does.
    medians : Tensor of float64, shape (3,)
        k₀, r₀, h₀.
    """

    shown_costs: Tensor
    hidden_costs: Tensor
    medians: Tensor
    unknown: Tensor
    column_of: Tensor

    def __init__(self, ensemble: Ensemble, training_rows: int, hidden_blocks: bool = True, mixed: bool = False) -> None:
        super().__init__()
        self.ensemble, self.training_rows, self.hidden_blocks = ensemble, training_rows, hidden_blocks
        members, columns = ensemble.members, ensemble.columns
        self.neighbours = Neighbours(training_rows, ensemble.width, mixed)
        repeats = [max(1, block.cardinality) for block in ensemble.blocks for _ in range(block.columns)]
        column_of = torch.arange(columns).repeat_interleave(torch.tensor(repeats))
        self.register_buffer("column_of", column_of, persistent=False)
        self.hiding = HiddenBlocks(column_of, columns, members) if hidden_blocks else None
        passes = 0 if self.hiding is None else len(self.hiding.hides)
        self.register_buffer("shown_costs", torch.ones(members, columns))
        self.register_buffer("hidden_costs", torch.ones(passes, members, columns))
        self.register_buffer("medians", torch.ones(3, dtype=torch.float64))
        # A level that training did not see is as odd as a row that was not there.
        worst = math.log(training_rows + 1)
        unknown = [worst if block.cardinality else 0.0 for block in ensemble.blocks for _ in range(block.columns)]
        self.register_buffer("unknown", torch.tensor(unknown), persistent=False)

    # Costs

    def costs(self, batch: Batch) -> Costs:
        """What the cells of some rows cost, shown and hidden."""
        model = self.ensemble
        rows, present, visible = model.rows(batch)
        flags = None if visible is None else visible.to(rows.dtype)
        given = model(rows, flags)
        shown = self._cost(given, rows, present, visible)
        hidden, expected = None, given.mean(0)
        if self.hiding is not None:
            answers = self._answers(self.hiding, rows, flags)
            hidden = self._cost(answers, rows, present, visible)
            covered = self.hiding.covered.to(rows.dtype)
            mine = model.expansion.per_feature(covered / covered.sum(0))
            expected = (answers * mine[:, None]).sum(0)
        complete = rows
        if present is not None:
            levels = self.unknown.index_select(0, self.column_of) > 0
            filled = torch.where(levels, expected.exp(), expected)
            complete = torch.where(model.expansion.per_feature(present), rows, filled)
        known = present if visible is None or present is None else present | visible
        return Costs(shown, hidden, complete, expected, present, known)

    def _answers(self, hiding: HiddenBlocks, rows: Tensor, flags: Tensor | None) -> Tensor:
        """What is given back of each cell by a member that it is hidden from: (rounds, n, d)."""
        found = [
            self.ensemble.raw(rows, flags, seen, asked)
            for seen, asked in zip((~hiding.hides).to(rows.dtype), hiding.asked, strict=True)
        ]
        return self.ensemble.outputs(hiding.gathered(found))

    def _cost(self, given: Tensor, rows: Tensor, present: Tensor | None, visible: Tensor | None) -> Tensor:
        costs = self.ensemble.costs(given, rows.clamp(-FARTHEST, FARTHEST))
        if present is None:
            return costs
        costs = costs * present
        # Visible, but not present: a level without a name.
        return costs if visible is None else costs + self.unknown * (visible & ~present)

    # Scores

    def oddities(self, batch: Batch) -> Oddities:
        """The oddities of the cells of some rows."""
        costs = self.costs(batch)
        reconstruction = (costs.shown * (1 / (self.shown_costs * len(self.shown_costs)))[:, None]).sum(0)
        hidden = reconstruction
        if self.hiding is not None and costs.hidden is not None:
            covered = self.hiding.covered
            weights = covered / (self.hiding.of_rounds(self.hidden_costs) * covered.sum(0))
            hidden = (costs.hidden * weights[:, None]).sum(0)
        reconstruction, hidden = reconstruction.double(), hidden.double()
        distance = self.neighbours(costs.complete)
        if costs.known is not None:
            reconstruction, hidden = _spread_over(reconstruction, costs.known), _spread_over(hidden, costs.known)
        return Oddities(reconstruction, hidden, distance, costs.expected, costs.known)

    def terms(self, oddities: Oddities) -> Tensor:
        """The terms of the score, (3, n) float64: of the distance, the reconstruction and what is hidden."""
        k, r, h = torch.log1p(self.measures(oddities) / self.medians[:, None])
        return torch.stack([k, 0.5 * r, 0.5 * h])

    def forward(self, batch: Batch) -> Tensor:
        """The anomaly score of some rows, (n,) float64."""
        return self.total(self.terms(self.oddities(batch)))

    @staticmethod
    def total(terms: Tensor) -> Tensor:
        """The score that the terms add up to."""
        return terms[0] + terms[1] + terms[2]

    @staticmethod
    def measures(oddities: Oddities) -> Tensor:
        """k, r and h: (3, n) float64."""
        return torch.stack([oddities.distance, oddities.reconstruction.mean(1), oddities.hidden.mean(1)])

    def draw_neighbours(self, rows: Tensor, generator: Generator) -> None:
        """Take samples from complete training rows, (n, d)."""
        self.neighbours.fill(rows, generator)


def _spread_over(ratios: Tensor, known: Tensor) -> Tensor:
    """Cells that are missing count as much as the others of their row do on average."""
    mean = torch.where(known, ratios, 0.0).sum(1, keepdim=True) / known.sum(1, keepdim=True).clamp_min(1)
    return torch.where(known, ratios, mean)
