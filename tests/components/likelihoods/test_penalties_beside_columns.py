"""What penalties ask of a likelihood that goes column by column, written out cell by cell."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from isthmus.components.penalties.code_alone import CodeAlone
from isthmus.components.penalties.completion import Completion
from isthmus.components.penalties.without_code import WithoutCode
from isthmus.core.batch import Batch
from isthmus.core.context import Context
from isthmus.core.forward_pass import ForwardPass

from .few_columns import chained_likelihood, hidden, rows


@pytest.fixture
def likelihood():
    return chained_likelihood()


class TestPenaltiesBeside:
    """What ``CodeAlone``, ``Completion`` and ``WithoutCode`` ask of it, written out cell by cell."""

    def forward_pass(self, likelihood, code, shown):
        row, unused = rows(3, seed=5), None
        return ForwardPass(
            Batch(row),
            row,
            unused,
            code,
            unused,
            likelihood(code).observing(shown),
            unused,
            lambda z: likelihood(2 * z + 0.3).observing(shown),
            context=Context(visible=shown, present=shown),
        )

    def test_the_code_alone_is_asked_for_what_is_shown(self, likelihood):
        shown = torch.ones(3, 6, dtype=torch.bool)
        shown[1, 0] = False
        seen = self.forward_pass(likelihood, hidden(3), shown)
        cells, total = likelihood.positions(seen.features, None), torch.zeros((), dtype=torch.float64)
        density = likelihood.log_density(seen.features, cells)
        for place, column in product(range(3), range(6)):
            if shown[place, column]:
                logits = likelihood.alone(hidden(3)[place])[column]
                total -= torch.log_softmax(logits, -1)[cells[place, column]] + density[place, column]
        torch.testing.assert_close(CodeAlone().value(seen), total)

    def test_hidden_cells_are_asked_for_given_visible_ones_and_those_before_them(self, likelihood):
        shown = torch.ones(3, 6, dtype=torch.bool)
        shown[0, [0, 4]] = False  # a number, and its indicator
        shown[2, [1, 2]] = False
        code = hidden(3).requires_grad_()
        seen = self.forward_pass(likelihood, code, shown)
        found = Completion().value(seen)
        cells, total = likelihood.positions(seen.features, None), torch.zeros((), dtype=torch.float64)
        density = likelihood.log_density(seen.features, cells)
        network, points = likelihood.network, likelihood.cells.points
        for place in (0, 2):
            said = hidden(3)[place]
            for column in range(6):
                if shown[place, column]:
                    cell = cells[place, column]
                    said = said + network.given_embedding[network.offsets[column] + cell]
                    if column == 0:
                        said = said + points[0, cell] * network.given_slopes[0]
            for column in likelihood.order:
                cell = cells[place, column]
                if not shown[place, column]:
                    logits = likelihood.logits(network.refined(said, column), column)
                    total -= torch.log_softmax(logits, -1)[cell] + density[place, column]
                said = said + likelihood.embedded(cell, column)
        torch.testing.assert_close(found, total)
        assert torch.autograd.grad(found, code, allow_unused=True)[0] is None  # the code is left as it is
        assert torch.autograd.grad(Completion().value(seen), network.given_embedding)[0].abs().sum() > 0

    def test_without_a_code_rows_of_which_nothing_is_hidden_stand_for_all(self, likelihood):
        shown = torch.ones(3, 6, dtype=torch.bool)
        shown[0, [0, 4]] = False
        code = hidden(3).requires_grad_()
        seen = self.forward_pass(likelihood, code, shown)
        found = WithoutCode().value(seen)
        cells, total = likelihood.positions(seen.features, None), torch.zeros((), dtype=torch.float64)
        density = likelihood.log_density(seen.features, cells)
        for place in (1, 2):
            said = 0.3 + likelihood.network.no_code  # what the decoder says at 0, and that there is no code
            for column in likelihood.order:
                cell = cells[place, column]
                logits = likelihood.logits(likelihood.refined(said, column), column)
                total -= torch.log_softmax(logits, -1)[cell] + density[place, column]
                said = said + likelihood.embedded(cell, column)
        torch.testing.assert_close(found, total * 3 / 2)
        assert torch.autograd.grad(found, code, allow_unused=True)[0] is None
        assert torch.autograd.grad(WithoutCode().value(seen), likelihood.network.no_code)[0].abs().sum() > 0

    def test_absent_cells_are_not_asked_for_without_a_code_either(self, likelihood):
        present = torch.ones(3, 6, dtype=torch.bool)
        present[1, 0] = False
        seen = self.forward_pass(likelihood, hidden(3), present)
        seen = replace(seen, batch=replace(seen.batch, present=present))
        alone = likelihood(torch.full((3, hidden(3).shape[1]), 0.3, dtype=torch.float64)).without_code()
        wanted = -alone.observing(present).log_prob(seen.features).sum()
        torch.testing.assert_close(WithoutCode().value(seen), wanted)

    def test_nothing_hidden_asks_for_nothing(self, likelihood):
        shown = torch.ones(3, 6, dtype=torch.bool)
        assert Completion().value(self.forward_pass(likelihood, hidden(3), shown)) == 0

    def test_rows_that_all_have_hidden_cells_say_nothing_of_whole_ones(self, likelihood):
        shown = torch.ones(3, 6, dtype=torch.bool)
        shown[:, 2] = False
        assert WithoutCode().value(self.forward_pass(likelihood, hidden(3), shown)) == 0
