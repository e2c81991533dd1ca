"""What every spec must do, whatever it builds."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from isthmus.core.constraints import Boolean, Constraint, Interval, OneOf, SequenceOf
from isthmus.core.errors import ParameterError
from isthmus.core.registry import registered
from isthmus.core.spec import Spec, spec_from_json

from .requirement import require


def check_spec(spec: Spec) -> None:
    """A frozen, registered value that validates itself and survives JSON, copying and ``replace``.

    Parameters
    ----------
    spec : Spec
        With parameters that are in range.

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import KL
    >>> check_spec(KL(weight=4.0))
    """
    who = type(spec).__name__
    _check_class(spec, who)
    spec.validate()
    params = spec.get_params(deep=False)
    fields = {field.name for field in dataclasses.fields(spec)}
    require(set(params) == fields, f"{who}: get_params gives {sorted(params)}, its fields are {sorted(fields)}")
    require(spec.replace(**params) == spec, f"{who}: replace with its own parameters gives another spec")
    require(copy.deepcopy(spec) == spec, f"{who}: a deep copy is not equal")
    text = json.dumps(spec.to_json(), allow_nan=False)
    require(spec_from_json(json.loads(text)) == spec, f"{who}: to_json does not describe the same spec: {text}")
    try:
        value: int | None = hash(spec)
    except TypeError:  # a parameter that is a dict
        value = None
    require(value is None or value == hash(copy.deepcopy(spec)), f"{who}: equal specs have different hashes")
    _check_refusals(spec, who)


def variants(spec: Spec) -> Iterator[Spec]:
    """``spec``, and copies with one parameter changed to each option that its constraints name.

    Parameters
    ----------
    spec : Spec

    Yields
    ------
    Spec
        The spec itself first. For intervals, the closed bounds and a value inside.

    Examples
    --------
    >>> from isthmus import Mixture
    >>> [variant.n_components for variant in variants(Mixture())]
    [10, 1, 2]
    """
    yield spec
    for name, allowed in spec.constraints.items():
        for constraint in allowed:
            for value in _examples(constraint):
                if value != getattr(spec, name):
                    yield spec.replace(**{name: value})


def _examples(constraint: Constraint) -> list[Any]:
    if isinstance(constraint, OneOf):
        return list(constraint.options)
    if isinstance(constraint, Boolean):
        return [False, True]
    if isinstance(constraint, SequenceOf):
        inner = [value for value in _examples(constraint.item) if value is not None]
        return [(), tuple(inner)]
    if isinstance(constraint, Interval):
        return _within(constraint)
    return []


def _within(interval: Interval) -> list[Any]:
    low = 0.0 if interval.low is None else float(interval.low)
    high = low + 2 if interval.high is None else float(interval.high)
    if interval.integer:
        values: list[Any] = [int(low), int(low) + 1, int(high)]
    else:
        values = [low, (low + high) / 2, high]
    return [
        value for value in dict.fromkeys(values[:2] if interval.high is None else values) if interval.accepts(value)
    ]


def _check_class(spec: Spec, who: str) -> None:
    cls = type(spec)
    require(dataclasses.is_dataclass(cls), f"{who} must be a dataclass")
    require(cls.__dataclass_params__.frozen, f"{who} must be a frozen dataclass: specs are values")  # type: ignore[attr-defined]
    require(
        registered().get((spec.axis, spec.name)) is cls,
        f"{who} must be registered: @register(axis, name) above @dataclass(frozen=True)",
    )
    require((cls.__doc__ or "").strip(), f"{who} needs a docstring")
    fields = {field.name for field in dataclasses.fields(spec)}
    unknown = set(cls.constraints) - fields
    require(not unknown, f"{who}: constraints name parameters that it does not have: {sorted(unknown)}")
    for field in dataclasses.fields(spec):
        known = field.name in "".join(base.__doc__ or "" for base in cls.__mro__[:-1])
        require(known, f"{who}: parameter `{field.name}` is not documented")
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        require(has_default, f"{who}: parameter `{field.name}` needs a default")


def _check_refusals(spec: Spec, who: str) -> None:
    """What lies outside of the constraints is refused by ``validate``, in words that name the parameter."""
    for name, allowed in spec.constraints.items():
        options = tuple(allowed)
        for value in (object(), -1, float("nan"), "no such option"):
            if any(option.accepts(value) for option in options):
                continue
            changed = spec.replace(**{name: value})
            try:
                changed.validate()
            except ParameterError as error:
                require(f"`{name}`" in str(error), f"{who}: the error for {name}={value!r} does not name it: {error}")
            else:
                raise AssertionError(f"{who}: validate accepts {name}={value!r}")
    try:
        spec.replace(no_such_parameter=1)
    except ParameterError as error:
        require("no_such_parameter" in str(error), f"{who}: the error for an unknown parameter does not name it")
    else:
        raise AssertionError(f"{who}: replace accepts an unknown parameter")
