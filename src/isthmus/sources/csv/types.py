"""A column of cells to the type that all of them have."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "Null", "null", "None", "?")
"""What stands for a missing cell in columns that are not text."""

BOOLEANS = ("true", "false", "True", "False", "TRUE", "FALSE")

INTEGER = r"^[+-]?(0|[1-9][0-9]*)$"
NUMBER = r"(?i)^[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity)$"
LEADING_ZERO = r"^[+-]?0[0-9]+$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
DURATION = r"^-?PT[0-9]+(\.[0-9]{1,9})?S$"

MOSTLY = 0.9
"""The share of cells that are numbers from which on the others look like mistakes."""


def typed(texts: Any) -> Any:
    """The cells in their common type, or ``texts`` itself if that is text.

    Examples
    --------
    >>> typed(pa.chunked_array([["1", None, "-3"]])).to_pylist(), typed(pa.chunked_array([["007"]])).to_pylist()
    ([1, None, -3], ['007'])
    >>> typed(pa.chunked_array([["2024-02-29", "NA"]])).type
    DataType(date32[day])
    """
    values = _present(texts)
    first = next((value.as_py() for chunk in values.chunks for value in chunk.drop_null()[:1]), None)
    if first is None:
        return pa.chunked_array([pa.nulls(len(texts), pa.float64())])
    # One cell says most: whole columns are looked at only by those that may be right.
    if _all(pa.array([first]), INTEGER) and _all(values, INTEGER):
        return _whole(values, otherwise=texts)
    for attempt in (_number, _boolean, _date, _time, _duration):
        if attempt(pa.chunked_array([[first]])) is not None:
            found = attempt(values)
            if found is not None:
                return found
    return texts


def almost_numbers(texts: Any) -> tuple[int, int] | None:
    """Of a column of text: the first cell that is no number, and how many are, if these are nearly all."""
    values = _present(texts)
    numbers = pc.and_(
        pc.match_substring_regex(values, NUMBER), pc.invert(pc.match_substring_regex(values, LEADING_ZERO))
    )
    count = pc.sum(numbers).as_py() or 0
    present = len(values) - values.null_count
    return (pc.index(numbers, False).as_py(), count) if MOSTLY * present <= count < present else None


def missing_marks(texts: Any) -> set[str]:
    """Which words stand for missing cells in a column that is not text."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return {mark for mark in MISSING if mark and pc.index(trimmed, mark).as_py() >= 0}


def without_marks(texts: Any, marks: set[str]) -> Any:
    """A column of text with nulls in the place of those words."""
    if not marks:
        return texts
    found = pc.is_in(pc.utf8_trim_whitespace(texts), value_set=pa.array(sorted(marks)))
    return pc.if_else(found, pa.scalar(None, pa.string()), texts)


def _present(texts: Any) -> Any:
    """The cells without spaces around them; those that stand for a missing one are null."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.is_in(trimmed, value_set=pa.array(MISSING)), pa.scalar(None, pa.string()), trimmed)


def _all(values: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _cast(*ways: Callable[[], Any]) -> Any:
    """What the first of the ways gives that fits; None if none does."""
    for way in ways:
        with contextlib.suppress(pa.ArrowInvalid):
            return way()
    return None


def _whole(values: Any, otherwise: Any) -> Any:
    """Integers; ``otherwise`` those that no type can hold, which are names for something."""
    plain = pc.utf8_ltrim(values, "+")
    found = _cast(lambda: pc.cast(plain, pa.int64()), lambda: pc.cast(plain, pa.uint64()))
    return otherwise if found is None else found


def _number(values: Any) -> Any:
    if not _all(values, NUMBER) or pc.any(pc.match_substring_regex(values, LEADING_ZERO)).as_py():
        return None
    return _cast(lambda: pc.cast(values, pa.float64()))


def _boolean(values: Any) -> Any:
    are = pc.is_in(values, value_set=pa.array(BOOLEANS), skip_nulls=True)
    return pc.cast(values, pa.bool_()) if pc.all(pc.or_(are, pc.is_null(values))).as_py() else None


def _date(values: Any) -> Any:
    return _cast(lambda: pc.cast(values, pa.date32())) if _all(values, DATE) else None


def _time(values: Any) -> Any:
    """With all zones or none; in the unit that the cells need."""
    zone = "UTC" if _all(values, TIME + ZONE) else None
    if zone is None and not _all(values, TIME + "$"):
        return None
    # What is left is the fraction of a second: first the part up to the point goes, then the zone.
    digits = pc.max(pc.utf8_length(pc.replace_substring_regex(_without_zone(values), r"^[^.]*\.?", ""))).as_py()
    return _cast(lambda: pc.cast(values, pa.timestamp(_unit(digits), zone)))


def _without_zone(values: Any) -> Any:
    return pc.replace_substring_regex(values, r"(Z|[+-][0-9]{2}:?[0-9]{2})$", "")


def _duration(values: Any) -> Any:
    if not _all(values, DURATION):
        return None
    seconds = [None if text is None else Decimal(text.replace("PT", "").rstrip("S")) for text in values.to_pylist()]
    digits = max(-int(one.as_tuple().exponent) for one in seconds if one is not None)
    unit = _unit(digits)
    steps = {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit]
    counts = [None if one is None else int(one.scaleb(steps)) for one in seconds]
    return _cast(lambda: pa.chunked_array([pa.array(counts, pa.int64()).cast(pa.duration(unit))]))


def _unit(digits: int) -> str:
    """The coarsest unit that holds so many decimals of a second."""
    return "s" if digits == 0 else "ms" if digits <= 3 else "us" if digits <= 6 else "ns"
