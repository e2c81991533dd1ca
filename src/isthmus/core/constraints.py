"""Declared constraints on hyper-parameters, checked once, with one voice for errors.

A spec or estimator lists them (``constraints = {"latent_dim": (Interval(1, None, integer=True), OneOf("auto"))}``);
:func:`check_params` raises one :class:`~isthmus.core.errors.ParameterError` that names parameter, range and value.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .errors import ParameterError


class Constraint(Protocol):
    """A test of one value, and the words for it."""

    def accepts(self, value: Any) -> bool: ...

    def describe(self) -> str: ...


@dataclass(frozen=True)
class Interval:
    """A real number (or integer) between two bounds; ``None`` means unbounded.

    ``closed`` names the bounds that belong to the interval: "both", "left", "right" or "neither".
    """

    low: float | None
    high: float | None
    integer: bool = False
    closed: str = "both"

    def accepts(self, value: Any) -> bool:
        kind: Any = numbers.Integral if self.integer else numbers.Real
        if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
            return False
        if self.low is not None and (value < self.low or (value == self.low and self.closed in ("right", "neither"))):
            return False
        return not (
            self.high is not None and (value > self.high or (value == self.high and self.closed in ("left", "neither")))
        )

    def describe(self) -> str:
        noun = "an integer" if self.integer else "a number"
        left = "[" if self.closed in ("both", "left") and self.low is not None else "("
        right = "]" if self.closed in ("both", "right") and self.high is not None else ")"
        low = "-inf" if self.low is None else f"{self.low:g}"
        high = "inf" if self.high is None else f"{self.high:g}"
        return f"{noun} in {left}{low}, {high}{right}"


@dataclass(frozen=True, init=False)
class OneOf:
    """One of a few literal values."""

    options: tuple[Any, ...]

    def __init__(self, *options: Any) -> None:
        object.__setattr__(self, "options", options)

    def accepts(self, value: Any) -> bool:
        return any(value is option or (type(value) is type(option) and value == option) for option in self.options)

    def describe(self) -> str:
        return " or ".join(repr(option) for option in self.options)


@dataclass(frozen=True)
class InstanceOf:
    """An instance of a class, described in the user's words."""

    kind: type | tuple[type, ...]
    words: str

    def accepts(self, value: Any) -> bool:
        return isinstance(value, self.kind)

    def describe(self) -> str:
        return self.words


@dataclass(frozen=True)
class SequenceOf:
    """A tuple or list whose items satisfy one constraint."""

    item: Constraint

    def accepts(self, value: Any) -> bool:
        return isinstance(value, (tuple, list)) and all(self.item.accepts(entry) for entry in value)

    def describe(self) -> str:
        return f"a sequence whose items are each {self.item.describe()}"


class Boolean:
    """True or False."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool) or type(value).__name__ == "bool_" or type(value).__name__ == "bool"

    def describe(self) -> str:
        return "True or False"


def check_params(owner: str, params: Mapping[str, Any], constraints: Mapping[str, Iterable[Constraint]]) -> None:
    """Raise one :class:`ParameterError` for the first parameter that breaks all of its constraints.

    >>> check_params("VAE", {"beta": -1.0}, {"beta": (Interval(0, None),)})
    Traceback (most recent call last):
        ...
    isthmus.core.errors.ParameterError: VAE: `beta` must be a number in [0, inf); got -1.0.
    """
    for name, allowed in constraints.items():
        value = params[name]
        options = tuple(allowed)
        if not any(option.accepts(value) for option in options):
            wanted = ", or ".join(option.describe() for option in options)
            raise ParameterError(f"{owner}: `{name}` must be {wanted}; got {value!r}.")
