"""From what is asked of a schema to what each of the user's columns is for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.constraints import Boolean, Constraint, InstanceOf, OneOf, check_params
from isthmus.core.errors import InputError, ParameterError
from isthmus.core.suggestion import did_you_mean

from .kinds import KINDS, Categorical
from .matrix import Label

CONDITION, EXPOSURE, IGNORE = "condition", "exposure", "ignore"
ROLES = (CONDITION, EXPOSURE, IGNORE)
"""What columns can be that are not modelled themselves."""

WORDS = "words"
"""What a column of text or categories is that was not declared: levels, or left out, once all of it was seen."""

REST = "*"
"""The key for the kind of all columns that are not named."""

KIND_NAMES = ("auto", *KINDS)
SCALINGS = ("auto", "column", "common", "none")
MISSING = ("error", "model")

_CONSTRAINTS: dict[str, tuple[Constraint, ...]] = {
    "kind": (
        OneOf("auto", "images", *KINDS),
        InstanceOf(Mapping, "a dict of column names to kinds"),
    ),
    "scaling": (OneOf(*SCALINGS),),
    "missing": (OneOf(*MISSING),),
    "extrapolate": (Boolean(),),
}


@dataclass(frozen=True)
class Assignment:
    """What is asked for each column, by its position in the user's data: a kind, or a role."""

    asked: tuple[str, ...]

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """The columns that are modelled as numbers."""
        other = (*ROLES, Categorical.name, WORDS)
        return np.array([place for place, one in enumerate(self.asked) if one not in other], dtype=np.int64)

    @cached_property
    def others(self) -> dict[int, str]:
        """The other columns that are read: "categorical", "words", "condition" or "exposure" by position."""
        other = (CONDITION, EXPOSURE, Categorical.name, WORDS)
        return {place: one for place, one in enumerate(self.asked) if one in other}

    @property
    def ignored(self) -> tuple[int, ...]:
        """The columns that are not even read."""
        return tuple(place for place, one in enumerate(self.asked) if one == IGNORE)

    def with_words(self, words: Collection[int]) -> Assignment:
        """The same where the columns ``words`` hold text or categories."""
        return Assignment(
            tuple(WORDS if one == "auto" and place in words else one for place, one in enumerate(self.asked))
        )

    @property
    def declared(self) -> tuple[int, ...]:
        """The columns that may hold text."""
        return tuple(place for place, one in self.others.items() if one != EXPOSURE)


def check_request(kind: Any, scaling: Any, extrapolate: Any = False, missing: Any = "error") -> None:
    """Raise :class:`ParameterError` unless these are what a schema can be asked for."""
    requested = {"kind": kind, "scaling": scaling, "extrapolate": extrapolate, "missing": missing}
    check_params("Schema", requested, _CONSTRAINTS)
    if not isinstance(kind, Mapping):
        return
    for label, name in kind.items():
        options = KIND_NAMES if label == REST else (*KIND_NAMES, *ROLES)
        if name not in options:
            raise ParameterError(f"Schema: `kind` of column {label!r} must be one of {options}; got {name!r}.")
    exposures = [label for label, name in kind.items() if name == EXPOSURE]
    if len(exposures) > 1:
        raise ParameterError(f"Schema: only one column can be the exposure; got {exposures}.")


def assign(kind: Any, labels: Sequence[Label] | None, row_shape: tuple[int, ...]) -> Assignment:
    """What is asked for each column; raises :class:`InputError` if it does not fit the data."""
    width = int(np.prod(row_shape))
    is_image = len(row_shape) > 1
    if not isinstance(kind, Mapping):
        if is_image and kind == Categorical.name:
            raise InputError("Pixels cannot be categorical: expected rows of shape (n, d). Pass X.reshape(len(X), -1).")
        return Assignment((str(kind) if kind in KINDS else "auto",) * width)
    if is_image and kind:
        raise InputError(
            f"Pixels have one kind and no roles: `schema` must not be a dict for images; got {dict(kind)}. Pass "
            "X.reshape(len(X), -1), or one kind for all."
        )
    named = {label: name for label, name in kind.items() if label != REST}
    places = {label: label for label in labels} if labels is not None else _positions(named, width)
    unknown = [label for label in named if label not in places]
    if unknown:
        raise InputError(
            f"Kinds are given for columns that are not in the data: {unknown[:10]}.{did_you_mean(unknown[0], places)}"
        )
    rest: str = kind.get(REST, "auto")
    if labels is not None:
        asked = tuple(named.get(label, rest) for label in labels)
    else:
        _refuse_other_kinds(named)
        by_position = {places[label]: name for label, name in named.items()}
        asked = tuple(by_position.get(position, rest) for position in range(width))
    if all(one in ROLES for one in asked):
        raise InputError(
            "All columns are conditions, the exposure or ignored: there is nothing to model. Leave some columns "
            "without a role."
        )
    return Assignment(asked)


def position_of_key(key: Any, width: int) -> int | None:
    """The column of an array that a key names: its position, also as decimal digits, as JSON spells keys."""
    if isinstance(key, str) and key.isascii() and key.isdigit():
        key = int(key)
    if isinstance(key, int | np.integer) and not isinstance(key, bool) and 0 <= key < width:
        return int(key)
    return None


def _positions(named: Mapping[Any, str], width: int) -> dict[Any, int]:
    words = [label for label in named if isinstance(label, str) and not (label.isascii() and label.isdigit())]
    if words:
        raise InputError(
            f"Kinds by column name need a table with column names; got an array, and the name {words[0]!r}. Pass one "
            'kind for all, or roles by column position: {64: "condition"}.'
        )
    places = {label: position_of_key(label, width) for label in named}
    return {label: place for label, place in places.items() if place is not None}


def _refuse_other_kinds(named: Mapping[Any, str]) -> None:
    for label, name in named.items():
        if name not in ROLES:
            raise InputError(
                f"An array has one kind for all of its columns, but column {label} is said to be {name!r}; expected "
                f'"condition", "exposure" or "ignore". Say {{"{REST}": {name!r}}} for all columns without a role, or '
                "pass a table with column names."
            )
