"""What the cells of one column may be in rows that are asked for, in the user's words and as features."""

from __future__ import annotations

import decimal
import math
import numbers
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from isthmus.core.blocks import Block
from isthmus.core.errors import InputError

from .datetimes import TimeType
from .levels import Levels, plain_level
from .resolution import rounded

if TYPE_CHECKING:
    from .schema import Schema

MISSING = "missing"
"""How a missing cell can be asked for, besides None, NaN and the like, where it is no level."""

SHOWN = 8


@dataclass(frozen=True)
class ColumnRule:
    """What the cells of one encoded column may be: one of some numbers, a range of them, or some levels.

    Attributes
    ----------
    source : int
        The user's column.
    column : int
        The encoded one, as the blocks count them; that of the indicator where it is asked whether a cell is missing.
    start, stop : int
        Its features.
    words : str
        For messages: "column 'age' from 30 to 40".
    points : tuple of float
        The features that a number may be; empty for a range, and for levels.
    values : tuple of float
        The same in the user's units; empty for indicators.
    low, high : float
        A number's feature lies between these, if it is a range: all that is decoded to a value in it.
    ends : (float, float)
        The first and last value of the range that the column can hold, in the user's units.
    levels : tuple of bool
        For each level whether it is allowed; empty for numbers.
    """

    source: int
    column: int
    start: int
    stop: int
    words: str
    points: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    ends: tuple[float, float] = (-math.inf, math.inf)
    levels: tuple[bool, ...] = ()

    @property
    def is_range(self) -> bool:
        """The cells are numbers between two others."""
        return not self.points and not self.levels

    @property
    def is_exact(self) -> bool:
        """There is one value only."""
        return len(self.points) == 1 or sum(self.levels) == 1


