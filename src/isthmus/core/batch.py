"""Some rows as tensors, on their way from the schema to the model."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

Index = Tensor | slice


@dataclass(frozen=True, slots=True)
class Batch:
    """The tensors of some rows.

    A model's encoded row is flat, (n, d): first the numbers, then the one-hot levels of categorical columns, then the
    indicators of cells that are missing. A batch holds the numbers, and of the rest only what it is made from:
    ``model.features(batch)`` puts the row together. A batch may also hold whole rows, without ``levels``.

    ``present`` and ``visible`` have one entry per *encoded column*, in the order of the blocks: one for each column of
    numbers, each categorical column (not each of its levels) and each indicator.

    Attributes
    ----------
    values : Tensor, shape (n, numbers) or (n, d)
        The encoded numbers, 0 where a cell is absent; or whole rows. float32, already scaled; or uint8 as the user gave
        them, which the model scales with ``Block.step`` when it needs floats (so images stay a quarter of the size in
        memory).
    present : Tensor of bool, shape (n, columns), optional
        The data has this cell. The loss covers what is present. None: everything is. Indicators of missing cells are
        always present, and not stored where rows are not whole: they are 1 where a cell is neither present nor visible.
    visible : Tensor of bool, shape (n, columns), optional
        The encoder may see this cell. None: it may see what is present. A level that training did not see is visible,
        but not present: it is there, and the model has no word for it.
    extras : dict of str to Tensor
        Row-aligned extras by name (exposure, labels, weights), each of length n.
    condition : Tensor, shape (n, c), optional
        Encoded condition columns: given to encoder and decoder, not modelled.
    levels : Tensor of int32, shape (n, k), optional
        The levels of the k categorical columns in encoded order, from 0; -1 where a cell is absent or unknown. None:
        there are no such columns, or the rows in ``values`` are whole.
    """

    values: Tensor
    present: Tensor | None = None
    visible: Tensor | None = None
    extras: dict[str, Tensor] = field(default_factory=dict)
    condition: Tensor | None = None
    levels: Tensor | None = None

    def __len__(self) -> int:
        return self.values.shape[0]

    def rows(self, index: Index) -> Batch:
        """The rows at ``index``: a slice (no copy) or a tensor of positions."""
        return Batch(
            _take(self.values, index),
            None if self.present is None else _take(self.present, index),
            None if self.visible is None else _take(self.visible, index),
            {name: _take(extra, index) for name, extra in self.extras.items()} if self.extras else self.extras,
            None if self.condition is None else _take(self.condition, index),
            None if self.levels is None else _take(self.levels, index),
        )

    def to(self, device: torch.device | str) -> Batch:
        """The same rows on another device."""
        return Batch(
            self.values.to(device),
            None if self.present is None else self.present.to(device),
            None if self.visible is None else self.visible.to(device),
            {name: extra.to(device) for name, extra in self.extras.items()},
            None if self.condition is None else self.condition.to(device),
            None if self.levels is None else self.levels.to(device),
        )

    @property
    def nbytes(self) -> int:
        """The memory that the tensors take, in bytes."""
        tensors = [self.values, self.present, self.visible, self.condition, self.levels, *self.extras.values()]
        return sum(tensor.nbytes for tensor in tensors if tensor is not None)


def _take(tensor: Tensor, index: Index) -> Tensor:
    return tensor[index] if isinstance(index, slice) else tensor.index_select(0, index)
