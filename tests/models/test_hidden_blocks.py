"""What members say of cells that they are not shown: against asking each of them for everything."""

from __future__ import annotations

import pytest
import torch

from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator
from isthmus.models.ensemble import EnsembleSpec
from isthmus.models.hidden_blocks import MOST_PASSES, HiddenBlocks, hidden_by


@pytest.mark.parametrize(("columns", "members"), [(1, 1), (1, 8), (3, 2), (10, 8), (36, 8), (100, 3), (1555, 8)])
def test_every_column_is_hidden_from_some_member_in_few_passes(columns: int, members: int) -> None:
    hides = hidden_by(columns, members)
    assert hides.shape[0] <= MOST_PASSES
    assert hides.shape[1:] == (members, columns)
    assert int(hides.sum((0, 1)).min()) >= 1
    # Neighbouring columns, which may tell the same, are not hidden together if there is time for two blocks.
    if columns > 1 and members * MOST_PASSES > 1:
        assert not (hides[..., 1:] & hides[..., :-1]).any()


def blocks(columns: int) -> list[Block]:
    """Numbers, and two columns of three levels behind them if there is room."""
    if columns < 3:
        return [Block("continuous", 0, columns, (columns,))]
    numbers = columns - 2
    return [
        Block("continuous", 0, numbers, (numbers,)),
        Block("categorical", numbers, numbers + 6, (6,), cardinality=3),
    ]


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize(("columns", "members"), [(1, 3), (3, 2), (5, 8), (11, 2), (40, 3)])
def test_the_answers_are_those_of_members_that_do_not_see_the_cell(columns: int, members: int, holes: bool) -> None:
    model = EnsembleSpec(members, (9, 7)).build(blocks(columns), torch_generator(0)).eval()
    model.low.fill_(-2.0)
    model.high.fill_(2.0)
    for layer in (model.network[0], model.network[-1]):
        layer.bias.data.normal_(generator=torch_generator(1))
    column_of = torch.arange(columns).repeat_interleave(
        torch.tensor([max(1, block.cardinality) for block in model.blocks for _ in range(block.columns)])
    )
    hiding = HiddenBlocks(column_of, columns, members)
    rows = torch.randn(6, model.width, generator=torch_generator(2))
    visible = torch.rand(6, columns, generator=torch_generator(3)) < 0.7 if holes else torch.ones(6, columns).bool()
    seen = (~hiding.hides).float()
    asked = zip(seen, hiding.asked, strict=True)
    with torch.inference_mode():
        found = hiding.gathered([model.raw(rows, visible.float() if holes else None, *one) for one in asked])
        whole = [model.raw(rows, (~hides)[:, None] & visible) for hides in hiding.hides]
    times = torch.zeros(columns, dtype=torch.int64)
    for hides, answers in zip(hiding.hides, whole, strict=True):
        for member in range(members):
            for column in hides[member].nonzero().flatten().tolist():
                features = column_of == column
                round_ = int(times[column])
                assert hiding.covered[round_, column]
                torch.testing.assert_close(found[round_][:, features], answers[member][:, features])
                times[column] += 1
    assert torch.equal(times, hiding.covered.sum(0))
    assert int(times.min()) >= 1


def test_values_of_rounds_and_of_members_are_the_same_ones() -> None:
    hiding = HiddenBlocks(torch.arange(5), 5, 4)  # eight turns for five blocks: three are hidden twice
    values = torch.arange(10.0).reshape(2, 5) + 1
    by_member = hiding.of_members(values)
    assert by_member.shape == hiding.hides.shape
    assert torch.equal(by_member > 0, hiding.hides)
    assert hiding.covered.int().tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert torch.equal(hiding.of_rounds(by_member) * hiding.covered, values * hiding.covered)
