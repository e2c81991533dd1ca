"""How many rows go through a model together where nothing else says so."""

from __future__ import annotations

CELLS = 1 << 22


def rows_at_once(most: int, width: int, cells: int = CELLS) -> int:
    """``most``, or fewer where rows of ``width`` features are long: at most ``cells`` numbers in all, and one row.

    The maps of convolutions take tens of times as much memory as the images that they are made of.

    >>> [rows_at_once(4096, width) for width in (64, 784, 64 * 64 * 3, 256 * 256 * 3)]
    [4096, 4096, 341, 21]
    """
    return max(1, min(most, cells // max(1, width)))