class ColumnRules:
    """From what users write for a column to rules.

    Parameters
    ----------
    schema : Schema
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._encoded: dict[int, tuple[int, int, Block]] = {}
        self._indicators: dict[int, tuple[int, int]] = {}
        sources, column = schema.encoded_sources, 0
        for block in schema.blocks:
            for place in range(block.columns):
                start = block.start + place * max(1, block.cardinality)
                if block.of:
                    self._indicators[sources[column]] = (column, start)
                else:
                    self._encoded[sources[column]] = (column, start, block)
                column += 1

    def of(self, source: int, asked: Any) -> tuple[ColumnRule, ...]:
        """The rules that a column's cells follow.

        Parameters
        ----------
        source : int
            A modelled column of the user's.
        asked : value, tuple or list, set
            A tuple (low, high) is a range of a column of numbers, either end may be None; a list, a set, and any tuple
            for a column of levels holds what is allowed; None, NaN and "missing" are missing cells.

        Raises
        ------
        InputError
            Names the column, and what it takes.
        """
        name, levels = self._name(source), self._schema.roles.levels.get(source)
        if isinstance(asked, tuple) and levels is None:
            return self._present(source, self._range(source, asked))
        if isinstance(asked, list | tuple | set | frozenset | range):
            several = list(asked)
            if not several:
                raise InputError(f"`given` allows nothing for {name}: the list is empty. Leave the column out.")
            if len(several) > 1 and any(is_missing(one) for one in several):
                raise InputError(
                    f"`given` mixes a missing cell with values for {name}. Ask for None alone, or for values alone."
                )
        else:
            several = [asked.item() if getattr(asked, "ndim", None) == 0 else asked]
        is_level = levels is not None and levels.positions_of([plain_level(several[0])])[0] >= 0
        if not is_level and len(several) == 1 and (is_missing(several[0]) or _is_word(several[0])):
            return (self._absent(source),)
        if levels is not None:
            return self._present(source, self._levels(source, levels, several))
        return self._present(source, self._numbers(source, several))

    def balanced(self, source: int) -> list[Any]:
        """The values of a column that rows can be drawn in equal numbers of.

        Raises
        ------
        InputError
            It holds numbers of many values.
        """
        levels = self._schema.roles.levels.get(source)
        if levels is not None:
            return list(levels.values)
        _, _, block = self._encoded[source]
        columns = self._schema.columns
        place = int(np.flatnonzero(columns.source == source)[0])
        low, high = float(columns.low[place]), float(columns.high[place])
        if block.kind == "binary":
            return [0.0, 1.0]
        if self._is_whole(source, place) and high - low < MOST_NUMBERS:
            return [float(value) for value in range(math.ceil(low), math.floor(high) + 1)]
        raise InputError(
            f"`balanced` needs a column of levels, or of at most {MOST_NUMBERS} whole numbers; {self._name(source)} "
            f"holds numbers from {self._text(source, low)} to {self._text(source, high)}. Fit with "
            f'schema={{{self._key(source)!r}: "categorical"}} if they are few, or draw from one range after the other: '
            f"given={{{self._key(source)!r}: (low, high)}}."
        )

    # Rules

    def _present(self, source: int, rule: ColumnRule) -> tuple[ColumnRule, ...]:
        """The cell is there, besides."""
        if source not in self._indicators:
            return (rule,)
        column, start = self._indicators[source]
        return ColumnRule(source, column, start, start + 1, rule.words, points=(0.0,)), rule

    def _absent(self, source: int) -> ColumnRule:
        name = self._name(source)
        if source not in self._indicators:
            raise InputError(
                f"`given` asks for missing cells of {name}, which had none in training, so that the model draws none. "
                "Ask for values, or leave the column out."
            )
        column, start = self._indicators[source]
        return ColumnRule(source, column, start, start + 1, f"{name} missing", points=(1.0,))

    def _levels(self, source: int, levels: Levels, asked: list[Any]) -> ColumnRule:
        plain = [self._level(source, one) for one in asked]
        places = levels.positions_of(plain)
        bad = np.flatnonzero(places < 0)
        if len(bad):
            raise InputError(
                f"`given` has the level {plain[bad[0]]!r:.80} for {self._name(source)}, which was not seen in "
                f"training. Known levels: {levels.listed()}. Pass only levels seen in training."
            )
        column, start, block = self._encoded[source]
        allowed = set(places.tolist())
        words = f"{self._name(source)} {_listed([repr(levels.values[place]) for place in sorted(allowed)])}"
        mask = tuple(place in allowed for place in range(block.cardinality))
        return ColumnRule(source, column, start, start + block.cardinality, words, levels=mask)

    def _level(self, source: int, value: Any) -> Any:
        time = self._time(source)
        return plain_level(value) if time is None else self._moment(source, time, value)

    def _numbers(self, source: int, asked: list[Any]) -> ColumnRule:
        column, start, _ = self._encoded[source]
        values = tuple(sorted({self._number(source, one) for one in asked}))
        place = int(np.flatnonzero(self._schema.columns.source == source)[0])
        for value in values:
            self._check_value(source, place, value)
        words = f"{self._name(source)} {_listed([self._text(source, value) for value in values])}"
        points = tuple(self._feature(place, value) for value in values)
        return ColumnRule(source, column, start, start + 1, words, points=points, values=values)

    def _check_value(self, source: int, place: int, value: float) -> None:
        name, text = self._name(source), self._text(source, value)
        low, high = self._limits(source, place)
        if not low <= value <= high:
            raise InputError(
                f"`given` has {text} for {name}, which held {self._text(source, low)} to {self._text(source, high)} in "
                "training: the model makes no such rows. Ask for a value in that range, or fit with "
                "extrapolate=True."
            )
        if self._is_whole(source, place) and value != round(value):
            raise InputError(f"`given` has {text} for {name}, which holds whole numbers. Ask for a whole number.")

    def _range(self, source: int, asked: tuple[Any, ...]) -> ColumnRule:
        name = self._name(source)
        if len(asked) != 2 or all(one is None for one in asked):
            raise InputError(
                f"`given` has {asked!r:.80} for {name}; expected a range (low, high), of which one end may be None, or "
                "a list of the values that are allowed."
            )
        place = int(np.flatnonzero(self._schema.columns.source == source)[0])
        floor, ceiling = self._limits(source, place)
        low, high = (None if one is None else self._number(source, one) for one in asked)
        if low is not None and high is not None and low > high:
            raise InputError(
                f"`given` has a range from {self._text(source, low)} to {self._text(source, high)} for {name}: its low "
                "end is above its high end. Swap them."
            )
        first, last = floor if low is None else max(low, floor), ceiling if high is None else min(high, ceiling)
        ends = f"from {'any' if low is None else self._text(source, low)}"
        words = f"{name} {ends} to {'any' if high is None else self._text(source, high)}"
        if first > last:
            raise InputError(
                f"`given` asks for {words}, but it held {self._text(source, floor)} to {self._text(source, ceiling)} "
                "in training: the model makes no such rows. Ask for a range that overlaps with that."
            )
        step = self._step(source, place)
        first, last = self._snapped(source, first, step, up=True), self._snapped(source, last, step, up=False)
        if first > last:
            raise InputError(
                f"`given` asks for {words}, where it holds no value: those of training are multiples of {step:g}. "
                "Widen the range."
            )
        if first == last or self._encoded[source][2].kind == "binary":
            return self._numbers(source, [one for one in {first, last} if math.isfinite(one)])
        column, start, _ = self._encoded[source]
        # Everything that decoding holds to the range of training, or rounds to a value of the range, is in it.
        below = -math.inf if first <= floor else self._feature(place, first - step / 2)
        above = math.inf if last >= ceiling else self._feature(place, last + step / 2)
        return ColumnRule(source, column, start, start + 1, words, low=below, high=above, ends=(first, last))

    # Numbers

    def _number(self, source: int, value: Any) -> float:
        time, name = self._time(source), self._name(source)
        if time is not None:
            number = self._moment(source, time, value)
        elif isinstance(value, numbers.Real | decimal.Decimal | np.bool_):
            if isinstance(value, bool | np.bool_) and self._encoded[source][2].kind != "binary":
                raise InputError(f"`given` has {value!r} for {name}, which holds numbers; expected a number.")
            number = float(value)
        else:
            raise InputError(
                f"`given` has {value!r:.80} for {name}, which holds numbers; expected a number, a range (low, high), "
                "or a list of numbers."
            )
        if not math.isfinite(number):
            raise InputError(f"`given` has {value!r:.80} for {name}; expected a finite number.")
        return number

    def _moment(self, source: int, time: TimeType, value: Any) -> float:
        try:
            return time.number(value)
        except ValueError as error:
            raise InputError(
                f"`given` for {self._name(source)}: {error}. Pass a {time.words} of the datetime module, or ISO text."
            ) from error

    def _feature(self, place: int, value: float) -> float:
        columns = self._schema.columns
        curve, mapped = columns.curves.get(place), np.array([value])
        if curve is not None:
            mapped = curve.forward(mapped)
        return float((mapped[0] - columns.shift[place]) * columns.scale[place])

    def _limits(self, source: int, place: int) -> tuple[float, float]:
        """The values that decoding gives back."""
        columns, kind = self._schema.columns, self._encoded[source][2].kind
        if self._schema.within_range or kind in ("binary", "unit-interval"):
            return float(columns.low[place]), float(columns.high[place])
        return (0.0 if kind == "count" else -math.inf), math.inf

    def _is_whole(self, source: int, place: int) -> bool:
        dtype = self._schema.types[source if self._schema.labels is not None else 0].dtype
        return self._time(source) is None and (dtype.kind in "iub" or self._encoded[source][2].kind == "count")

    def _step(self, source: int, place: int) -> float:
        """Decoded values are multiples of it; 0 if of none."""
        if self._is_whole(source, place):
            return 1.0
        steps = self._schema.columns.step
        return 0.0 if steps is None else float(steps[place])

    def _snapped(self, source: int, value: float, step: float, up: bool) -> float:
        """The next multiple of the step, inside of the range."""
        if step == 0 or not math.isfinite(value):
            return value
        time = self._time(source)
        nearest = float(rounded(np.array([value]), step, time)[0])
        if (nearest < value) if up else (nearest > value):
            nearest = float(rounded(np.array([nearest + (step if up else -step)]), step, time)[0])
        return nearest

    # Words

    def _time(self, source: int) -> TimeType | None:
        return None if self._schema.labels is None else TimeType.of(self._schema.types[source].native)

    def _text(self, source: int, value: float) -> str:
        time = self._time(source)
        return f"{value:.10g}" if time is None or not math.isfinite(value) else time.text(value)

    def _name(self, source: int) -> str:
        return self._schema.column_name(source)

    def _key(self, source: int) -> Any:
        return source if self._schema.labels is None else self._schema.labels[source]


MOST_NUMBERS = 20
"""Whole numbers of so many values can be balanced."""


def is_missing(value: Any) -> bool:
    """Whether it stands for a missing cell in any of the libraries."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return isinstance(value, float | np.floating) and math.isnan(value)


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and value == MISSING


def _listed(texts: Collection[str]) -> str:
    shown = list(texts)[:SHOWN]
    return " or ".join(shown) if len(texts) <= SHOWN else f"{', '.join(shown)}, … ({len(texts)} in all)"
