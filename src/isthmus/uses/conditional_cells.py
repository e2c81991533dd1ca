"""How likely cells that are asked for are at a code, and draws of them, where columns are independent given it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Generator, Tensor

from isthmus.data.column_rules import ColumnRule
from isthmus.distributions import log_prob_by_column

from .conditional_tails import drawn_between, log_mass_between

SLACK = 10.0
"""Nats below what is expected at which it is no longer chance."""


class AskedCells:
    """The rules of some columns, asked of rows of a likelihood.

    A single value or level counts by its density or probability, several by the sum of theirs, and a range by the mass
    that lies in it.

    Parameters
    ----------
    rules : sequence of ColumnRule
    typical : Tensor, shape (d,)
        A row that the likelihood can be asked about.
    """

    def __init__(self, rules: Sequence[ColumnRule], typical: Tensor) -> None:
        self.rules = tuple(rules)
        self._listed = [rule for rule in rules if not rule.is_range]
        self._ranges = [rule for rule in rules if rule.is_range]
        self._choices = [_choices(rule, typical) for rule in self._listed]
        self._typical = typical
        self._low, self._high = (torch.full_like(typical, torch.nan, dtype=torch.float64) for _ in range(2))
        for rule in self._ranges:
            self._low[rule.start], self._high[rule.start] = rule.low, rule.high

    def log_likelihood(self, likelihood: Any, count: int) -> Tensor:
        """log P(the rules hold) at each of ``count`` codes, float64, (count,)."""
        total = torch.zeros(count, dtype=torch.float64, device=self._typical.device)
        for choices in self._chances(likelihood, count):
            total = total + choices.logsumexp(-1)
        if self._ranges:
            masses = log_mass_between(likelihood, *self._ends(count))
            for rule in self._ranges:
                total = total + masses[:, rule.start]
        return total

    def least_expected(self, likelihood: Any, rows: Tensor) -> float:
        """What :meth:`log_likelihood` is in the strangest of some rows that the likelihood drew, or somewhat less.

        Of numbers that is a matter of density; of levels and ranges, rows that happen once in a thousand times are
        expected.
        """
        exact = [rule for rule in self._listed if len(rule.points) == 1]
        terms = log_prob_by_column(likelihood, rows)[:, [rule.column for rule in exact]].double().sum(-1)
        return float(terms.min()) + math.log(1e-3) * (len(self.rules) - len(exact)) - SLACK

    def draw(self, likelihood: Any, count: int, columns: int, generator: Generator) -> Tensor:
        """Cells of rows (count, d) in which the rules hold; what stands in other columns means nothing."""
        rows = self._typical.repeat(count, 1)

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=rows.device, dtype=torch.float64)

        for rule, values, choices in zip(self._listed, self._choices, self._chances(likelihood, count), strict=True):
            shares = choices.softmax(-1).cumsum(-1)
            place = (uniform(count, 1) * shares[:, -1:] > shares[:, :-1]).sum(-1)
            rows[:, rule.start : rule.stop] = values[place]
        if self._ranges:
            drawn = drawn_between(likelihood, *self._ends(count), uniform(*rows.shape), columns).to(rows)
            for rule in self._ranges:
                rows[:, rule.start] = drawn[:, rule.start]
        return rows

    def _ends(self, count: int) -> tuple[Tensor, Tensor]:
        return self._low.expand(count, -1), self._high.expand(count, -1)

    def _chances(self, likelihood: Any, count: int) -> list[Tensor]:
        """For each rule that lists values, the logarithm of the chance of each of them, (count, values)."""
        found: list[list[Tensor]] = [[] for _ in self._listed]
        for number in range(max(map(len, self._choices), default=0)):
            # All columns take their next value together; those that have no more stay at their last.
            row = self._typical.clone()
            for rule, values in zip(self._listed, self._choices, strict=True):
                row[rule.start : rule.stop] = values[min(number, len(values) - 1)]
            terms = log_prob_by_column(likelihood, row.expand(count, -1)).double()
            terms = torch.where(terms.isnan(), -torch.inf, terms)
            for place, (rule, values) in enumerate(zip(self._listed, self._choices, strict=True)):
                if number < len(values):
                    found[place].append(terms[:, rule.column])
        return [torch.stack(one, -1) for one in found]


def _choices(rule: ColumnRule, like: Tensor) -> Tensor:
    """The features of each value that a rule lists, (values, features of the column)."""
    if rule.points:
        return torch.tensor(rule.points, dtype=torch.float64)[:, None].to(like)
    return torch.eye(len(rule.levels))[torch.tensor(rule.levels)].to(like)
