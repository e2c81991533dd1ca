"""How much of each cell of a column is allowed, counted by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from isthmus.components.likelihoods.autoregressive import Autoregressive, AutoregressiveLikelihood
from isthmus.core.blocks import Block
from isthmus.core.errors import InputError
from isthmus.data.column_rules import ColumnRule
from isthmus.uses.conditional_shares import CellShares

ROWS = 160


@pytest.fixture(scope="module")
def columns() -> AutoregressiveLikelihood:
    """A column with many values, one with three of its own, one of counts, and one of levels."""
    numbers = 8 * torch.linspace(0, 1, ROWS).square()  # cells of equal mass are of unequal widths
    few = torch.tensor([-1.0, 0.0, 2.5]).repeat(ROWS)[:ROWS]
    counts = torch.arange(ROWS) % 40
    levels = torch.eye(3)[torch.arange(ROWS) % 3]
    found = Autoregressive(width=16, cells=8).build_joint(
        [Block("continuous", 0, 2, (2,)), Block("count", 2, 3, (1,)), Block("categorical", 3, 6, (3,), cardinality=3)]
    )
    found.begin(torch.cat([torch.stack([numbers, few, counts.float()], 1), levels], 1), None)
    return found


def rule(column: int, *points: float, low: float = -math.inf, high: float = math.inf) -> ColumnRule:
    return ColumnRule(column, column, column, column + 1, f"column {column}", points, points, low, high)


def test_ranges_take_their_share_of_each_cell(columns: AutoregressiveLikelihood) -> None:
    edges = columns.cells.edges[0].double()
    middle = float((edges[2] + edges[3]) / 2)
    shares = CellShares(columns, [rule(0, low=middle, high=float(edges[5]))]).logs[0].exp()
    np.testing.assert_allclose(shares, [0, 0, 0.5, 1, 1, 0, 0, 0], atol=1e-6)
    open_ended = CellShares(columns, [rule(0, low=middle)]).logs[0].exp()
    np.testing.assert_allclose(open_ended, [0, 0, 0.5, 1, 1, 1, 1, 1], atol=1e-6)
    single = CellShares(columns, [rule(1, low=0.0, high=2.4)]).logs[1].exp()
    np.testing.assert_array_equal(single, [0, 1, 0, 0, 0, 0, 0, 0])  # 0 itself is in the range
    first, last = 5, 12
    counted = CellShares(columns, [rule(2, low=first - 0.5, high=last + 0.5)]).logs[2].exp()
    starts = columns.cells.edges[2].double().numpy() + 0.5
    expected = [
        sum(first <= value <= last for value in np.arange(low, high)) / max(high - low, 1)
        for low, high in itertools.pairwise(starts)
    ]
    np.testing.assert_allclose(counted, expected, atol=1e-6)


def test_values_levels_and_what_was_never_seen(columns: AutoregressiveLikelihood) -> None:
    exact = CellShares(columns, [rule(1, 2.5), rule(2, 7.0)]).logs
    assert exact[1].exp().tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert exact[2].exp().sum() == 1
    widths = (columns.cells.edges[0, 1:] - columns.cells.edges[0, :-1]).double()
    some = CellShares(columns, [rule(0, 0.2, 0.3, 5.0)]).logs[0].exp()
    places = columns.cells.positions(torch.tensor([[0.2, 0.0, 0.0], [5.0, 0.0, 0.0]]))[:, 0]
    assert some.nonzero().flatten().tolist() == sorted(places.tolist())
    # Two of the values share a cell: twice the density of one.
    ratio = 2 * widths[places[1]] / widths[places[0]]
    assert float(some[places[0]] / some[places[1]]) == pytest.approx(float(ratio), rel=2e-3)
    levels = CellShares(columns, [ColumnRule(3, 3, 3, 6, "column 3", levels=(True, False, True))]).logs[3]
    assert levels.exp().tolist() == [1, 0, 1]
    with pytest.raises(InputError, match="asks for column 1, of which training saw nothing"):
        CellShares(columns, [rule(1, low=0.5, high=2.0)])
    assert CellShares(columns, [rule(0, 9.0)]).beyond()
    assert not CellShares(columns, [rule(0, 8.0), rule(1, -1.0), rule(2, low=3.0)]).beyond()


def test_values_are_drawn_within_what_is_allowed_of_their_cell(columns: AutoregressiveLikelihood) -> None:
    rules = [rule(0, low=1.05, high=3.3), rule(1, low=-1.0, high=0.2), rule(2, low=4.5, high=12.5)]
    shares, generator = CellShares(columns, rules), torch.Generator().manual_seed(0)
    positions = torch.zeros(3000, 4, dtype=torch.int64)
    for column in range(3):
        positions[:, column] = torch.multinomial(shares.logs[column].exp(), 3000, True, generator=generator)
    features = shares.fill(torch.full((3000, 6), -7.0), positions, generator)
    assert 1.05 <= features[:, 0].min() < 1.1
    assert 3.25 < features[:, 0].max() <= 3.3
    assert features[:, 1].unique().tolist() == [-1, 0]
    assert features[:, 2].unique().tolist() == list(range(5, 13))
    assert (features[:, 3:] == -7).all()
    found = columns.positions(features, None)[:, :3]
    assert (found == positions[:, :3]).all()
    several = CellShares(columns, [rule(0, 0.2, 0.3, 5.0)])
    positions[:, 0] = columns.cells.positions(torch.tensor([[0.25, 0.0, 0.0]]))[0, 0]
    counts = several.fill(features, positions, generator)[:, 0].unique(return_counts=True)
    assert counts[0].tolist() == pytest.approx([0.2, 0.3])
    assert abs(counts[1][0] / 3000 - 0.5) < 0.04
