"""Rows drawn column by column in which some cells are asked for, with importance weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from isthmus.core.context import Context
from isthmus.data.column_rules import ColumnRule
from isthmus.distributions import ColumnByColumn, Distribution
from isthmus.models.autoencoder import ComposedAutoencoder

from .conditional_codes import effective, resampled
from .conditional_shares import CellShares
from .imputation import is_aware

ROUND = 2048
"""Rows that are proposed at once."""
EFFECTIVE, LEAST_EFFECTIVE = 1.5, 100.0
"""Proposals go on until they are worth so many rows for each that is wanted, and so many in all,"""
MOST_PROPOSALS, LEAST_PROPOSALS = 32, 1 << 15
"""or until there were so many for each, or in all."""
RARE = 0.01
"""If proposals of the first round are worth less than this share of them, the encoder is asked where to look."""
MOST_TIMES = 700.0
"""The exponential of more than that is infinite."""


@dataclass(frozen=True, eq=False)
class WeightedRows:
    """Proposed rows.

    Attributes
    ----------
    z : Tensor, shape (m, q)
    positions : Tensor of int64, shape (m, columns)
        The cells that the columns of each row fell into, up to the last one that is asked for.
    logs : Tensor, shape (m,)
        The logarithm of importance weights, whose mean is P(what is asked).
    """

    z: Tensor
    positions: Tensor
    logs: Tensor


class ChainedRows:
    """Proposals for rows of which some cells are asked for.

    They are drawn as rows always are, z ~ p(z) and then the columns in their order, but those that are asked for among
    the cells that are allowed; the weight is the probability that was left out (likelihood weighting: Fung & Chang
    1990). It is at most 1, so that proposals are never worth less than as many rows of which those that fit are kept.

    Where an encoder learnt to see some cells only, half of the codes may come from q(z|cells that are exactly known)
    instead. They count against the mixture of both (the balance heuristic of Veach & Guibas 1995).

    Parameters
    ----------
    model : ComposedAutoencoder
    density : Distribution
        p(z).
    rules : sequence of ColumnRule
    typical : Tensor, shape (d,)
    context : Context, optional
        Condition and exposure, of one row.
    without_code : bool
        The decoder alone, which :func:`~.generation.does_without_code`, proposes the rows; their codes are 0.
    """

    def __init__(
        self,
        model: ComposedAutoencoder,
        density: Distribution,
        rules: Sequence[ColumnRule],
        typical: Tensor,
        context: Context | None,
        without_code: bool = False,
    ) -> None:
        self.model, self.density, self.context, self.without_code = model, density, context, without_code
        self.rules, self._typical = tuple(rules), typical
        self.shares = CellShares(model.likelihood, rules)
        columns: int = model.likelihood.columns
        self.asked, self._exact = (torch.zeros(columns, dtype=torch.bool, device=typical.device) for _ in range(2))
        self._row = typical.clone()
        for rule in rules:
            self.asked[rule.column] = True
            if rule.is_exact:
                self._exact[rule.column] = True
                values = rule.points if rule.points else [float(one) for one in rule.levels]
                self._row[rule.start : rule.stop] = torch.tensor(values, dtype=torch.float64).to(typical)
        order = model.likelihood.order
        self.until = 1 + max((order.index(rule.column) for rule in rules), default=-1)
        """How many columns of their order it takes to see all that is asked for."""
        self.sees = is_aware(model) and model.stochastic and bool(self._exact.any()) and not without_code

    def of(self, rules: Sequence[ColumnRule]) -> ChainedRows:
        """The same for other rules."""
        return ChainedRows(self.model, self.density, rules, self._typical, self.context, self.without_code)

    def proposed(self, count: int, generator: Generator, seeing: bool = False) -> WeightedRows:
        """``count`` rows and their weights; with ``seeing`` half of the codes come from the encoder."""
        z, logs = self._codes(count, generator, seeing)
        shares = self.shares.logs

        def chosen(logits: Tensor, column: int) -> Tensor:
            if column in shares:
                allowed = torch.log_softmax(logits.double(), -1) + shares[column]
                logs.add_(allowed.logsumexp(-1))
                logits = allowed
            return _drawn(logits, generator)

        return WeightedRows(z, self._columns_at(z).chain(chosen, until=self.until), logs)

    def completed(self, z: Tensor, positions: Tensor, generator: Generator) -> Tensor:
        """The columns behind the last one that is asked for, drawn given those up to it: (n, columns)."""
        known = set(self.model.likelihood.order[: self.until])

        def chosen(logits: Tensor, column: int) -> Tensor:
            return positions[:, column] if column in known else _drawn(logits, generator)

        return self._columns_at(z).chain(chosen)

    def _columns_at(self, z: Tensor) -> ColumnByColumn:
        likelihood: Any = self.model.decode(z, self.context)
        return likelihood.without_code() if self.without_code else likelihood

    def _codes(self, count: int, generator: Generator, seeing: bool) -> tuple[Tensor, Tensor]:
        """Codes (count, q), and log p(z) less the log-density that they were drawn from."""
        if self.without_code:
            z = self._row.new_zeros(count, self.model.latent_dim)
            return z, torch.zeros(count, dtype=torch.float64, device=z.device)
        own = count - count // 2 if seeing else count
        z = self.density.draw(own, generator).to(self._row.dtype)
        if not seeing:
            return z, torch.zeros(count, dtype=torch.float64, device=z.device)
        posterior = self._posterior(count)
        noise = torch.randn(count, self.model.noise_width, generator=generator, device=z.device, dtype=z.dtype)
        z = torch.cat([z, posterior.sample(noise)[own:]])
        density = self.density.log_prob(z.double()).double()
        mixture = torch.logaddexp(density, posterior.log_prob(z).double()) - math.log(2)
        return z, density - mixture

    def _posterior(self, count: int) -> Any:
        """q(z|cells that are exactly known), of equal rows."""
        condition = None if self.context is None or self.context.condition is None else self.context.condition
        told = Context(
            None if condition is None else condition.expand(count, -1), visible=self._exact.expand(count, -1)
        )
        return self.model.encode(self._row.expand(count, -1), told)


def proposals_for(
    model: ComposedAutoencoder,
    density: Distribution,
    rules: Sequence[ColumnRule],
    typical: Tensor,
    context: Context | None,
    generator: Generator,
    without_code: bool,
) -> ChainedRows:
    """Proposals by the decoder alone if that is wanted, unless they are rarely worth anything and codes could help."""
    coded = ChainedRows(model, density, rules, typical, context)
    if not without_code:
        return coded
    alone = ChainedRows(model, density, rules, typical, context, without_code=True)
    rare = coded.sees and effective(alone.proposed(ROUND, generator).logs) < RARE * ROUND
    return coded if rare else alone


def times_rarer(proposals: ChainedRows, logs: Tensor, generator: Generator) -> float:
    """How many times rarer what is asked of several columns is together than if they had nothing to do with each other.

    Π_j P(asked of column j) / P(asked of all), by a round of proposals for each column and the weights of those for
    all. 1 where one column is asked for, or where all of it is common enough not to be looked into.
    """
    together = _log_mean(logs)
    by_column: dict[int, list[ColumnRule]] = {}
    for rule in proposals.rules:
        by_column.setdefault(rule.source, []).append(rule)
    if len(by_column) == 1 or together > math.log(RARE):
        return 1.0
    apart = sum(_log_mean(proposals.of(rules).proposed(ROUND, generator).logs) for rules in by_column.values())
    return math.exp(min(apart - together, MOST_TIMES))


def weighted_rows(proposals: ChainedRows, count: int, generator: Generator) -> WeightedRows:
    """As many proposals as it takes to draw ``count`` rows from, or as many as are worth trying."""
    wanted, most = max(EFFECTIVE * count, LEAST_EFFECTIVE), max(MOST_PROPOSALS * count, LEAST_PROPOSALS)
    found = [proposals.proposed(ROUND, generator)]
    seeing = proposals.sees and effective(found[0].logs) < RARE * ROUND
    while len(found) * ROUND < most and effective(torch.cat([one.logs for one in found])) < wanted:
        found.append(proposals.proposed(ROUND, generator, seeing))
    z, positions, logs = (torch.cat([getattr(one, name) for one in found]) for name in ("z", "positions", "logs"))
    return WeightedRows(z, positions, logs)


def chosen_rows(proposals: ChainedRows, rows: WeightedRows, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Codes and cells of ``count`` whole rows, resampled by their weights, in random order."""
    chosen = resampled(rows.logs.softmax(0), count, generator)
    chosen = chosen[torch.randperm(count, generator=generator, device=chosen.device)]
    z = rows.z[chosen]
    return z, proposals.completed(z, rows.positions[chosen], generator)


def _log_mean(logs: Tensor) -> float:
    return float(logs.logsumexp(0)) - math.log(len(logs))


def _drawn(logits: Tensor, generator: Generator) -> Tensor:
    """Of exponential clocks with rates p, clock k rings first with probability p_k."""
    clocks = torch.empty_like(logits).exponential_(generator=generator)
    return (logits - clocks.log()).argmax(-1)
