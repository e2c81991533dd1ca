"""Rows drawn column by column: cells that partition the line, and the chain rule over them."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from isthmus.components.likelihoods.autoregressive import Autoregressive
from isthmus.components.likelihoods.column_cells import TAIL_SHARE, ColumnCells
from isthmus.components.penalties.without_code import WithoutCode
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.context import Context
from isthmus.core.random import torch_generator

from .known_numbers import close, values

BLOCKS = (
    Block("binary", 0, 1, (1,)),
    Block("categorical", 1, 4, (3,), cardinality=3),
    Block("continuous", 4, 5, (1,)),
    Block("missing", 5, 6, (1,), of=(1,)),
)
NUMBERS = (-1.0, 0.5, 2.0)


def cells_of_numbers_make_a_density() -> None:
    """Inside the range by the trapezoid rule; each tail by its closed form."""
    cells = ColumnCells(4, torch.tensor([False])).double()
    seen = values(400, 1) ** 3
    cells.begin(seen)
    count = int(cells.counts[0])
    assert count == 4
    low, high = float(cells.edges[0, 0]), float(cells.edges[0, count])
    masses = []
    for cell in range(count):
        line = torch.linspace(low - 40, high + 40, 400_001, dtype=torch.float64)[:, None]
        inside = (line >= cells.edges[0, cell]) & (line < cells.edges[0, cell + 1])
        if cell == 0:
            inside |= line < low
        if cell == count - 1:
            inside |= line >= high
        points = line[inside][:, None]
        density = cells.log_density(points, torch.full_like(points, cell, dtype=torch.int64)).exp().flatten()
        masses.append(float(torch.trapezoid(density, points.flatten())))
    close(masses, np.ones(4), 2e-3)
    beyond = torch.tensor([[high + 2.0]], dtype=torch.float64)
    tail = float(cells.tails[0])
    close(cells.log_density(beyond, cells.positions(beyond)), [[np.log(TAIL_SHARE) - np.log(tail) - 2 / tail]])
    close(tail, seen.std(correction=0))
    # A cell of equal mass each, between which the edges lie halfway.
    shares = torch.bincount(cells.positions(seen).flatten(), minlength=4) / 400
    close(shares, np.full(4, 0.25), 0.01)
    ordered = seen.flatten().sort().values
    close(cells.edges[0, 1], (ordered[99] + ordered[100]) / 2, 1e-6)


def cells_of_counts_make_a_mass() -> None:
    cells = ColumnCells(4, torch.tensor([True])).double()
    cells.begin(torch.tensor([0.0, 1, 2, 3, 5, 8, 13, 21, 34])[:, None].repeat(3, 1).double())
    whole = torch.arange(0, 4000, dtype=torch.float64)[:, None]
    found = cells.positions(whole)
    masses = [float(cells.log_density(whole, found)[found == cell].exp().sum()) for cell in range(int(cells.counts[0]))]
    close(masses, np.ones(len(masses)), 1e-9)
    drawn = cells.drawn(found[:35], torch.linspace(0, 0.999, 35).double()[:, None])
    assert torch.equal(drawn, drawn.round())
    assert torch.equal(cells.positions(drawn), found[:35])


def frequent_values_have_cells_of_their_own() -> None:
    """Two rows of seven are zero, in the midst of others: one point, drawn as it is; the rest has cells of a width."""
    cells = ColumnCells(8, torch.tensor([False])).double()
    spread = torch.linspace(-9, 9, 100, dtype=torch.float64)
    cells.begin(torch.cat([torch.zeros(40, dtype=torch.float64), spread])[:, None])
    zero = cells.positions(torch.zeros(1, 1, dtype=torch.float64))
    assert bool(cells.single[0, zero[0, 0]])
    close(cells.drawn(zero, torch.full((1, 1), 0.9, dtype=torch.float64)), [[0.0]])
    place = cells.positions(torch.full((1, 1), 5.0, dtype=torch.float64))
    low, high = (float(cells.edges[0, place[0, 0] + side]) for side in (0, 1))
    close(cells.drawn(place, torch.full((1, 1), 0.25, dtype=torch.float64)), [[low + 0.25 * (high - low)]], 1e-6)


def the_chain_is_a_distribution_over_rows() -> None:
    """All combinations, times the width of the cell of the number, come to 1; so they do given a cell."""
    module, hidden = _likelihood(), values(1, 8)
    rows = _every_row()
    widths = _widths(module, rows)
    chain = module(hidden.expand(len(rows), -1))
    log_probs = chain.log_prob(rows).detach() + widths
    close(log_probs.exp().sum(), 1.0, 1e-9)
    given = torch.zeros(len(rows), 4, dtype=torch.bool)
    given[:, 1] = True
    conditional = chain.conditioned(given, rows).log_prob(rows).detach() + widths
    for level in range(3):
        close(conditional[rows[:, 1 + level] == 1].exp().sum(), 1.0, 1e-9)
    close(chain.log_prob_by_column(rows).sum(-1).detach(), chain.log_prob(rows).detach())
    alone = chain.independent_log_prob(rows).detach() + widths
    close(alone.exp().sum(), 1.0, 1e-9)


def absent_cells_have_no_factor_and_tell_nothing() -> None:
    module, rows = _likelihood(), _every_row()
    present = torch.ones(len(rows), 4, dtype=torch.bool)
    present[:, 1] = False
    chain = module(values(1, 8).expand(len(rows), -1)).observing(present)
    terms = chain.log_prob_by_column(rows).detach()
    close(terms[:, 1], np.zeros(len(rows)))
    other = rows.clone()
    other[:, 1:4] = other[:, 1:4].roll(1, 1)
    close(chain.log_prob_by_column(other).detach(), terms)


def draws_follow_the_chain() -> None:
    """Frequencies of two columns together, and given cells as they are."""
    module, hidden, rows = _likelihood(), 0.1 * values(1, 8), _every_row()
    chain = module(hidden)
    drawn = chain.draw(20_000, torch_generator(0))
    log_probs = module(hidden.expand(len(rows), -1)).log_prob(rows).detach() + _widths(module, rows)
    for coin, level in product((0, 1), range(3)):
        seen, meant = ((one[:, 0] == coin) & (one[:, 1 + level] == 1) for one in (drawn, rows))
        close(seen.double().mean(), log_probs.exp()[meant].sum(), 0.008)
    fixed = torch.tensor([[True, False, False, False]])
    told = module(hidden).conditioned(fixed, torch.ones(1, 6, dtype=torch.float64)).draw(50, torch_generator(0))
    assert bool((told[:, 0] == 1).all())


def rows_without_a_code_stand_for_those_with_hidden_cells() -> None:
    """Half of the rows are whole: twice what the decoder alone says of them, at what it says of the code 0."""
    module, rows = _likelihood(), _every_row()
    shown = torch.ones(len(rows), 4, dtype=torch.bool)
    shown[::2, 2] = False
    zero = values(1, 8).expand(len(rows), -1)
    seen: Any = SimpleNamespace(
        batch=Batch(rows),
        features=rows,
        z=values(len(rows), 2),
        context=Context(present=shown),
        decode=lambda z: module(zero + z.sum(-1, keepdim=True)),
    )
    wanted = -2 * module(zero + module.no_code).log_prob(rows)[1::2].sum()
    close(WithoutCode().value(seen).detach(), wanted.detach())


def rows_without_a_code_fall_into_cells_as_often_as_they_should() -> None:
    """Tilted a few times, expected counts are those found; draws follow what is scored, tilts included."""
    module, hidden, rows = _likelihood(), 0.1 * values(1, 8), _every_row()
    some = torch.cat([rows, rows[:12]])
    cells = module.positions(some, None)
    found = torch.cat([torch.bincount(cells[:, one], minlength=size) for one, size in enumerate(module.sizes)])
    for _ in range(30):
        logits = module(hidden.expand(len(some), -1)).without_code().logits(cells)
        module.tilt_by(torch.cat([one.softmax(-1).sum(0) for one in logits]).detach(), found)
    logits = module(hidden.expand(len(some), -1)).without_code().logits(cells)
    close(torch.cat([one.softmax(-1).sum(0) for one in logits]).detach(), found, 1e-3)
    drawn = module(hidden).without_code().draw(20_000, torch_generator(0))
    log_probs = module(hidden.expand(len(rows), -1)).without_code().log_prob(rows).detach() + _widths(module, rows)
    close(log_probs.exp().sum(), 1.0, 1e-9)
    for coin, level in product((0, 1), range(3)):
        seen, meant = ((one[:, 0] == coin) & (one[:, 1 + level] == 1) for one in (drawn, rows))
        close(seen.double().mean(), log_probs.exp()[meant].sum(), 0.012)


def _likelihood() -> torch.nn.Module:
    module = Autoregressive(width=8, cells=4).build_joint(BLOCKS)
    generator = torch_generator(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    module.begin(_every_row(), None)
    return module.double()


def _every_row() -> torch.Tensor:
    eye = np.eye(3)
    combinations = product((0, 1), range(3), NUMBERS, (0, 1))
    return torch.tensor(
        np.array([[coin, *eye[level], number, hole] for coin, level, number, hole in combinations])
    ).double()


def _widths(module: torch.nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """What a number's density is to be multiplied by: the inverse of the density within its cell."""
    positions = module.positions(rows, None)
    return -module.log_density(rows, positions).sum(-1)
