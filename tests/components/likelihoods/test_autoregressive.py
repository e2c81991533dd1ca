"""The likelihood that goes column by column: a proper distribution, whose chain is the one that it is scored by."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from isthmus.components.likelihoods.autoregressive import Autoregressive
from isthmus.components.likelihoods.column_cells import TAIL_SHARE, ColumnCells
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError

from .few_columns import BLOCKS, VALUES, chained_likelihood, hidden, rows


@pytest.fixture
def likelihood():
    return chained_likelihood()


def every_row() -> torch.Tensor:
    """All combinations of levels, with one number for each cell."""
    eye = torch.eye(3)
    combinations = product(VALUES, (0, 1), range(3), range(3), (0, 1), (0, 1))
    return torch.stack(
        [
            torch.cat([v[None], torch.tensor([b]), eye[i], eye[j], torch.tensor([m, k])])
            for v, b, i, j, m, k in combinations
        ]
    ).double()


class TestChain:
    def test_all_rows_together_have_mass_one(self, likelihood):
        everything = every_row()
        p = likelihood(hidden(1).expand(len(everything), -1))
        cells = likelihood.positions(everything, None)
        inside = likelihood.log_density(everything, cells)
        mass = (p.log_prob_by_column(everything) - inside).sum(-1).exp().sum()
        torch.testing.assert_close(mass, torch.ones((), dtype=torch.float64))

    def test_each_factor_looks_at_those_before_it_only(self, likelihood):
        row = rows(1)
        p = likelihood(hidden(1))
        before = p.log_prob_by_column(row)
        assert likelihood.order == (4, 5, 0, 1, 2, 3)
        for number, column in enumerate(likelihood.order):
            changed = row.clone()
            features = {0: [0], 1: [1], 2: [2, 3, 4], 3: [5, 6, 7], 4: [8], 5: [9]}[column]
            changed[0, features] = changed[0, features].roll(1) if len(features) > 1 else 1 - changed[0, features]
            moved = ~torch.isclose(p.log_prob_by_column(changed)[0], before[0])
            later = set(likelihood.order[number + 1 :])
            assert {c for c in range(6) if moved[c]} - {column} == later

    def test_draws_have_the_probabilities_that_they_are_scored_by(self, likelihood):
        code = hidden(1)
        drawn = likelihood(code.expand(40_000, -1)).draw(40_000, torch.Generator().manual_seed(1))
        everything = every_row()
        p = likelihood(code.expand(len(everything), -1))
        inside = likelihood.log_density(everything, likelihood.positions(everything, None))
        # A cell that is said to be missing is "unknown" to those after it.
        missing = everything[:, 8:] == 1
        present = torch.ones(len(everything), 6, dtype=torch.bool)
        present[:, 0], present[:, 3] = ~missing[:, 0], ~missing[:, 1]
        alone = p.observing(present).log_prob_by_column(everything)
        value = torch.where(present, alone - inside, 0.0).sum(-1).exp()
        # Of rows that agree in what is present, and in the indicators, there are as many as absent cells allow.
        count = torch.where(missing[:, 0], 4, 1) * torch.where(missing[:, 1], 3, 1)
        keys = [tuple(r) for r in torch.where(present, likelihood.positions(everything, None), -1).tolist()]
        found = likelihood.positions(drawn, None)
        gone = drawn[:, 8:] == 1
        found[:, 0] = torch.where(gone[:, 0], -1, found[:, 0])
        found[:, 3] = torch.where(gone[:, 1], -1, found[:, 3])
        counts = dict.fromkeys(keys, 0)
        for key in map(tuple, found.tolist()):
            counts[key] += 1
        expected = dict(zip(keys, (value * 40_000).tolist(), strict=True))
        assert sum(expected.values()) == pytest.approx(40_000)
        assert (count > 0).all()
        for key, wanted in expected.items():
            assert counts[key] == pytest.approx(wanted, abs=5 * np.sqrt(wanted) + 5)

    def test_several_codes_a_row(self, likelihood):
        value, codes = rows(5), hidden(3, 5)
        together = likelihood(codes).log_prob(value)
        apart = torch.stack([likelihood(code).log_prob(value) for code in codes])
        torch.testing.assert_close(together, apart)

    def test_what_is_said_is_the_plain_sum_of_embeddings(self, likelihood):
        cells = likelihood.positions(rows(3), None)
        told = likelihood.told(cells)
        for row, column in product(range(3), range(6)):
            before = likelihood.order[: likelihood.order.index(column)]
            wanted = sum((likelihood.embedded(cells[row, c], c) for c in before), torch.zeros(16, dtype=torch.float64))
            torch.testing.assert_close(told[row, column], wanted)


class TestAbsentAndGiven:
    def test_absent_cells_have_no_factor_and_their_value_says_nothing(self, likelihood):
        present = torch.tensor([[True, False, True, True, True, True]])
        first, second = rows(1), rows(1)
        second[:, 1] = 1 - first[:, 1]
        p = likelihood(hidden(1)).observing(present)
        torch.testing.assert_close(p.log_prob_by_column(first), p.log_prob_by_column(second))
        assert p.log_prob_by_column(first)[0, 1] == 0

    def test_a_level_that_is_not_known_has_no_factor(self, likelihood):
        row = rows(1)
        row[:, 2:5] = 0
        assert likelihood(hidden(1)).log_prob_by_column(row)[0, 2] == 0

    def test_given_cells_condition_all_others_and_stay(self, likelihood):
        row = rows(1)
        given = torch.tensor([[False, False, False, True, False, False]])
        p = likelihood(hidden(1)).conditioned(given, row)
        terms, free = p.log_prob_by_column(row)[0], likelihood(hidden(1)).log_prob_by_column(row)[0]
        assert terms[3] == 0
        assert not torch.isclose(terms, free)[[0, 1, 2, 4, 5]].any()
        drawn = p.observing(torch.ones(1, 6, dtype=torch.bool)).draw(1, torch.Generator().manual_seed(0))
        torch.testing.assert_close(drawn[:, 5:8], row[:, 5:8])
        torch.testing.assert_close(p.mode[:, 5:8], row[:, 5:8])

    def test_given_cells_leave_a_distribution_over_the_others(self, likelihood):
        everything = every_row()
        row = everything[:1]
        given = torch.tensor([[False, False, False, True, False, False]])
        same = (everything[:, 5:8] == row[:, 5:8]).all(-1)
        p = likelihood(hidden(1)).conditioned(given, row)
        p = type(p)(likelihood, p.hidden.expand(int(same.sum()), -1))
        kept = everything[same]
        cells = likelihood.positions(kept, None)
        terms = p.log_prob_by_column(kept) - likelihood.log_density(kept, cells)
        terms[:, 3] = 0
        torch.testing.assert_close(terms.sum(-1).exp().sum(), torch.ones((), dtype=torch.float64))


class TestBeginning:
    def test_each_cell_is_as_likely_as_among_the_rows(self):
        likelihood = Autoregressive(width=16).build_joint(BLOCKS).double()
        seen = rows(200)
        likelihood.begin(seen, None)
        p = likelihood(torch.zeros(1, 16, dtype=torch.float64))
        levels = (seen[:, 2:5].sum(0) + 0.5) / (200 + 1.5)
        torch.testing.assert_close(p.mean[0, 2:5], levels)
        row = seen[:1]
        terms = p.log_prob_by_column(row)[0]
        torch.testing.assert_close(terms[2], levels[row[0, 2:5].argmax()].log())

    def test_numbers_have_logits_that_bend(self, likelihood):
        network, refined = likelihood.network, hidden(1)
        slope, curvature = (refined @ network.bends[:2].T)[0]
        points = likelihood.cells.points[0]
        own = refined @ network.heads[:8].T + network.head_biases[:8]
        found = likelihood.logits(refined, 0)[0, :4]
        torch.testing.assert_close(found, (own[0] + slope * points + curvature * points.square())[:4])

    def test_numbers_say_their_value_besides_their_cell(self, likelihood):
        cells = likelihood.cells.positions(VALUES[:, None].double())[:, 0]
        said = likelihood.embedded(cells, 0)
        torch.testing.assert_close(
            said, likelihood.network.embedding[cells] + VALUES[:, None].double() * likelihood.network.slopes[0]
        )
        unknown = likelihood.embedded(torch.tensor([8]), 0)
        torch.testing.assert_close(unknown[0], likelihood.network.embedding[8])


class TestMoments:
    def test_the_mean_is_that_of_the_code_alone(self, likelihood):
        p = likelihood(hidden(2))
        logits = likelihood.alone(hidden(2))
        chance = torch.softmax(logits[2], -1)
        torch.testing.assert_close(p.mean[:, 2:5], chance)
        number = torch.softmax(logits[0][:, :4], -1)
        torch.testing.assert_close(p.mean[:, 0], number @ VALUES.double())
        coin = torch.softmax(logits[1], -1)
        torch.testing.assert_close(p.mean[:, 1], coin[:, 1])

    def test_the_mode_is_a_row_of_its_own(self, likelihood):
        mode = likelihood(hidden(2)).mode
        assert set(mode[:, 1:].flatten().tolist()) <= {0.0, 1.0}
        assert all(float(value) in VALUES.tolist() for value in mode[:, 0])
        assert (mode[:, 2:5].sum(-1) == 1).all()

    def test_the_code_alone_by_hand(self, likelihood):
        row, p, logits = rows(1), likelihood(hidden(1)), likelihood.alone(hidden(1))
        cells = likelihood.positions(row, None)
        terms = [torch.log_softmax(logits[c], -1)[0, cells[0, c]] for c in range(6)]
        wanted = torch.stack(terms).sum() + likelihood.log_density(row, cells).sum()
        torch.testing.assert_close(p.independent_log_prob(row)[0], wanted)


def continuous_cells(columns: int, slots: int) -> ColumnCells:
    return ColumnCells(slots, torch.zeros(columns, dtype=torch.bool))


class TestCells:
    def test_few_values_have_a_cell_each(self):
        cells = continuous_cells(1, 8).double()
        cells.begin(torch.tensor([[0.0], [0.0], [1.0], [5.0]], dtype=torch.float64))
        assert cells.counts.tolist() == [3]
        assert cells.edges[0, :4].tolist() == [-0.5, 0.5, 3.0, 5.5]
        assert cells.points[0, :3].tolist() == [0.0, 1.0, 5.0]
        assert cells.positions(torch.tensor([[-9.0], [0.4], [2.9], [3.1], [99.0]])).flatten().tolist() == [
            0,
            0,
            1,
            2,
            2,
        ]
        assert cells.drawn(torch.tensor([[1]]), torch.tensor([[0.9]])).item() == 1.0

    def test_frequent_values_among_many_are_kept_apart(self):
        generator = torch.Generator().manual_seed(0)
        values = torch.randn(5000, 1, generator=generator, dtype=torch.float64)
        values[::3] = 0.25
        cells = continuous_cells(1, 64).double()
        cells.begin(values)
        where = cells.positions(torch.tensor([[0.25]]))
        assert cells.single[0, where.item()]
        assert cells.drawn(where, torch.tensor([[0.7]])).item() == 0.25
        assert 55 <= cells.counts.item() <= 64
        others = torch.bincount(cells.positions(values[values != 0.25][:, None]).flatten())
        assert others[others > 0].max() < 3 * 3333 / 60

    @pytest.mark.parametrize(
        "values", [torch.randn(300, generator=torch.Generator().manual_seed(1)), torch.arange(4.0)]
    )
    def test_the_density_of_the_whole_line_is_one(self, values):
        cells = continuous_cells(1, 16).double()
        cells.begin(values.double()[:, None])
        count = cells.counts.item()
        low, high = float(cells.edges[0, 0]), float(cells.edges[0, count])
        grid = torch.linspace(low - 60, high + 60, 400_001, dtype=torch.float64)[:, None]
        places = cells.positions(grid)
        density = cells.log_density(grid, places).exp()[:, 0] / count
        assert float(torch.trapezoid(density, grid[:, 0])) == pytest.approx(1, abs=1e-3)
        beyond = density[(grid[:, 0] > high)]
        assert float(torch.trapezoid(beyond, dx=float(grid[1] - grid[0]))) == pytest.approx(
            TAIL_SHARE / count, rel=1e-2
        )

    def test_few_rows_have_few_cells(self):
        cells = continuous_cells(1, 128)
        cells.begin(torch.arange(300.0)[:, None])
        assert cells.counts.tolist() == [37]

    def test_draws_spread_over_their_cell(self):
        cells = continuous_cells(1, 4).double()
        cells.begin(torch.arange(100.0, dtype=torch.float64)[:, None])
        assert cells.counts.tolist() == [4]
        assert cells.drawn(torch.tensor([[0], [0], [3]]), torch.tensor([[0.0], [0.5], [1.0]])).flatten().tolist() == [
            -0.5,
            12.0,
            99.5,
        ]
        assert cells.points[0].tolist() == [12.0, 37.0, 62.0, 87.0]  # the middles

    @pytest.mark.parametrize("lowest", [0, 3])
    def test_counts_have_masses(self, lowest):
        cells = ColumnCells(4, torch.tensor([True])).double()
        cells.begin((lowest + torch.arange(30, dtype=torch.float64) ** 2)[:, None])
        count = cells.counts.item()
        assert count == 4
        whole = torch.arange(0.0, 40_000, dtype=torch.float64)[:, None]
        places = cells.positions(whole)
        mass = cells.log_density(whole, places).exp()[:, 0] / count
        beyond = float(mass[whole[:, 0] > lowest + 29**2].sum())
        assert beyond == pytest.approx(TAIL_SHARE / count, rel=1e-3)
        inside = float(mass[(whole[:, 0] >= lowest) & (whole[:, 0] <= lowest + 29**2)].sum())
        assert inside == pytest.approx(1 - TAIL_SHARE / count * (2 if lowest else 1))
        drawn = cells.drawn(
            torch.arange(4).repeat(50)[:, None], torch.linspace(0, 1, 200, dtype=torch.float64)[:, None]
        )
        assert torch.equal(drawn, drawn.round())
        assert torch.equal(cells.positions(drawn)[:, 0], torch.arange(4).repeat(50))

    def test_absent_values_are_left_out_and_constants_have_a_cell(self):
        cells = continuous_cells(2, 4).double()
        values = torch.tensor([[1.0, 3.0], [9.0, 3.0], [2.0, 3.0]], dtype=torch.float64)
        cells.begin(values, torch.tensor([[True, True], [False, True], [True, True]]))
        assert cells.points[0, :2].tolist() == [1.0, 2.0]
        assert cells.counts.tolist() == [2, 1]
        low, high = cells.edges[1, :2]
        assert low < 3 < high


def test_too_many_columns_are_refused():
    with pytest.raises(ParameterError, match="at most 1024; the rows have 2000"):
        Autoregressive().build_joint([Block("continuous", 0, 2000, (2000,))])
