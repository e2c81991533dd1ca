"""Columns that are left out unless the user says what they are: identifiers, free text, columns without any cell."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from isthmus.core.errors import DataWarning

from .assignment import WORDS, Assignment
from .details import ColumnDetails
from .kinds import Categorical
from .level_counts import LevelCounts
from .levels import MOST_CHARACTERS, MOST_LEVELS
from .matrix import ColumnType
from .quantiles import EXACT_ROWS
from .role_statistics import RoleStatistics
from .roles import ASKED, EMPTY, IDENTIFIER, MANY_LEVELS, TEXT, IgnoredColumn
from .statistics import ColumnStatistics, Floats

FEWEST_WORDS = 20
"""Of fewer rows nothing is concluded: a few distinct names may well be categories."""

MOSTLY_DISTINCT, NEARLY_DISTINCT = 0.5, 0.75
LONG_TEXT = 40

FEWEST_NUMBERS = 100
SPARSEST = 4
"""Distinct whole numbers are row numbers, or a part of them, if their range is at most this many times their count:
measurements that fall that close together would coincide somewhere (of 100 numbers out of 400, with probability
1 - 1e-6)."""

STRAIGHT = 0.005
ROW_NUMBERS = "whole numbers that are all distinct and close together, as row numbers are"
SHOWN = 10
_CATEGORY_TYPES = ("category", "dictionary", "Categorical", "Enum")


def left_out(
    assignment: Assignment,
    types: Sequence[ColumnType],
    statistics: ColumnStatistics | None,
    details: ColumnDetails | None,
    roles: Mapping[int, RoleStatistics],
) -> dict[int, tuple[IgnoredColumn, str]]:
    """The columns to leave out by position, each with the reason in words (empty: the user asked for it)."""
    found = {place: (IgnoredColumn(place, ASKED), "") for place in assignment.ignored}
    for place, one in roles.items():
        if one.role in (WORDS, Categorical.name):
            because = _words(one, types[place if len(types) > 1 else 0])
            if because is not None:
                why, words = because
                counts = one.counts if why == EMPTY else None
                categories, ordered = (None, False) if counts is None else (counts.categories, counts.ordered)
                found[place] = IgnoredColumn(place, why, categories, ordered), words
    if statistics is None:
        return found
    counted = np.broadcast_to(statistics.count, len(statistics.mean))
    for column, place in enumerate(assignment.numbers.tolist()):
        if counted[column] == 0:
            found[place] = IgnoredColumn(place, EMPTY), ""
        elif (
            details is not None
            and assignment.asked[place] == "auto"
            and types[place].dtype.kind in "iu"
            and _fits_row_numbers(statistics, column, int(counted[column]))
            and _are_distinct(details.ordered(column), int(counted[column]))
        ):
            found[place] = IgnoredColumn(place, IDENTIFIER), ROW_NUMBERS
    return found


def warn_of_left_out(names: Mapping[int, str], left: Mapping[int, tuple[IgnoredColumn, str]], stacklevel: int) -> None:
    """Say which columns are left out and why, and what to do about it; ``names`` are the users' by position."""
    empty = [names[place] for place, (column, _) in left.items() if column.why == EMPTY]
    if empty:
        warnings.warn(
            f"All cells are missing in {_listed(empty)}. Nothing can be learnt there: such a column is left out of the "
            "model, and comes back missing.",
            DataWarning,
            stacklevel=stacklevel + 1,
        )
    guessed = [(names[place], column.why, words) for place, (column, words) in left.items() if words]
    if guessed:
        named = next((one for one in guessed if one[1] != MANY_LEVELS), guessed[0])
        kind = "continuous" if named[2] == ROW_NUMBERS else "categorical"
        model = f'To model a column all the same, say what it is: schema={{{named[0]}: "{kind}"}}; '
        warnings.warn(
            f"{_columns(len(guessed))} left out of the model: "
            f"{_listed([f'{name} ({words})' for name, _, words in guessed])}. Sampled rows will not have "
            f"{'it' if len(guessed) == 1 else 'them'}. {'' if named[1] == MANY_LEVELS else model}"
            f'schema={{{named[0]}: "ignore"}} leaves it out without this warning.',
            DataWarning,
            stacklevel=stacklevel + 1,
        )


def _words(one: RoleStatistics, column_type: ColumnType) -> tuple[str, str] | None:
    """Why levels are left out: the reason's name, and in words."""
    counts = one.counts
    if counts is not None and counts.present == 0:
        return EMPTY, ""
    if one.role != WORDS:
        return None
    if counts is None or counts.are_too_many:
        return MANY_LEVELS, f"more than {MOST_LEVELS:,} levels"
    if counts.longest > MOST_CHARACTERS:
        return TEXT, f"text of up to {counts.longest:,} characters"
    if counts.present < FEWEST_WORDS or column_type.native.startswith(_CATEGORY_TYPES):
        return None
    return _distinct_words(counts)


def _distinct_words(counts: LevelCounts) -> tuple[str, str] | None:
    share, length = len(counts.counts) / counts.present, counts.mean_characters
    if share > MOSTLY_DISTINCT and length >= LONG_TEXT:
        return TEXT, f"free text of {length:.0f} characters on average"
    if share >= NEARLY_DISTINCT:
        return IDENTIFIER, f"{len(counts.counts):,} of {counts.present:,} values are distinct, as in an identifier"
    return None


def _fits_row_numbers(statistics: ColumnStatistics, column: int, count: int) -> bool:
    low, high = statistics.low[column], statistics.high[column]
    return bool(count >= FEWEST_NUMBERS and statistics.integer[column] and count <= high - low + 1 <= SPARSEST * count)


def _are_distinct(ordered: Floats, count: int) -> bool:
    """All values differ; of more rows than a sketch holds, their quantiles lie on a line, as those of row numbers."""
    if len(ordered) < min(count, EXACT_ROWS) or not bool((np.diff(ordered) > 0).all()):
        return False
    if count <= EXACT_ROWS:
        return True
    line = np.linspace(ordered[0], ordered[-1], len(ordered))
    return bool(np.abs(ordered - line).max() <= STRAIGHT * (ordered[-1] - ordered[0]))


def _columns(count: int) -> str:
    return "1 column is" if count == 1 else f"{count} columns are"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:SHOWN]) + (", …" if len(words) > SHOWN else "")
