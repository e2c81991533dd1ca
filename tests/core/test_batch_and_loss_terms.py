"""Batches are indexed without copies where possible; losses are sums until the very end."""

from dataclasses import replace

import pytest
import torch

from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.context import Context
from isthmus.core.expansion import Expansion, expanded
from isthmus.core.loss_terms import LossTerms


def batch() -> Batch:
    values = torch.arange(12.0).reshape(4, 3)
    return Batch(values, present=values > 2, extras={"weight": torch.arange(4)})


def test_rows_by_slice_share_memory_and_rows_by_index_carry_everything():
    whole = batch()
    assert whole.rows(slice(1, 3)).values.data_ptr() == whole.values[1:].data_ptr()
    some = whole.rows(torch.tensor([3, 0]))
    assert some.values.tolist() == [[9, 10, 11], [0, 1, 2]]
    assert some.present is not None
    assert some.present.tolist() == [[True] * 3, [False] * 3]
    assert some.visible is None
    assert some.extras["weight"].tolist() == [3, 0]
    assert len(some) == 2


def test_conditions_go_with_their_rows():
    whole = batch()
    assert whole.condition is None
    assert whole.rows(slice(0, 2)).condition is None
    assert whole.to("cpu").condition is None
    known = Batch(whole.values, condition=torch.arange(8.0).reshape(4, 2))
    assert known.rows(torch.tensor([3, 0])).condition.tolist() == [[6, 7], [0, 1]]
    assert known.rows(slice(1, 3)).condition.data_ptr() == known.condition[1:].data_ptr()
    assert known.to("cpu").condition.tolist() == known.condition.tolist()
    assert known.nbytes == 12 * 4 + 8 * 4
    assert Batch(whole.values, None, None, {"weight": torch.ones(4)}).extras["weight"].tolist() == [1] * 4


def test_size_in_bytes():
    assert batch().nbytes == 12 * 4 + 12 + 4 * 8


def test_levels_and_masks_go_with_their_rows():
    cells = torch.tensor([[True, False], [False, True], [True, True]])
    whole = Batch(torch.zeros(3, 1), cells, ~cells, levels=torch.tensor([[2], [-1], [0]], dtype=torch.int32))
    for some in (whole.rows(slice(1, 3)), whole.rows(torch.tensor([1, 2])), whole.rows(slice(1, 3)).to("cpu")):
        assert some.levels.tolist() == [[-1], [0]]
        assert some.levels.dtype == torch.int32
        assert some.present.tolist() == [[False, True], [True, True]]
        assert some.visible.tolist() == [[True, False], [False, False]]
    assert whole.nbytes == 3 * 4 + 6 + 6 + 3 * 4


def test_contexts_change_with_all_that_they_have():
    cells = torch.tensor([[True, False], [False, True]])
    known = Context(torch.eye(2), None, cells, ~cells)
    twice = known.changed(lambda tensor: tensor.repeat(2, 1))
    assert [None if one is None else len(one) for one in (twice.condition, twice.exposure, twice.visible)] == [
        4,
        None,
        4,
    ]
    assert torch.equal(twice.present[2:], ~cells)
    assert torch.equal(known[1:].visible, cells[1:])
    assert torch.equal(known.to("cpu").present, ~cells)
    assert known.seeing(None).visible is None
    assert torch.equal(known.seeing(~cells).visible, known.present)


def test_rows_are_put_together_from_numbers_levels_and_holes():
    blocks = [
        Block("count", 0, 1, (1,)),
        Block("categorical", 1, 5, (4,), cardinality=2),
        Block("categorical", 5, 8, (3,), cardinality=3),
        Block("missing", 8, 10, (2,), of=(0, 3)),
    ]
    present = torch.tensor([[1, 1, 1, 0, 1, 1], [0, 1, 0, 1, 1, 1]]).bool()
    levels = torch.tensor([[1, 0, -1], [0, 1, 2]], dtype=torch.int32)
    rows = expanded(Batch(torch.tensor([[5.0], [7.0]]), present, levels=levels), blocks)
    assert rows.tolist() == [[5, 0, 1, 1, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0, 1, 1, 0]]
    assert expanded(Batch(rows), blocks) is rows
    assert [block.columns for block in blocks] == [1, 2, 1, 2]
    assert Expansion(blocks).columns == 6
    only_levels = Batch(torch.zeros(1, 0), levels=torch.tensor([[1, 0, 2]], dtype=torch.int32))
    assert expanded(
        only_levels, [replace(one, start=one.start - 1, stop=one.stop - 1) for one in blocks[1:3]]
    ).tolist() == [[0, 1, 1, 0, 0, 0, 1]]


def test_the_total_is_weighted_and_divided_by_the_rows_once():
    terms = LossTerms({"reconstruction": torch.tensor(10.0), "kl": torch.tensor(6.0)}, {"kl": 0.5}, rows=4)
    assert float(terms.total) == (10 + 3) / 4
    with pytest.raises(ValueError, match="at least one part"):
        _ = LossTerms({}, {}, 1).total


def test_blocks_round_trip():
    block = Block("unit-interval", 2, 66, (8, 8), step=1 / 16, variance=0.1)
    assert block.width == 64
    assert Block.from_json(block.to_json()) == block
    assert set(block.to_json()) == {"kind", "start", "stop", "shape", "step", "variance"}
    levels = Block("categorical", 0, 6, (6,), cardinality=3)
    assert levels.to_json()["cardinality"] == 3
    assert "mean" not in levels.to_json()
    assert Block.from_json(levels.to_json()) == levels
    counts = Block("count", 0, 6, (6,), mean=2.5)
    assert counts.to_json()["mean"] == 2.5
    assert Block.from_json(counts.to_json()) == counts
    indicators = Block("missing", 6, 8, (2,), of=(0, 4))
    assert indicators.to_json()["of"] == [0, 4]
    assert "of" not in counts.to_json()
    assert Block.from_json(indicators.to_json()) == indicators
