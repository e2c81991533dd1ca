"""Rows that are asked for: which conditions they have, and what cells of modelled columns may be in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError
from isthmus.core.suggestion import did_you_mean

from .column_rules import ColumnRule, ColumnRules, is_missing

if TYPE_CHECKING:
    from .schema import Schema

WHY_LEFT_OUT = {
    "asked": "was left out on request",
    "identifier": "was left out as an identifier",
    "text": "was left out as free text",
    "levels": "was left out for its many levels",
    "empty": "had no cell in training",
}
NAMES_SHOWN = 12


@dataclass(frozen=True, eq=False)
class GivenCells:
    """What is asked of ``n`` rows, sorted by who answers.

    Attributes
    ----------
    known : dict
        Conditions and exposure, by key, as :meth:`~.schema.Schema.encode_condition` takes them.
    options : tuple of tuple of ColumnRule
        Everything that is asked of modelled columns.
    chosen : ndarray of int64, shape (n, columns that are asked for)
        Which of the options hold in each row.
    """

    known: Mapping[Any, Any]
    options: tuple[tuple[ColumnRule, ...], ...] = ()
    chosen: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))

    def rules(self, row: int) -> tuple[ColumnRule, ...]:
        """What holds in a row, in the order of the encoded columns."""
        rules = [rule for option in self.chosen[row] for rule in self.options[option]]
        return tuple(sorted(rules, key=lambda rule: rule.column))


def given_cells(
    schema: Schema, given: Mapping[Any, Any] | None, n: int, balanced: Any = None, seed: int = 0
) -> GivenCells:
    """Sort what users ask for.

    Parameters
    ----------
    schema : Schema
    given : mapping or None
        By column label (of arrays: by position). For a condition or the exposure, what
        :meth:`~.schema.Schema.encode_condition` takes; for a modelled column, what :meth:`ColumnRules.of` takes, or an
        array or series of n values, one for each row.
    n : int
        The number of rows.
    balanced : column, optional
        Its values come in equal numbers, in random order: those that ``given`` lists if it is there, too.
    seed : int
        Of that order.

    Raises
    ------
    InputError
        For a column that is unknown or left out, or asked for twice; and for what a column cannot hold.
    """
    if given is not None and not isinstance(given, Mapping):
        raise InputError(f"`given` must be a dict of columns to values; got {type(given).__name__}.")
    rules = ColumnRules(schema)
    asked: dict[int, Any] = {}
    keys: dict[int, Any] = {}
    for key, value in (given or {}).items():
        source = _column(schema, key, "given")
        if source in keys:
            raise InputError(f"`given` names {schema.column_name(source)} twice, as {keys[source]!r} and {key!r}.")
        keys[source], asked[source] = key, value
    for_rows: dict[int, list[Any]] = {}
    if balanced is not None:
        source = _column(schema, balanced, "balanced")
        keys.setdefault(source, balanced)
        values = _balanced_values(schema, rules, source, source in asked, asked.pop(source, None))
        for_rows[source] = _in_turn(values, n, seed)
    known = {keys[source]: asked.pop(source) for source in schema.roles.carried if source in asked}
    known.update({keys[source]: for_rows.pop(source) for source in schema.roles.carried if source in for_rows})
    for source in list(asked):
        one_each = _values_of_rows(schema, source, asked[source], n)
        if one_each is not None:
            for_rows[source] = one_each
            del asked[source]
    options: list[tuple[ColumnRule, ...]] = []
    chosen: list[NDArray[np.int64]] = []
    for source, value in asked.items():
        chosen.append(np.full(n, len(options), dtype=np.int64))
        options.append(rules.of(source, value))
    for source, values in for_rows.items():
        # NaN is no key: all that is missing is one.
        plain = [None if is_missing(value) else value for value in values]
        distinct = {value: place for place, value in enumerate(dict.fromkeys(plain))}
        chosen.append(np.array([distinct[value] for value in plain], dtype=np.int64) + len(options))
        options += [rules.of(source, [value]) for value in distinct]
    return GivenCells(known, tuple(options), np.stack(chosen, axis=1) if chosen else np.empty((n, 0), dtype=np.int64))


def _column(schema: Schema, key: Any, argument: str) -> int:
    """The user's column that a key names, if the model knows it."""
    source = schema.position_of(key)
    if source is None:
        names = schema.labels
        if names is None:
            there = f"the columns 0 to {schema.n_features - 1}"
        else:
            there = "the columns " + ", ".join(repr(name) for name in names[:NAMES_SHOWN])
            there += "" if len(names) <= NAMES_SHOWN else f", … ({len(names)} in all)"
        hint = did_you_mean(key, names or ())
        raise InputError(f"`{argument}` names {key!r}, which is no column.{hint} There are {there}.")
    for column in schema.roles.ignored:
        if column.source == source:
            raise InputError(
                f"`{argument}` names {schema.column_name(source)}, which {WHY_LEFT_OUT[column.why]} when the model was "
                "fitted, so that the model knows nothing of it. Take another column, or fit with it: "
                f'schema={{{key!r}: "categorical"}}.'
            )
    if schema.container == "images":
        raise InputError(
            f"`{argument}` takes columns of tables and arrays, but the model was fitted to images. Declare what is to "
            "be given as a condition, or hide the other pixels and complete an image: impute(images, mask, samples=n)."
        )
    return source


def _balanced_values(schema: Schema, rules: ColumnRules, source: int, is_given: bool, given: Any) -> list[Any]:
    """The values that come in equal numbers."""
    name = schema.column_name(source)
    if source in schema.roles.carried and source not in schema.roles.levels:
        raise InputError(
            f"`balanced` needs a column of levels; {name} holds numbers. Pass them: given={{column: values}}."
        )
    if not is_given:
        return rules.balanced(source)
    if not isinstance(given, list | set | frozenset | tuple) or not given:
        raise InputError(
            f"`given` has {given!r:.80} for {name}, which is to be balanced: pass a list of the values that are to "
            "come in equal numbers, or leave it out of `given`."
        )
    if isinstance(given, tuple) and source not in schema.roles.levels:
        low, high = given if len(given) == 2 else (None, None)
        return [
            value
            for value in rules.balanced(source)
            if (low is None or value >= low) and (high is None or value <= high)
        ]
    return list(dict.fromkeys(given))


def _in_turn(values: list[Any], n: int, seed: int) -> list[Any]:
    """Each value as often as the others among n rows, in random order; what is left over are random ones."""
    random = np.random.default_rng(seed)
    turns = [random.permutation(len(values)) for _ in range(-(-n // len(values)))]
    return [values[place] for place in np.concatenate(turns)[:n]]


def _values_of_rows(schema: Schema, source: int, value: Any, n: int) -> list[Any] | None:
    """One value for each row, if it is an array, a series or the like of them."""
    if isinstance(value, str | bytes | list | tuple | set | frozenset | range) or not hasattr(value, "__len__"):
        return None
    if getattr(value, "ndim", 1) != 1:
        return None
    values = list(
        value.to_list() if hasattr(value, "to_list") else value.tolist() if hasattr(value, "tolist") else value
    )
    if len(values) != n:
        raise InputError(
            f"`given` has {len(values)} values for {schema.column_name(source)}; expected one for each of the {n} "
            "rows. Pass a list for values that are allowed in all of them."
        )
    return values
