"""Corruptions that make sense for some kinds of columns only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError


def addressed(owner: str, blocks: Sequence[Block], kinds: Sequence[str], remedy: str) -> list[tuple[Block, slice]]:
    """The blocks of these kinds, each with its place in the noise, which has a number for each of their features.

    Raises
    ------
    ParameterError
        There are none: the corruption would do nothing.
    """
    found = [block for block in blocks if block.kind in kinds]
    if not found:
        got = " and ".join(dict.fromkeys(block.kind for block in blocks))
        raise ParameterError(
            f"corruption {owner} damages {' and '.join(kinds)} columns; the data has {got} ones only. {remedy}"
        )
    stops = list(accumulate(block.width for block in found))
    return [(block, slice(stop - block.width, stop)) for block, stop in zip(found, stops, strict=True)]
