"""How much of each cell of a column is allowed, and values within what is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from isthmus.core.errors import InputError
from isthmus.data.column_rules import ColumnRule

# How far, in its size, a value that float32 rounded may be from where it was.
ROUNDING = 1e-6


class CellShares:
    """Rules in the cells of a likelihood that goes through a row column by column.

    Parameters
    ----------
    columns : AutoregressiveLikelihood
    rules : sequence of ColumnRule

    Attributes
    ----------
    logs : dict of int to Tensor, shape (cells,)
        For each column that is asked for, the logarithm of the share of each of its cells that is allowed.
    """

    def __init__(self, columns: Any, rules: Sequence[ColumnRule]) -> None:
        self._columns, self._rules = columns, tuple(rules)
        self._numbers = columns.numeric_index.tolist()
        self.logs = {rule.column: self._log_shares(rule) for rule in rules}

    def _log_shares(self, rule: ColumnRule) -> Tensor:
        cells = self._columns.cells
        if rule.levels:
            allowed = torch.tensor(rule.levels, device=cells.counts.device)
            return torch.where(allowed, 0.0, -torch.inf)
        if rule.column not in self._numbers:  # an indicator, or a column of zeros and ones
            allowed = torch.tensor([value in rule.points for value in (0.0, 1.0)], device=cells.counts.device)
            return torch.where(allowed, 0.0, -torch.inf)
        place = self._numbers.index(rule.column)
        if rule.points:
            shares = torch.zeros(cells.slots, dtype=torch.float64, device=cells.counts.device)
            for value, position in zip(rule.points, self._positions(place, rule.points), strict=True):
                shares[position] += self._density(place, value, position) if len(rule.points) > 1 else 1.0
            return (shares / shares.max()).log()
        low, high = self._between(place, rule)
        widths = (cells.edges[place, 1:] - cells.edges[place, :-1]).double()
        shares = torch.where(widths > 0, (high - low).clamp_min(0.0) / widths, 0.0)
        inside = self._inside(place, rule)
        shares = torch.where(cells.single[place], inside.double(), shares)
        shares = torch.where(cells.possible(place), shares, 0.0)
        if not bool((shares > 0).any()):
            raise InputError(
                f"`given` asks for {rule.words}, of which training saw nothing: the model makes no such rows. Widen "
                "the range."
            )
        return shares.log()

    def beyond(self) -> bool:
        """Whether a number that is asked for lies outside of everything that training saw."""
        cells = self._columns.cells
        for rule in self._rules:
            if rule.points and rule.column in self._numbers:
                edges = cells.edges[self._numbers.index(rule.column)]
                slack = ROUNDING * (1 + float(edges.abs().max()))
                if not float(edges.min()) - slack <= min(rule.points) <= max(rule.points) <= float(edges.max()) + slack:
                    return True
        return False

    def fill(self, features: Tensor, positions: Tensor, generator: Generator) -> Tensor:
        """Features (n, d) whose numbers that are asked for are values that are allowed in their cells."""
        cells = self._columns.cells
        for rule in self._rules:
            if rule.column not in self._numbers:
                continue
            place, mine = self._numbers.index(rule.column), positions[:, rule.column]
            uniform = torch.rand(len(features), generator=generator, device=features.device, dtype=torch.float64)
            if rule.points:
                points = torch.tensor(rule.points, dtype=torch.float64, device=features.device)
                here = self._positions(place, rule.points)[None] == mine[:, None]
                reached = here.double().cumsum(-1)
                chosen = (uniform[:, None] * reached[:, -1:] >= reached).sum(-1)
                features[:, rule.start] = points[chosen].to(features)
                continue
            low, high = (ends[mine] for ends in self._between(place, rule))
            drawn = low + (high - low) * uniform
            if bool(cells.whole[place]):
                drawn = torch.minimum((drawn + 0.5).floor(), high - 0.5)
            drawn = torch.where(cells.single[place, mine], cells.points[place, mine].double(), drawn)
            features[:, rule.start] = drawn.to(features)
        return features

    def _positions(self, place: int, points: Sequence[float]) -> Tensor:
        cells = self._columns.cells
        values = torch.zeros(len(points), len(cells.counts), dtype=cells.edges.dtype, device=cells.edges.device)
        values[:, place] = torch.tensor(points, dtype=torch.float64).to(values)
        found: Tensor = cells.positions(values)[:, place]
        return found

    def _density(self, place: int, value: float, position: Tensor) -> float:
        """Of a value in its cell."""
        cells = self._columns.cells
        values = torch.zeros(1, len(cells.counts), dtype=cells.edges.dtype, device=cells.edges.device)
        places = torch.zeros(1, len(cells.counts), dtype=torch.int64, device=cells.edges.device)
        values[0, place], places[0, place] = value, position
        return float(cells.log_density(values, places)[0, place].exp())

    def _between(self, place: int, rule: ColumnRule) -> tuple[Tensor, Tensor]:
        """Where what is allowed of each cell begins and ends, float64, (slots,) each."""
        edges = self._columns.cells.edges[place].double()
        return edges[:-1].clamp_min(rule.low), edges[1:].clamp_max(rule.high)

    def _inside(self, place: int, rule: ColumnRule) -> Tensor:
        """Which values of cells that have only one are allowed, (slots,)."""
        points = self._columns.cells.points[place].double()
        slack = ROUNDING * (1 + points.abs())
        return (points >= rule.low - slack) & (points <= rule.high + slack)
