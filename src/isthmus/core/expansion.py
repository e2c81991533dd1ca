"""From what a batch stores to whole rows of features: numbers, one-hot levels, indicators of missing cells."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .batch import Batch
from .blocks import MISSING, Block


class Expansion(nn.Module):
    """Puts the rows of batches together, as :func:`expanded` describes it, for blocks that stay the same.

    Parameters
    ----------
    blocks : sequence of Block

    Attributes
    ----------
    columns : int
        Encoded columns: one for each number, each categorical column and each indicator.
    indicators : int
        How many of these are indicators.
    """

    column_of: Tensor
    level_starts: Tensor
    spoken_of: Tensor

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.width = sum(block.width for block in blocks)
        self.columns = sum(block.columns for block in blocks)
        repeats = [max(1, block.cardinality) for block in blocks for _ in range(block.columns)]
        starts = [
            first
            for block in blocks
            if block.cardinality
            for first in range(block.start, block.stop, block.cardinality)
        ]
        of = [column for block in blocks if block.kind == MISSING for column in block.of]
        self.indicators = len(of)
        # Derived from the blocks alone, so that they need not be saved.
        column_of = torch.arange(self.columns).repeat_interleave(torch.tensor(repeats))
        self.register_buffer("column_of", column_of, persistent=False)
        self.register_buffer("level_starts", torch.tensor(starts, dtype=torch.int64), persistent=False)
        self.register_buffer("spoken_of", torch.tensor(of, dtype=torch.int64), persistent=False)

    def forward(self, values: Tensor, batch: Batch) -> Tensor:
        """Whole rows (n, d), with 0 in absent cells; ``values`` are the batch's, as floats."""
        present = batch.present
        if values.shape[-1] == self.width:
            return values if present is None else torch.where(self.per_feature(present), values, 0.0)
        whole, numbers = values.new_zeros(len(values), self.width), values.shape[-1]
        # Masking the few columns first is cheaper than their many features afterwards.
        whole[:, :numbers] = values if present is None else torch.where(present[:, :numbers], values, 0.0)
        if batch.levels is not None:
            known = batch.levels >= 0
            if present is not None:
                known &= present[:, numbers : numbers + known.shape[1]]
            places = torch.where(known, batch.levels, 0).long() + self.level_starts
            whole.scatter_(1, places, known.to(whole.dtype))
        if self.indicators and present is not None:
            had = present if batch.visible is None else present | batch.visible
            whole[:, -self.indicators :] = ~had.index_select(1, self.spoken_of)
        return whole

    def per_feature(self, cells: Tensor) -> Tensor:
        """What is said of each encoded column, (..., columns), repeated over the column's features: (..., d)."""
        return cells if self.columns == self.width else cells.index_select(-1, self.column_of)


def expanded(batch: Batch, blocks: Sequence[Block]) -> Tensor:
    """The rows of ``batch`` as features, shape (n, d); rows that are whole already pass through.

    A level of -1 becomes zeros, as do cells that are not ``present``. An indicator is 1 where the data does not have
    the cell of which it speaks: where that is neither ``present`` nor ``visible`` (a level that training did not see is
    visible, and not missing).

    Examples
    --------
    >>> blocks = [Block("continuous", 0, 1, (1,)), Block("categorical", 1, 4, (3,), cardinality=3)]
    >>> batch = Batch(torch.tensor([[0.5], [1.5]]), levels=torch.tensor([[2], [-1]]))
    >>> expanded(batch, blocks).tolist()
    [[0.5, 0.0, 0.0, 1.0], [1.5, 0.0, 0.0, 0.0]]
    """
    return Expansion(blocks)(batch.values, batch)
