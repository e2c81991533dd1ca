"""Specs of components from names and tables of parameters, as people write them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import isthmus.components  # noqa: F401 - registers every component
from isthmus.core.errors import ParameterError
from isthmus.core.registry import lookup, names, registered
from isthmus.core.spec import Spec
from isthmus.core.suggestion import did_you_mean
from isthmus.models.defaults import AUTO, CRITIC

from .settings import COMPONENT

REGISTERED_AS = {"encoder": "network", "decoder": "network"}
"""The axis on which the names of a constructor parameter are registered, where it has another name."""


def component(where: str, kind: str, value: Any, base: Spec | None, now: str) -> Spec:
    """The spec that a name or a table of parameters describes.

    Parameters
    ----------
    where : str
        The setting, for messages: "prior", "penalties.kl.weight".
    kind : str
        The axis on which names are looked up.
    value : str or dict
        A name, or parameters with the name under "component".
    base : Spec or None
        What the parameters belong to if no name is given.
    now : str
        What stands there without a name, for the message if there is no ``base``.

    Raises
    ------
    ParameterError
        For an unknown name or parameter, with the closest known one.
    """
    if isinstance(value, str):
        return lookup(kind, value)()
    if not isinstance(value, Mapping):
        raise ParameterError(f"`{where}` must be 'auto' or one of {', '.join(names(kind))}; got {value!r}.")
    inner = dict(value)
    named = inner.pop(COMPONENT, None)
    if named is not None:
        base = lookup(kind, named)()
    if base is None:
        wanted = next(iter(inner), "")
        known = names(kind)
        fitting = _with_parameter(kind, wanted) or known
        raise ParameterError(
            f"Cannot set `{where}.{wanted}` while `{where}` is {now}. Choose one as well: --set {where}={fitting[0]} "
            f"(known: {', '.join(known)})."
        )
    return changed(where, kind, base, inner)


def changed(where: str, kind: str, base: Spec, changes: Mapping[str, Any]) -> Spec:
    """``base`` with some parameters changed; those that hold specs take names and tables too."""
    known = base.get_params(deep=False)
    for name in changes:
        if name not in known:
            space = getattr(base, "code_space", None)
            others = [
                other
                for other in _with_parameter(kind, name)
                if getattr(lookup(kind, other), "code_space", space) == space
            ]
            hint = f" It is a parameter of another {kind}: add --set {where}={others[0]}." if others else ""
            raise ParameterError(unknown(type(base).__name__, name, known) + hint)
    return dataclasses.replace(base, **{name: _parameter(where, base, name, value) for name, value in changes.items()})


def unknown(owner: str, name: str, known: Collection[str]) -> str:
    """The message for a parameter that ``owner`` does not have."""
    hint = did_you_mean(name, known, "`") or f" It has: {', '.join(sorted(known)) or 'none'}."
    return f"{owner} has no parameter `{name}`.{hint}"


def _parameter(where: str, owner: Spec, name: str, value: Any) -> Any:
    """The value of one parameter: plain, or a spec where the parameter takes one (a schedule, a critic) or several."""
    kind = _inner_axis(owner, name)
    if kind is not None and isinstance(value, (tuple, list)):
        return tuple(component(f"{where}.{name}", kind, one, None, "a list") for one in value)
    if kind is None or not isinstance(value, (str, Mapping)):
        return value
    if isinstance(value, str) and any(one.accepts(value) for one in owner.constraints.get(name, ())):
        return value
    current = getattr(owner, name)
    if isinstance(current, str) and current == AUTO and kind == CRITIC.axis:
        current = CRITIC
    base = current if isinstance(current, Spec) else None
    return component(f"{where}.{name}", kind, value, base, str(current))


def _inner_axis(owner: Spec, name: str) -> str | None:
    """The axis of the specs that a parameter accepts; None for plain values."""
    allowed = tuple(owner.constraints.get(name, ()))
    for (axis, _), cls in registered().items():
        if any(one.accepts(cls()) or one.accepts((cls(),)) for one in allowed):
            return axis
    return None


def _with_parameter(kind: str, parameter: str) -> list[str]:
    return [
        name for name in names(kind) if parameter in {field.name for field in dataclasses.fields(lookup(kind, name))}
    ]
