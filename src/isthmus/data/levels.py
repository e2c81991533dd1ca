"""Levels: the few values of a column that is not a quantity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Level = str | int | float | bool

MOST_LEVELS = 10_000
MOST_CHARACTERS = 1000
SHOWN = 10


@dataclass(frozen=True)
class Vocabulary:
    """What the cells of a frame's text or category column point to.

    Attributes
    ----------
    words : tuple
        The distinct cells, in no particular order.
    categories : tuple, optional
        All categories that the column's type declares, in their order.
    ordered : bool
        The type says that the order means something.
    """

    words: tuple[Any, ...]
    categories: tuple[Level, ...] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class Levels:
    """The levels of one column that were seen in training.

    Attributes
    ----------
    values : tuple
        All text, or all numbers (whole numbers, fractions, booleans); in the order in which they are encoded.
    categories : tuple, optional
        All categories that the type of a frame's column declares, to give the type back.
    ordered : bool
        That type says that their order means something.

    Examples
    --------
    >>> levels = Levels(("cold", "mild", "warm"))
    >>> levels.positions_of(["warm", "hot"]).tolist(), levels.listed()
    ([2, -1], "'cold', 'mild', 'warm'")
    """

    values: tuple[Level, ...]
    categories: tuple[Level, ...] | None = None
    ordered: bool = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def are_text(self) -> bool:
        return isinstance(self.values[0], str)

    def positions_of(self, values: Iterable[Any]) -> NDArray[np.int64]:
        """The position of each value, -1 where it is no level."""
        places = self._places
        return np.array([places.get(value, -1) if _is_level(value) else -1 for value in values], dtype=np.int64)

    def positions(self, numbers: np.ndarray) -> NDArray[np.int64]:
        """The same for an array of numbers, shape (n,)."""
        if self.are_text:
            return np.full(len(numbers), -1, dtype=np.int64)
        order, table = self._sorted
        nearest = np.minimum(np.searchsorted(table, numbers), len(table) - 1)
        return np.where(table[nearest] == numbers, order[nearest], -1)

    def at(self, positions: NDArray[np.integer], dtype: np.dtype) -> np.ndarray:
        """The levels at some positions, as the data type of numbers, or as objects for text and objects."""
        if self.are_text or dtype.kind == "O":
            table = np.empty(len(self.values), dtype=object)
            table[:] = self.values
            return table[positions]
        return np.array(self.values).astype(dtype)[positions]

    def listed(self) -> str:
        """The first levels in words."""
        shown = ", ".join(f"{value!r:.60}" for value in self.values[:SHOWN])
        return shown if len(self) <= SHOWN else f"{shown}, … ({len(self):,} in all)"

    @cached_property
    def _places(self) -> dict[Level, int]:
        return {value: position for position, value in enumerate(self.values)}

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], np.ndarray]:
        table = np.array(self.values)
        order = np.argsort(table, kind="stable")
        return order, table[order]


def plain_level(value: Any) -> Any:
    """A level as Python's own text or number, whatever numpy calls it."""
    return value.item() if isinstance(value, np.generic) else value


def _is_level(value: Any) -> bool:
    return isinstance(value, str | int | float | np.generic)
