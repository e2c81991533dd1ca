"""Rows drawn one column after the other, each given those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Generator, Tensor

from .base import Distribution


class ColumnModel(Protocol):
    """What the chain rule needs: cells of columns, their probabilities, and the way between cells and features."""

    columns: int
    order: tuple[int, ...]

    @property
    def no_code(self) -> Tensor:
        """What is said of rows without a code, beside what the decoder says of the code 0: (width,)."""

    def tilts(self) -> list[Tensor]:
        """What is added to the logits of the cells of each column where there is no code, (cells,) each."""

    def positions(self, value: Tensor, present: Tensor | None) -> Tensor:
        """The cell of each column of rows (..., d); the number of its cells where it is unknown: (..., columns)."""

    def embedded(self, positions: Tensor, column: int) -> Tensor:
        """What later columns are told of one that fell into cells (...,): (..., width)."""

    def told(self, positions: Tensor) -> Tensor:
        """What each column is told of those before it, (..., columns) -> (..., columns, width)."""

    def given(self, positions: Tensor, cells: Tensor) -> Tensor:
        """What all columns are told of the cells that are given, (..., columns) -> (..., width)."""

    def refined(self, hidden: Tensor, column: int | None = None) -> Tensor:
        """What is said of each column, (..., columns, width), or of one, (..., width), ready for its head."""

    def logits(self, refined: Tensor, column: int) -> Tensor:
        """Of the cells of one column, (..., width) -> (..., cells)."""

    def all_logits(self, refined: Tensor) -> list[Tensor]:
        """Of the cells of every column, (..., columns, width) -> (..., cells) each."""

    def alone(self, hidden: Tensor) -> list[Tensor]:
        """Logits of the cells of each column where nothing is known of the others, (..., width) -> (..., cells)."""

    def is_missing(self, positions: Tensor, column: int) -> Tensor | None:
        """Where the column's indicator, drawn before it, says that the cell is missing, (...,); None without one."""

    def log_density(self, value: Tensor, positions: Tensor) -> Tensor:
        """log p(value | cell) of each column, (..., columns); 0 for levels."""

    def log_widths(self, column: int) -> Tensor | float:
        """The logarithm of the width of each cell of a column, (cells,); 0 for levels."""

    def features(self, positions: Tensor, uniform: Tensor) -> Tensor:
        """Rows of features whose columns fell into cells, by numbers in [0, 1) within them: (..., d)."""

    def expected(self, probabilities: list[Tensor]) -> Tensor:
        """The mean of each feature under probabilities of the cells of each column: (..., d)."""


