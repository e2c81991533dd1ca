"""What was learnt of the columns that are not modelled as numbers: levels, conditions, exposure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from isthmus.core.blocks import MISSING, Block

from .levels import Level, Levels

ASKED, IDENTIFIER, TEXT, MANY_LEVELS, EMPTY = WHY = ("asked", "identifier", "text", "levels", "empty")
"""Why a column is left out."""


@dataclass(frozen=True)
class CategoricalColumn:
    """A modelled column of levels; ``source`` is its position in the user's data."""

    source: int
    levels: Levels


@dataclass(frozen=True)
class ConditionColumn:
    """A column that is known rather than modelled.

    One feature per level if it has ``levels``; else one number, ``(x - shift) * scale``.
    """

    source: int
    levels: Levels | None = None
    shift: float = 0.0
    scale: float = 1.0

    @property
    def width(self) -> int:
        """The features that it becomes."""
        return 1 if self.levels is None else len(self.levels)


@dataclass(frozen=True)
class ExposureColumn:
    """The column that says how long or how much was counted in each row, and its mean in training."""

    source: int
    mean: float


@dataclass(frozen=True)
class IgnoredColumn:
    """A column that is left out.

    Attributes
    ----------
    source : int
        Its position in the user's data.
    why : str
        "asked", "identifier", "text" (free text), "levels" (too many) or "empty" (all cells are missing, and come back
        so).
    categories : tuple, optional
        The categories that an empty column's type declares.
    ordered : bool
        Their order means something.
    """

    source: int
    why: str
    categories: tuple[Level, ...] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class Roles:
    """All columns that are not modelled as numbers.

    Attributes
    ----------
    categorical : tuple of CategoricalColumn
        In encoded order: by the number of levels, then in the user's order.
    condition : tuple of ConditionColumn
        In the user's order.
    exposure : ExposureColumn, optional
    ignored : tuple of IgnoredColumn
        In the user's order.
    """

    categorical: tuple[CategoricalColumn, ...] = ()
    condition: tuple[ConditionColumn, ...] = ()
    exposure: ExposureColumn | None = None
    ignored: tuple[IgnoredColumn, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.categorical or self.condition or self.exposure is not None or self.ignored)

    @property
    def one_hot_width(self) -> int:
        """The features of all categorical columns together."""
        return sum(len(column.levels) for column in self.categorical)

    @property
    def condition_width(self) -> int:
        """The features of all conditions together."""
        return sum(column.width for column in self.condition)

    @cached_property
    def carried(self) -> tuple[int, ...]:
        """The positions of the columns that the model does not give back, in the user's order."""
        exposure = () if self.exposure is None else (self.exposure.source,)
        return tuple(sorted((*(column.source for column in self.condition), *exposure)))

    @cached_property
    def ignored_sources(self) -> tuple[int, ...]:
        """The positions of the columns that are left out, in the user's order."""
        return tuple(column.source for column in self.ignored)

    @cached_property
    def dropped(self) -> tuple[int, ...]:
        """Those of them that do not come back by themselves: all but the empty ones."""
        return tuple(column.source for column in self.ignored if column.why != EMPTY)

    @cached_property
    def levels(self) -> dict[int, Levels]:
        """The levels of all columns that have some, by position."""
        found = {column.source: column.levels for column in self.categorical}
        found.update((column.source, column.levels) for column in self.condition if column.levels is not None)
        return found


def categorical_blocks(
    columns: tuple[CategoricalColumn, ...], variances: Mapping[int, float], start: int
) -> tuple[Block, ...]:
    """One block per number of levels, from feature ``start`` on; ``variances`` are those of the columns' features."""
    blocks = []
    for cardinality in dict.fromkeys(len(column.levels) for column in columns):
        sources = [column.source for column in columns if len(column.levels) == cardinality]
        width = cardinality * len(sources)
        variance = float(np.mean([variances[source] for source in sources]))
        blocks.append(Block("categorical", start, start + width, (width,), variance=variance, cardinality=cardinality))
        start += width
    return tuple(blocks)


def indicator_blocks(rates: Sequence[float], start: int) -> tuple[Block, ...]:
    """The block of indicators from feature ``start`` on, if encoded columns miss cells at these ``rates``."""
    of = tuple(column for column, rate in enumerate(rates) if rate > 0)
    if not of:
        return ()
    variance = float(np.mean([rates[column] * (1 - rates[column]) for column in of]))
    return (Block(MISSING, start, start + len(of), (len(of),), variance=variance, of=of),)


def standardised(column: ConditionColumn, numbers: np.ndarray) -> Tensor:
    """A numeric condition's feature as float32, shape (n,); not finite where float32 cannot hold it."""
    with np.errstate(over="ignore", under="ignore"):
        values = (np.asarray(numbers, dtype=np.float64) - column.shift) * column.scale
        return torch.from_numpy(values.astype(np.float32))
