"""Rows as a tensor has them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from isthmus.core.batch import Batch


@dataclass(frozen=True)
class Source:
    """The rows (n, d) of ``values``, which are features already."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index) -> Batch:
        return Batch(self.values[index])
