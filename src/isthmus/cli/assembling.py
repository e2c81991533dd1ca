"""From a recipe and a tree of settings to an estimator."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

import isthmus.components  # noqa: F401 - registers every component
from isthmus.components.penalties.kl import KL
from isthmus.core.errors import ParameterError
from isthmus.core.registry import lookup, names
from isthmus.core.spec import Spec
from isthmus.estimators.base import BaseAutoencoder
from isthmus.estimators.parameters import AXES
from isthmus.estimators.recipe import recipe
from isthmus.models.defaults import AUTO, default_spec

from .settings import COMPONENT

REGISTERED_AS = {"encoder": "network", "decoder": "network"}

ELSEWHERE = {
    "checkpoint": "use --checkpoint DIR",
    "callbacks": "callbacks are Python objects; use isthmus.recipe in a script",
    "warm_start": "every command begins anew; use --checkpoint DIR --resume to go on",
    "verbose": "use --verbose or --quiet",
}
"""Parameters of estimators that are no settings of the command."""

# Without it, these depend on the data; with a wrong guess the setting would mean something else.
DEPENDS_ON_DATA = ("likelihood",)


def assemble(recipe_name: str, settings: Mapping[str, Any]) -> BaseAutoencoder:
    """The estimator that a recipe and settings describe.

    Parameters
    ----------
    recipe_name : str
    settings : dict
        By constructor parameter; components as a name, or as a dict of parameters with the name under "component".

    Raises
    ------
    ParameterError
        For an unknown recipe, component or parameter, with the closest known name.
    """
    estimator = recipe(recipe_name)
    current = estimator.get_params(deep=False)
    for name in settings:
        if name in ELSEWHERE:
            raise ParameterError(f"`{name}` cannot be set here: {ELSEWHERE[name]}.")
        if name not in current:
            raise ParameterError(_unknown(type(estimator).__name__, name, set(current) - set(ELSEWHERE)))
    params: dict[str, Any] = {}
    for axis in AXES:
        if axis in settings:
            network = params.get("network", current["network"])
            params[axis] = _component(axis, settings[axis], _base(axis, current[axis], network, estimator.stochastic))
    if "penalties" in settings:
        params.update(_penalties(estimator, settings))
    plain = {name: value for name, value in settings.items() if name not in (*AXES, "penalties")}
    for name, value in plain.items():
        if isinstance(value, Mapping) and name != "schema":
            raise ParameterError(f"Cannot set `{name}.{next(iter(value), '')}`: `{name}` is not a component.")
    return estimator.set_params(**{**plain, **params})


def _base(axis: str, current: Any, network: Any, stochastic: bool) -> Any:
    """The spec whose parameters are set if none is named; None where "auto" depends on the data."""
    if isinstance(current, Spec):
        return current
    if axis in REGISTERED_AS and isinstance(network, Spec):
        return network
    return None if axis in DEPENDS_ON_DATA else default_spec(axis, stochastic)


def _component(axis: str, value: Any, base: Any) -> Any:
    kind = REGISTERED_AS.get(axis, axis)
    if isinstance(value, str):
        return AUTO if value == AUTO else lookup(kind, value)()
    if not isinstance(value, Mapping):
        raise ParameterError(f"`{axis}` must be 'auto' or one of {', '.join(names(kind))}; got {value!r}.")
    inner = dict(value)
    named = inner.pop(COMPONENT, None)
    if named is not None:
        base = lookup(kind, named)()
    if base is None:
        known = names(kind)
        raise ParameterError(
            f"Cannot set `{axis}.{next(iter(inner), '')}` while `{axis}` is 'auto', which depends on the data. Choose "
            f"one as well: --set {axis}={known[-1]} (known: {', '.join(known)})."
        )
    return _changed(axis, kind, base, inner)


def _changed(axis: str, kind: str, base: Spec, changes: Mapping[str, Any]) -> Spec:
    known = base.get_params(deep=False)
    for name in changes:
        if name not in known:
            others = [
                other
                for other in names(kind)
                if name in {field.name for field in dataclasses.fields(lookup(kind, other))}
            ]
            hint = f" It is a parameter of another {kind}: add --set {axis}={others[0]}." if others else ""
            raise ParameterError(_unknown(type(base).__name__, name, known) + hint)
    return dataclasses.replace(
        base,
        **{
            name: _changed(f"{axis}.{name}", known[name].axis, known[name], value)
            if isinstance(known[name], Spec) and isinstance(value, Mapping)
            else value
            for name, value in changes.items()
        },
    )


def _penalties(estimator: BaseAutoencoder, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor parameters for ``penalties.<name>.<parameter>`` settings."""
    given = settings["penalties"]
    if isinstance(given, str) and given == AUTO:
        return {"penalties": AUTO}
    if not isinstance(given, Mapping):
        raise ParameterError(f"`penalties` takes names and parameters, such as penalties.kl.weight=2; got {given!r}.")
    automatic_kl = estimator.penalties == AUTO and estimator.stochastic
    known = {"kl": KL()} if estimator.penalties == AUTO else dict(estimator.penalties)
    specs = {name: _penalty(name, value, known.get(name)) for name, value in given.items()}
    if not automatic_kl:
        return {"penalties": {**({} if estimator.penalties == AUTO else estimator.penalties), **specs}}
    if set(given) == {"kl"} and isinstance(given["kl"], Mapping) and COMPONENT not in given["kl"]:
        return _automatic_kl(given["kl"], settings)
    if "kl" not in given:
        raise ParameterError(
            "Penalties that are named replace the automatic KL penalty. Add --set penalties.kl.weight=1 to keep it, or "
            "--set penalties.kl.weight=0 to do without."
        )
    return {"penalties": specs, "beta": 1.0}


def _penalty(name: str, value: Any, base: Any) -> Spec:
    """One named penalty; a registered name needs no "component"."""
    inner = {COMPONENT: value} if isinstance(value, str) else value
    if not isinstance(inner, Mapping):
        raise ParameterError(f"`penalties.{name}` takes parameters, such as penalties.{name}.weight=2; got {value!r}.")
    inner = dict(inner)
    if COMPONENT in inner or base is None:
        base = lookup("penalty", inner.pop(COMPONENT, name))()
    return _changed(f"penalties.{name}", "penalty", base, inner)


def _automatic_kl(given: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The automatic KL penalty is set by ``beta`` and ``warmup_epochs``: what is not set stays automatic."""
    params = {}
    for name, value in given.items():
        parameter = {"weight": "beta"}.get(name, name)
        if parameter in settings:
            raise ParameterError(f"`{parameter}` and `penalties.kl.{name}` are the same. Leave one out.")
        params[parameter] = value
    return params


def _unknown(owner: str, name: str, known: Collection[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"{owner} has no parameter `{name}`. Did you mean `{close[0]}`?"
    return f"{owner} has no parameter `{name}`. It has: {', '.join(sorted(known)) or 'none'}."
