"""Rows by position: what training and inference read, wherever the rows live."""

from __future__ import annotations

from typing import Protocol

from .batch import Batch, Index


class RowSource(Protocol):
    """Rows by position, as :class:`isthmus.data.rows.Rows` gives them."""

    def __len__(self) -> int: ...

    def take(self, index: Index) -> Batch:
        """The encoded rows at a slice or at a tensor of positions."""
        ...
