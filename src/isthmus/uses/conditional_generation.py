"""Rows of which some cells are asked for: draws of p(x|given), by importance weights instead of by rejection."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from isthmus.components.priors.base import PriorModule
from isthmus.core.context import Context
from isthmus.core.errors import InputError, IsthmusWarning
from isthmus.core.random import spawn_seeds, torch_generator
from isthmus.data.column_rules import ColumnRule
from isthmus.data.given_cells import GivenCells
from isthmus.distributions import ColumnByColumn, Distribution
from isthmus.models.autoencoder import ComposedAutoencoder

from .conditional_cells import AskedCells
from .conditional_chain import chosen_rows, proposals_for, times_rarer, weighted_rows
from .conditional_codes import drawn_codes, effective
from .conditional_targets import codes_for
from .imputation_told import is_told
from .temperature import tempered

LEAST_PARTICLES, MOST_PARTICLES = 512, 4096
MOST_ROWS = 10_000
"""Rows that are drawn from one set of proposals."""
WORTH_WARNING = 0.5
"""Rows that rest on less than this share of distinct draws get a warning."""
CONTRADICTION, MANY_TIMES = 50.0, 1_000_000
"""Cells that are given get a warning if they are together so many times rarer than if they were independent."""


@dataclass(frozen=True, eq=False)
class GivenRows:
    """Rows that share everything that is given.

    Attributes
    ----------
    index : ndarray of int
        Which of the rows that are asked for.
    rules : tuple of ColumnRule
    context : Context, optional
        Of one row.
    """

    index: np.ndarray
    rules: tuple[ColumnRule, ...]
    context: Context | None


@dataclass(frozen=True, eq=False)
class Drawn:
    """Some of them.

    Attributes
    ----------
    rows : Tensor, shape (count, d)
    worth : int
        How many distinct draws they rest on.
    strange : bool
        What is given is unlike anything that the model makes.
    times_rarer : float
        How many times rarer what is given is together than if its columns had nothing to do with each other.
    """

    rows: Tensor
    worth: int
    strange: bool = False
    times_rarer: float = 1.0


def density_of_codes(
    model: ComposedAutoencoder, source: PriorModule, temperature: float, context: Context | None = None
) -> Distribution:
    """p(z) at a temperature, or p(z|c) under the condition of one row, whose context is given.

    In float64, but for priors that look at the encoder, which stay in its precision.
    """
    own = source is model.prior
    module = source if own else copy.deepcopy(source).double()
    if context is None or context.condition is None:
        density = module(model.encode_inputs)
    else:
        density = module.given(context.condition[0], model.encode_inputs)
    density = tempered(density, temperature)
    return _InNetworkPrecision(density, model.scale.dtype) if own else density


class _InNetworkPrecision(Distribution):
    """A density that computes in the precision of networks, asked and answering in float64."""

    def __init__(self, base: Distribution, dtype: torch.dtype) -> None:
        self.base, self._dtype = base, dtype

    def log_prob(self, value: Tensor) -> Tensor:
        return self.base.log_prob(value.to(self._dtype) if value.is_floating_point() else value).double()

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        drawn = self.base.draw(rows, generator)
        return drawn.double() if drawn.is_floating_point() else drawn


@torch.inference_mode()
def conditional_rows(
    model: ComposedAutoencoder,
    density: Callable[[Context | None], Distribution],
    asked: GivenCells,
    context: Context | None,
    typical: Tensor,
    seed: int,
    noise: bool,
    without_code: bool = False,
) -> np.ndarray:
    """Rows of features in which everything that is asked for holds, (n, d) float32.

    Where columns are independent given the code, codes are drawn from p(z|given) by
    :func:`~.conditional_codes.drawn_codes`, and cells that are asked for from what is allowed of them. Where columns
    depend on each other, whole rows are proposed and weighted, see :class:`~.conditional_chain.ChainedRows`.

    Parameters
    ----------
    model : ComposedAutoencoder
    density : callable
        p(z) of rows with the context of one row, see :func:`density_of_codes`.
    asked : GivenCells
    context : Context, optional
        Condition and exposure of the n rows.
    typical : Tensor, shape (d,)
        A row that the likelihood can be asked about.
    seed : int
    noise : bool
        Whether cells that are not asked for are drawn, or means.
    without_code : bool
        Whether the decoder alone draws them, where it can and what is asked for is not too rare.

    Raises
    ------
    InputError
        The model makes no rows such as these.

    Warns
    -----
    IsthmusWarning
        They are so rare that the rows rest on few distinct draws.
    """
    model.eval()
    typical = typical.to(model.scale)
    groups = _groups(asked, context)
    result = np.empty((len(asked.chosen), model.width), dtype=np.float32)
    for group, own in zip(groups, spawn_seeds(seed, len(groups)), strict=True):
        generator, drawn = torch_generator(own, typical.device), []
        chained, codes = hasattr(model.likelihood, "given"), density(group.context)
        size = MOST_ROWS if chained else MOST_PARTICLES
        for start in range(0, len(group.index), size):
            index = group.index[start : start + size]
            if chained:
                part = _chained(model, codes, group, typical, len(index), generator, noise, without_code)
            else:
                part = _independent(model, codes, group, typical, len(index), generator, noise)
            result[index] = part.rows.float().cpu().numpy()
            drawn.append(part)
        _judge(group, drawn)
    return result


def _chained(
    model: ComposedAutoencoder,
    density: Distribution,
    group: GivenRows,
    typical: Tensor,
    count: int,
    generator: Generator,
    noise: bool,
    without_code: bool,
) -> Drawn:
    proposals = proposals_for(model, density, group.rules, typical, group.context, generator, without_code)
    weighted = weighted_rows(proposals, count, generator)
    worth = math.ceil(effective(weighted.logs))
    if worth == 0:
        return Drawn(typical.repeat(count, 1), 0)
    z, positions = chosen_rows(proposals, weighted, count, generator)
    uniform = torch.rand(positions.shape, generator=generator, device=z.device, dtype=typical.dtype)
    rows = model.likelihood.features(positions, uniform)
    if not noise:
        likelihood: ColumnByColumn = model.decode(z, group.context)  # type: ignore[assignment]
        told = likelihood.conditioned(proposals.asked.expand(count, -1), rows) if is_told(model) else likelihood
        rows = _with_asked(told.mean, rows, group.rules)
    rarer = times_rarer(proposals, weighted.logs, generator)
    return Drawn(proposals.shares.fill(rows, positions, generator), worth, proposals.shares.beyond(), rarer)


def _independent(
    model: ComposedAutoencoder,
    density: Distribution,
    group: GivenRows,
    typical: Tensor,
    count: int,
    generator: Generator,
    noise: bool,
) -> Drawn:
    cells = AskedCells(group.rules, typical)
    codes = codes_for(model, density, cells, group.context)
    found = drawn_codes(codes, max(count, LEAST_PARTICLES), generator)
    if found.distinct == 0:
        return Drawn(typical.repeat(count, 1), 0)
    likelihood = codes.decode(found.y[:count])
    columns = sum(block.columns for block in model.blocks)
    asked = cells.draw(likelihood, count, columns, generator)
    others = likelihood.draw(count, generator) if noise else likelihood.mean
    usual = codes.decode(codes.draw(LEAST_PARTICLES, generator))
    strange = found.best < cells.least_expected(usual, usual.draw(LEAST_PARTICLES, generator))
    return Drawn(_with_asked(others, asked, group.rules), min(found.distinct, count), strange)


def _with_asked(rows: Tensor, asked: Tensor, rules: Sequence[ColumnRule]) -> Tensor:
    rows = rows.clone()
    for rule in rules:
        rows[:, rule.start : rule.stop] = asked[:, rule.start : rule.stop]
    return rows


def _judge(group: GivenRows, drawn: Sequence[Drawn]) -> None:
    count, worth = len(group.index), sum(part.worth for part in drawn)
    rarer = drawn[0].times_rarer
    words = " and ".join(dict.fromkeys(rule.words for rule in group.rules))
    if worth == 0:
        raise InputError(
            f"sample: the model makes no rows with {words}: their probability is zero. Ask for less at once, or widen "
            "the ranges."
        )
    message = None
    if any(part.strange for part in drawn):
        message = (
            f"sample: the model makes no rows like {words}: it goes beyond what it was fitted to, and what the other "
            "columns are there is a guess. Check the values."
        )
    elif rarer > CONTRADICTION:
        times = f"{rarer:,.0f}" if rarer < MANY_TIMES else f"more than {MANY_TIMES:,}"
        message = (
            f"sample: {words} seem to contradict each other: the model makes them together {times} times less often "
            "than if they had nothing to do with each other, so that the other columns are a guess. Check the values."
        )
    elif worth < WORTH_WARNING * count:
        message = (
            f"sample: the model hardly ever makes rows with {words}: the {count:,} rows rest on about {worth:,} "
            "distinct draws, and some are alike. Ask for fewer rows, widen the ranges, or fit to more rows like these."
        )
    if message is not None:
        warnings.warn(message, IsthmusWarning, stacklevel=6)  # the caller of `sample`


def _groups(asked: GivenCells, context: Context | None) -> list[GivenRows]:
    """The rows that share rules, condition and exposure, in the order of the first of each."""
    keys = [torch.from_numpy(asked.chosen).double()]
    if context is not None:
        keys += [one.double().cpu() for one in (context.condition, context.exposure) if one is not None]
    table = torch.cat(keys, -1).numpy()
    _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    inverse = inverse.reshape(-1)
    return [
        GivenRows(
            np.flatnonzero(inverse == number),
            asked.rules(int(row)),
            None if context is None else context[int(row) : int(row) + 1],
        )
        for number, row in enumerate(first)
    ]
