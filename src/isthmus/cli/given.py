"""``--given COLUMN=VALUE``: the conditions of rows that are to be made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from isthmus.core.errors import InputError, ParameterError

from .settings import parse_value

if TYPE_CHECKING:
    from isthmus.data.levels import Levels
    from isthmus.data.schema import Schema

MOST_SHOWN = 10

given_option = click.option(
    "--given",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="A condition of the rows, by column name (or position, from 0). Repeatable.",
)


def given_values(texts: Sequence[str], schema: Schema) -> dict[Any, Any] | None:
    """The conditions that options name, in the types that the model learnt; None for a model without conditions.

    Raises
    ------
    ParameterError
        For a column that is no condition, one that is named twice or missing, and a value that the model cannot take.
    """
    columns = _known(schema)
    given: dict[Any, Any] = {}
    for text in texts:
        name, value = _split(text, columns)
        if name not in columns:
            raise ParameterError(f"--given {text}: {_no_condition(name, columns, schema)}")
        source = columns[name]
        key = source if schema.labels is None else schema.labels[source]
        if key in given:
            raise ParameterError(f"--given names column {name!r} twice. Leave one out.")
        given[key] = _value(name, value, schema.roles.levels.get(source))
    needed = {column.source for column in schema.roles.condition}
    missing = [name for name, source in columns.items() if source in needed and _key(schema, source) not in given]
    if missing:
        raise ParameterError(
            f"The model needs conditions: add {' '.join(f'--given {name}=VALUE' for name in missing)} "
            f"({_known_words(columns, schema)})."
        )
    try:
        schema.carried_given(given, 1)
    except InputError as error:
        raise ParameterError(f"--given: {error}") from error
    return given or None


def _known(schema: Schema) -> dict[str, int]:
    """The columns that can be given, as they are written -> their positions."""
    return {str(_key(schema, source)): source for source in schema.roles.carried}


def _key(schema: Schema, source: int) -> Any:
    return source if schema.labels is None else schema.labels[source]


def _split(text: str, columns: dict[str, int]) -> tuple[str, str]:
    """Name and value; names and values may contain "=" too."""
    places = [place for place, character in enumerate(text) if character == "="]
    if not places or places[0] == 0:
        raise ParameterError(f"--given takes COLUMN=VALUE, such as --given label=3; got {text!r}.")
    place = next((place for place in places if text[:place].strip() in columns), places[0])
    return text[:place].strip(), text[place + 1 :].strip()


def _value(name: str, text: str, levels: Levels | None) -> Any:
    value = text if levels is not None and levels.are_text else parse_value(text)
    if levels is None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ParameterError(f"--given {name}={text}: expected a number.")
    elif levels.positions_of([value] if isinstance(value, str | int | float) else [None])[0] < 0:
        raise ParameterError(
            f"--given {name}={text}: the model has not seen this level. Known: {_levels_words(levels)}."
        )
    return value


def _no_condition(name: str, columns: dict[str, int], schema: Schema) -> str:
    if not columns:
        return "the model has no conditions. Fit one with --schema COLUMN=condition, or leave --given out."
    return f"{name!r} is no condition of the model. There are: {_known_words(columns, schema)}."


def _known_words(columns: dict[str, int], schema: Schema) -> str:
    words = []
    for name, source in columns.items():
        levels = schema.roles.levels.get(source)
        if schema.roles.exposure is not None and source == schema.roles.exposure.source:
            words.append(f"{name}, the exposure")
        else:
            words.append(f"{name}, {'a number' if levels is None else f'one of {_levels_words(levels)}'}")
    return "; ".join(words)


def _levels_words(levels: Levels) -> str:
    shown = ", ".join(_level_words(value) for value in levels.values[:MOST_SHOWN])
    return shown if len(levels) <= MOST_SHOWN else f"{shown}, … ({len(levels):,} in all)"


def _level_words(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