class ColumnByColumn(Distribution):
    """p(x|h) = Π_j p(x_j | x_{<j}, h), each factor a probability for each cell of a column and a density within it.

    Parameters
    ----------
    model : ColumnModel
    hidden : Tensor, shape (..., n, width)
        What the code says of each row.
    present : Tensor of bool, shape (n, columns), optional
        The cells that the row has. The others are summed out of what follows them by a value of their own for
        "unknown", and have no factor. None: all.
    given : Tensor of bool, shape (n, columns), optional
        Cells that are known beforehand: every factor is conditional on them, and they have none.
    row : Tensor, shape (n, d), optional
        Where the values of given cells stand.
    coded : bool
        Whether there is a code; see :meth:`without_code`.
    """

    __slots__ = ("_placed", "coded", "given", "hidden", "model", "present", "row")

    def __init__(
        self,
        model: ColumnModel,
        hidden: Tensor,
        present: Tensor | None = None,
        given: Tensor | None = None,
        row: Tensor | None = None,
        coded: bool = True,
    ) -> None:
        self.model, self.hidden, self.present, self.given, self.row = model, hidden, present, given, row
        self.coded = coded
        self._placed: tuple[Tensor, Tensor] | None = None
        if given is not None and row is not None:
            self.hidden = hidden + model.given(model.positions(row, present), given)

    def observing(self, present: Tensor) -> ColumnByColumn:
        """The same of rows that have these cells only."""
        return self._changed(self.hidden, present, self.coded)

    def conditioned(self, given: Tensor, row: Tensor) -> ColumnByColumn:
        """The same given some cells of ``row``."""
        return ColumnByColumn(self.model, self.hidden, self.present, given, row, self.coded)

    def without_code(self) -> ColumnByColumn:
        """The same without a code: asked of what the decoder says at the code 0, which tells of conditions only."""
        return self._changed(self.hidden + self.model.no_code, self.present, coded=False)

    def _changed(self, hidden: Tensor, present: Tensor | None, coded: bool) -> ColumnByColumn:
        changed = ColumnByColumn(self.model, hidden, present, coded=coded)
        changed.given, changed.row = self.given, self.row  # what they say is in `hidden` already
        return changed

    def of_rows(self, rows: Tensor) -> ColumnByColumn:
        """The same of some rows only; what is present and given among them is left out."""
        return ColumnByColumn(self.model, self.hidden.index_select(-2, rows), coded=self.coded)

    def completing(self, present: Tensor, given: Tensor, row: Tensor) -> ColumnByColumn:
        """The same given some cells of ``row``, of which these are there; what the code says is taken as it is."""
        return ColumnByColumn(self.model, self.hidden.detach(), present, given, row, self.coded)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_prob_by_column(value).sum(-1)

    def log_prob_by_column(self, value: Tensor) -> Tensor:
        """log p(x_j | x_{<j}, h) of each column, 0 for cells that are absent, unknown or given: (..., n, columns)."""
        positions = self._positions(value)
        return self._terms(value, positions, self.logits(positions))

    def logits(self, positions: Tensor) -> list[Tensor]:
        """Of the cells of each column given those before it, which fell into cells (..., n, columns)."""
        refined = self.model.refined(self.hidden.unsqueeze(-2) + self.model.told(positions))
        logits = self.model.all_logits(refined)
        if self.coded:
            return logits
        return [cells + tilt for cells, tilt in zip(logits, self.model.tilts(), strict=True)]

    def independent_log_prob(self, value: Tensor) -> Tensor:
        """Σ_j log p(x_j | h): what the code alone, and what is given, say of each column. (..., n)."""
        return self._terms(value, self._positions(value), self.model.alone(self.hidden)).sum(-1)

    def _positions(self, value: Tensor) -> Tensor:
        """The cells of a value, kept for the next question about the same one."""
        if self._placed is None or self._placed[0] is not value:
            self._placed = value, self.model.positions(value, self.present)
        return self._placed[1]

    def _terms(self, value: Tensor, positions: Tensor, logits: list[Tensor]) -> Tensor:
        known = positions < positions.new_tensor([cells.shape[-1] for cells in logits])
        index = torch.where(known, positions, 0).unsqueeze(-1).unbind(-2)
        terms = []
        for place, cells in zip(index, logits, strict=True):
            chosen = torch.log_softmax(cells, -1)
            terms.append(chosen.gather(-1, place.expand(*chosen.shape[:-1], 1)))
        total = torch.where(known, torch.cat(terms, -1), 0.0) + self.model.log_density(value, positions)
        return total if self.given is None else torch.where(self.given, 0.0, total)

    @property
    def mean(self) -> Tensor:
        """The mean of each feature by what the code alone, and what is given, say: (..., n, d)."""
        return self.model.expected([torch.softmax(logits, -1) for logits in self.model.alone(self.hidden)])

    @property
    def mode(self) -> Tensor:
        """Column after column where the density given those before it is highest, (..., n, d).

        A level, or the middle of a cell of numbers. There may be rows that are likelier as a whole.
        """
        positions = self.chain(lambda logits, column: (logits - self.model.log_widths(column)).argmax(-1))
        half = torch.full_like(positions, 0.5, dtype=self.hidden.dtype)
        return self.model.features(positions, half)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        def drawn(logits: Tensor, column: int) -> Tensor:
            # Of exponential clocks with rates p, clock k rings first with probability p_k.
            clocks = torch.empty_like(logits).exponential_(generator=generator)
            return (logits - clocks.log()).argmax(-1)

        positions = self.chain(drawn, rows)
        uniform = torch.rand(positions.shape, generator=generator, device=positions.device, dtype=self.hidden.dtype)
        return self.model.features(positions, uniform)

    def chain(
        self, choose: Callable[[Tensor, int], Tensor], rows: int | None = None, until: int | None = None
    ) -> Tensor:
        """Cells column after column, (..., n, columns), as ``choose(logits, column)`` says; given ones as they are.

        With ``until`` only those of so many columns, the first of their order; 0 in the others.
        """
        hidden = self.hidden if rows is None else self.hidden.expand(rows, -1)
        positions = torch.zeros(*hidden.shape[:-1], self.model.columns, dtype=torch.int64, device=hidden.device)
        fixed = None
        if self.given is not None and self.row is not None:
            fixed = self.model.positions(self.row, self.present)
        tilts = None if self.coded else self.model.tilts()
        for column in self.model.order[:until]:
            logits = self.model.logits(self.model.refined(hidden, column), column)
            if tilts is not None:
                logits = logits + tilts[column]
            found = choose(logits, column)
            missing = self.model.is_missing(positions, column)
            if fixed is not None:
                found = torch.where(self.given[..., column], fixed[..., column], found)  # type: ignore[index]
            positions[..., column] = found
            if missing is not None:  # those that follow are told what they were told in training
                found = torch.where(missing, logits.shape[-1], found)
            hidden = hidden + self.model.embedded(found, column)
        return positions
