"""Which levels a column holds and how often: counts that merge, so that chunks and processes give the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from isthmus.core.errors import InputError

from .cells import are_present
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
    missing : int
        Rows without a level.
    """

    counts: dict[Level, int]
    categories: tuple[Level, ...] | None = None
    ordered: bool = False
    missing: int = 0

    @classmethod
    def of(cls, cells: np.ndarray, vocabulary: Vocabulary | None) -> LevelCounts:
        """Counts of numbers, or of positions in a vocabulary; shape (n,). Those missing are NaN, or -1."""
        present = are_present(cells, vocabulary is not None)
        missing = len(cells) - int(np.count_nonzero(present))
        if missing:
            return replace(cls.of(cells[present], vocabulary), missing=missing)
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
        return LevelCounts(counts, categories, self.ordered and other.ordered, self.missing + other.missing)

    @property
    def present(self) -> int:
        """Rows with a level."""
        return sum(self.counts.values())

    @property
    def are_too_many(self) -> bool:
        """More levels than a column may have."""
        return max(len(self.counts), len(self.categories or ())) > MOST_LEVELS

    @property
    def mean_characters(self) -> float:
        """The mean length of the texts among the rows."""
        lengths = sum(len(level) * count for level, count in self.counts.items() if isinstance(level, str))
        return lengths / max(1, self.present)

    @property
    def longest(self) -> int:
        """The length of the longest text."""
        return max((len(level) for level in self.counts if isinstance(level, str)), default=0)

    def check(self, column_name: str) -> None:
        """Raise :class:`InputError`, naming the column, if these cannot be levels."""
        capitalised = column_name[:1].upper() + column_name[1:]
        levels = {*self.counts, *(self.categories or ())}
        if len(levels) > MOST_LEVELS:
            raise InputError(
                f"{capitalised} has {len(levels):,} levels or more, and a column of levels may have at "
                f"most {MOST_LEVELS:,}. Leave it out, group its rare levels, or declare another kind if it holds "
                "quantities."
            )
        for level in levels:
            if isinstance(level, str) and len(level) > MOST_CHARACTERS:
                raise InputError(
                    f"{capitalised} has a level of {len(level):,} characters, beginning {level[:40]!r}; "
                    f"expected at most {MOST_CHARACTERS:,}. Leave the column out: free text is no category."
                )
        self.check_types(column_name)

    def check_types(self, column_name: str) -> None:
        """Raise :class:`InputError`, naming the column, unless all levels are text, or all are numbers."""
        column_name = column_name[:1].upper() + column_name[1:]
        levels = {*self.counts, *(self.categories or ())}
        for level in levels:
            if not isinstance(level, str | int | float) or (isinstance(level, float) and not math.isfinite(level)):
                raise InputError(
                    f"{column_name} has the level {level!r:.80} of type {type(level).__name__}; expected "
                    "text, numbers or booleans. Convert the column to text."
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
        total = self.present
        return sum(count / total * (1 - count / total) for count in self.counts.values()) / len(self.counts)
