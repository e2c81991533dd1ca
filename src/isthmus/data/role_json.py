"""The JSON form of levels, conditions and exposure; the keys are there only if the columns are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from isthmus.core.errors import InputError

from .levels import MOST_CHARACTERS, MOST_LEVELS, Level, Levels
from .roles import EMPTY, WHY, CategoricalColumn, ConditionColumn, ExposureColumn, IgnoredColumn, Roles

ROLE_KEYS = frozenset({"levels", "categorical", "condition", "exposure", "ignored"})
_LEVELS_KEYS = {"values", "categories", "ordered"}
_IGNORED_KEYS = {"source", "why", "categories", "ordered"}
_CONDITION_KEYS = {"source", "levels", "shift", "scale"}


def roles_to_json(roles: Roles) -> dict[str, Any]:
    """An exact, JSON-ready description; columns with the same levels share one entry of "levels"."""
    tables = list(dict.fromkeys(map(_spelt, roles.levels.values())))
    place = {table: position for position, table in enumerate(tables)}
    described: dict[str, Any] = {}
    if tables:
        described["levels"] = [
            {"values": list(values), "categories": None if categories is None else list(categories), "ordered": ordered}
            for values, categories, ordered, _ in tables
        ]
    if roles.categorical:
        described["categorical"] = {
            "source": [column.source for column in roles.categorical],
            "levels": [place[_spelt(column.levels)] for column in roles.categorical],
        }
    if roles.condition:
        described["condition"] = [
            {
                "source": column.source,
                "levels": None if column.levels is None else place[_spelt(column.levels)],
                "shift": column.shift,
                "scale": column.scale,
            }
            for column in roles.condition
        ]
    if roles.exposure is not None:
        described["exposure"] = {"source": roles.exposure.source, "mean": roles.exposure.mean}
    if roles.ignored:
        described["ignored"] = [
            {
                "source": column.source,
                "why": column.why,
                "categories": None if column.categories is None else list(column.categories),
                "ordered": column.ordered,
            }
            for column in roles.ignored
        ]
    return described


def parse_roles(description: Mapping[str, Any], width: int) -> Roles:
    """The roles that :func:`roles_to_json` described; raises :class:`InputError` for anything else.

    ``width`` is the number of the user's columns.
    """
    tables = _tables(description["levels"]) if "levels" in description else []
    categorical = _categorical(description["categorical"], tables) if "categorical" in description else ()
    condition = _condition(description["condition"], tables) if "condition" in description else ()
    exposure = _exposure(description["exposure"]) if "exposure" in description else None
    ignored = _ignored(description["ignored"]) if "ignored" in description else ()
    roles = Roles(categorical, condition, exposure, ignored)
    sources = [*(column.source for column in categorical), *roles.carried, *roles.ignored_sources]
    _require(
        all(0 <= source < width for source in sources) and len(set(sources)) == len(sources),
        f"levels and roles must be of different columns of {width}",
    )
    sizes = [(len(column.levels), column.source) for column in categorical]
    _require(sizes == sorted(sizes), "categorical columns in another order")
    given = [column.source for column in condition]
    _require(given == sorted(given), "conditions in another order")
    left_out = [column.source for column in ignored]
    _require(left_out == sorted(left_out), "ignored columns in another order")
    return roles


def _spelt(levels: Levels) -> tuple[Any, ...]:
    # 1, 1.0 and True are equal, and not the same levels.
    every = (*levels.values, *(levels.categories or ()))
    return levels.values, levels.categories, levels.ordered, tuple(type(level) for level in every)


def _tables(entry: Any) -> list[Levels]:
    _require(isinstance(entry, list) and len(entry) > 0, "levels must be a list")
    tables = []
    for one in entry:
        _require(isinstance(one, Mapping) and set(one) == _LEVELS_KEYS, f"levels have exactly {sorted(_LEVELS_KEYS)}")
        values = _level_tuple(one["values"])
        categories = None if one["categories"] is None else _level_tuple(one["categories"])
        _require(isinstance(one["ordered"], bool), "`ordered` must be true or false")
        _require(categories is None or set(values) <= set(categories), "levels that are no categories")
        tables.append(Levels(values, categories, one["ordered"]))
    return tables


def _level_tuple(entry: Any, least: int = 1) -> tuple[Level, ...]:
    _require(
        isinstance(entry, list) and least <= len(entry) <= MOST_LEVELS, f"{least} to {MOST_LEVELS} levels are needed"
    )
    for level in entry:
        _require(isinstance(level, str | int | float), f"a level of type {type(level).__name__}")
        _require(not isinstance(level, float) or math.isfinite(level), "a level that is not finite")
        _require(not isinstance(level, str) or len(level) <= MOST_CHARACTERS, "a level that is too long")
    _require(len(set(entry)) == len(entry), "levels occur twice")
    _require(len({isinstance(level, str) for level in entry}) <= 1, "levels of text and numbers")
    return tuple(entry)


def _categorical(entry: Any, tables: list[Levels]) -> tuple[CategoricalColumn, ...]:
    _require(
        isinstance(entry, Mapping)
        and set(entry) == {"source", "levels"}
        and all(isinstance(part, list) and all(type(one) is int for one in part) for part in entry.values())
        and len(entry["source"]) == len(entry["levels"]) > 0,
        "categorical columns are two lists of positions",
    )
    return tuple(
        CategoricalColumn(source, _table(tables, place))
        for source, place in zip(entry["source"], entry["levels"], strict=True)
    )


def _condition(entry: Any, tables: list[Levels]) -> tuple[ConditionColumn, ...]:
    _require(isinstance(entry, list) and len(entry) > 0, "conditions must be a list")
    columns = []
    for one in entry:
        _require(
            isinstance(one, Mapping) and set(one) == _CONDITION_KEYS and type(one["source"]) is int,
            f"a condition has exactly {sorted(_CONDITION_KEYS)}",
        )
        for name in ("shift", "scale"):
            _require(_is_finite(one[name]), f"{name} of a condition must be a finite number")
        _require(one["scale"] > 0, "scale of a condition must be positive")
        levels = None if one["levels"] is None else _table(tables, one["levels"])
        columns.append(ConditionColumn(one["source"], levels, float(one["shift"]), float(one["scale"])))
    return tuple(columns)


def _ignored(entry: Any) -> tuple[IgnoredColumn, ...]:
    _require(isinstance(entry, list) and len(entry) > 0, "ignored columns must be a list")
    columns = []
    for one in entry:
        _require(
            isinstance(one, Mapping) and set(one) == _IGNORED_KEYS and type(one["source"]) is int,
            f"an ignored column has exactly {sorted(_IGNORED_KEYS)}",
        )
        _require(one["why"] in WHY, f"a column is ignored for one of {WHY}")
        _require(isinstance(one["ordered"], bool), "`ordered` must be true or false")
        _require(one["categories"] is None or one["why"] == EMPTY, "categories of a column that does not come back")
        categories = None if one["categories"] is None else _level_tuple(one["categories"], least=0)
        columns.append(IgnoredColumn(one["source"], one["why"], categories, one["ordered"]))
    return tuple(columns)


def _exposure(entry: Any) -> ExposureColumn:
    _require(
        isinstance(entry, Mapping) and set(entry) == {"source", "mean"} and type(entry["source"]) is int,
        "an exposure has exactly ['mean', 'source']",
    )
    _require(_is_finite(entry["mean"]) and entry["mean"] > 0, "the mean exposure must be positive")
    return ExposureColumn(entry["source"], float(entry["mean"]))


def _table(tables: list[Levels], place: Any) -> Levels:
    _require(type(place) is int and 0 <= place < len(tables), "levels that are not there")
    return tables[place]


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= 1.7976931348623157e308 and math.isfinite(value)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InputError(f"Not a schema: {what}. Learn it again from the data.")
