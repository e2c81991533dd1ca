"""Which levels a column holds and how often: counts that merge, so that chunks and processes give the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from isthmus.core.errors import InputError

from .levels import MOST_CHARACTERS, MOST_LEVELS, Level, Levels, Vocabulary, plain_level


@dataclass(frozen=True)
class LevelCounts:
    """How often each level of a column was seen.

    Attributes
    ----------
    counts : dict
        Rows by level.
    categories : tuple, optional
        The categories that the column's type declares.
    ordered : bool
        Their order means something.
    """

    counts: dict[Level, int]
    categories: tuple[Level, ...] | None = None
    ordered: bool = False

    @classmethod
    def of(cls, cells: np.ndarray, vocabulary: Vocabulary | None) -> LevelCounts:
        """Counts of finite numbers, or of positions (none of them negative) in a vocabulary; shape (n,)."""
        if vocabulary is None:
            values, counts = np.unique(cells, return_counts=True)
            whole = values.astype(np.float64) if values.dtype.kind == "f" else values  # longdouble is not JSON's
            return cls(dict(zip(whole.tolist(), counts.tolist(), strict=True)))
        counts = np.bincount(cells, minlength=len(vocabulary.words))
        seen = {
            plain_level(word): int(count)
            for word, count in zip(vocabulary.words, counts[: len(vocabulary.words)], strict=True)
            if count
        }
        return cls(seen, vocabulary.categories, vocabulary.ordered)

    def merged(self, other: LevelCounts) -> LevelCounts:
        """The counts of both together; categories that only the other declares come last."""
        counts = dict(self.counts)
        for level, count in other.counts.items():
            counts[level] = counts.get(level, 0) + count
        categories = self.categories
        if categories is not None and other.categories is not None and other.categories != categories:
            categories = tuple(dict.fromkeys((*categories, *other.categories)))
        return LevelCounts(counts, categories, self.ordered and other.ordered)

    def check(self, column_name: str) -> None:
        """Raise :class:`InputError`, naming the column, if these cannot be levels."""
        column_name = column_name[:1].upper() + column_name[1:]
        levels = {*self.counts, *(self.categories or ())}
        if len(levels) > MOST_LEVELS:
            raise InputError(
                f"{column_name} has {len(levels):,} levels or more, and a column of levels may have at "
                f"most {MOST_LEVELS:,}. Leave it out, group its rare levels, or declare another kind if it holds "
                "quantities."
            )
        for level in levels:
            if not isinstance(level, str | int | float) or (isinstance(level, float) and not math.isfinite(level)):
                raise InputError(
                    f"{column_name} has the level {level!r:.80} of type {type(level).__name__}; expected "
                    "text, numbers or booleans. Convert the column to text."
                )
            if isinstance(level, str) and len(level) > MOST_CHARACTERS:
                raise InputError(
                    f"{column_name} has a level of {len(level):,} characters, beginning {level[:40]!r}; "
                    f"expected at most {MOST_CHARACTERS:,}. Leave the column out: free text is no category."
                )
        if len({isinstance(level, str) for level in levels}) > 1:
            raise InputError(
                f"{column_name} mixes text and numbers; expected levels of one type. Convert the column to text."
            )

    def finish(self) -> Levels:
        """The levels in their order: that of the categories, or sorted."""
        if self.categories is None:
            return Levels(tuple(sorted(self.counts)))
        return Levels(tuple(one for one in self.categories if one in self.counts), self.categories, self.ordered)

    @property
    def variance(self) -> float:
        """The mean variance of the one-hot features."""
        total = sum(self.counts.values())
        return sum(count / total * (1 - count / total) for count in self.counts.values()) / len(self.counts)
