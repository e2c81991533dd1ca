"""``--given COLUMN=VALUE``: the conditions, and the cells of other columns, of rows that are to be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from isthmus.core.errors import InputError, ParameterError
from isthmus.core.suggestion import did_you_mean

from .settings import parse_value

if TYPE_CHECKING:
    from isthmus.data.levels import Levels
    from isthmus.data.schema import Schema

MOST_SHOWN = 10

TO = ".."
"""Between the ends of a range."""

given_option = click.option(
    "--given",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="A condition of the rows, by column name (or position, from 0). Repeatable.",
)


any_given_option = click.option(
    "--given",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="What the rows have in a column, by name (or position, from 0): a value, a range LOW..HIGH (either end may be "
    "left out), a list A,B of what is allowed, or missing. Conditions must be given. Repeatable.",
)


def given_values(
    texts: Sequence[str], schema: Schema, modelled: bool = False, balanced: Any = None
) -> dict[Any, Any] | None:
    """What options give, in the types that the model learnt; None if they give nothing.

    Parameters
    ----------
    texts : sequence of str
    schema : Schema
    modelled : bool
        Columns that the model makes can be given, too, not only conditions.
    balanced : column, optional
        It needs no value, and may have a list.

    Raises
    ------
    ParameterError
        For a column that cannot be given, one that is named twice or missing, and a value that the model cannot take.
    """
    columns = _known(schema)
    names = _columns(schema) if modelled else columns
    given: dict[Any, Any] = {}
    for text in texts:
        name, value = _split(text, names)
        if name not in names:
            raise ParameterError(f"--given {text}: {_no_condition(name, columns, schema, modelled)}")
        source = names[name]
        key = _key(schema, source)
        if key in given:
            raise ParameterError(f"--given names column {name!r} twice. Leave one out.")
        if name in columns and key != balanced:
            given[key] = _value(name, value, schema.roles.levels.get(source))
        else:
            given[key] = _cells(value, schema.roles.levels.get(source))
    needed = {column.source for column in schema.roles.condition if _key(schema, column.source) != balanced}
    missing = [name for name, source in columns.items() if source in needed and _key(schema, source) not in given]
    if missing:
        raise ParameterError(
            f"The model needs conditions: add {' '.join(f'--given {name}=VALUE' for name in missing)} "
            f"({_known_words(columns, schema)})."
        )
    from isthmus.data.given_cells import given_cells

    try:
        schema.carried_given(given_cells(schema, given, 1, balanced).known if modelled else given, 1)
    except InputError as error:
        message = str(error)
        of_balanced = "`balanced`" in message
        option, name = (f"--balanced {balanced}", "`balanced`") if of_balanced else ("--given", "`given`")
        said = f"{option}{message.removeprefix(name)}" if message.startswith(name) else f"{option}: {message}"
        raise ParameterError(said) from error
    return given or None


def balanced_column(name: str | None, schema: Schema) -> Any:
    """The column that ``--balanced`` names; :class:`ParameterError` if there is none of that name."""
    if name is None:
        return None
    columns = _columns(schema)
    if name not in columns:
        hint = did_you_mean(name, columns)
        raise ParameterError(f"--balanced {name}: the model has no such column.{hint} There are: {_listed(columns)}.")
    return _key(schema, columns[name])


def _columns(schema: Schema) -> dict[str, int]:
    """All columns, as they are written -> their positions."""
    return {str(_key(schema, source)): source for source in range(schema.n_features)}


def _listed(names: Mapping[str, int]) -> str:
    return ", ".join(list(names)[:MOST_SHOWN]) + (f", … ({len(names):,} in all)" if len(names) > MOST_SHOWN else "")


def _cells(text: str, levels: Levels | None) -> Any:
    """A value, a range or a list for a column that the model makes; text that is no number is left to the schema."""
    if levels is not None:

        def level(part: str) -> Any:
            return part if levels.are_text else parse_value(part)

        whole = level(text)
        is_level = isinstance(whole, str | int | float) and levels.positions_of([whole])[0] >= 0
        return whole if is_level or "," not in text else [level(part.strip()) for part in text.split(",")]
    if TO in text:
        low, high = text.split(TO, 1)
        return tuple(parse_value(end.strip()) if end.strip() else None for end in (low, high))
    return [parse_value(part.strip()) for part in text.split(",")] if "," in text else parse_value(text)


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


def _no_condition(name: str, columns: dict[str, int], schema: Schema, modelled: bool) -> str:
    if modelled:
        there = _columns(schema)
        return f"the model has no column {name!r}.{did_you_mean(name, there)} There are: {_listed(there)}."
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
