"""Settings of penalties: added to those that a recipe has, or that come by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.core.errors import ParameterError
from isthmus.core.registry import lookup, names
from isthmus.core.spec import Spec
from isthmus.estimators.base import BaseAutoencoder
from isthmus.models.defaults import AUTO

from .components import changed
from .settings import COMPONENT
from .stand_in import automatic_penalties

SHORT_FORMS: Mapping[str, Mapping[str, str]] = {
    "kl": {"weight": "beta", "warmup_epochs": "warmup_epochs"},
    "commitment": {"weight": "commitment"},
}
"""Numbers of automatic penalties that are constructor parameters of estimators."""

NONE = (None, "none")


def set_penalties(estimator: BaseAutoencoder, settings: Mapping[str, Any]) -> None:
    """Change the penalties of ``estimator``, whose other settings are made, as ``settings["penalties"]`` says.

    Named penalties stand beside those that are there: a recipe's, or the automatic ones (the divergence of a VAE, the
    commitment of quantised codes). "none" leaves one out.
    """
    given = settings["penalties"]
    if isinstance(given, str) and given == AUTO:
        estimator.set_params(penalties=AUTO)
        return
    if not isinstance(given, Mapping):
        raise ParameterError(f"`penalties` takes names and parameters, such as penalties.kl.weight=2; got {given!r}.")
    if estimator.penalties == AUTO:
        given = _short_forms(estimator, given, settings)
        if not given:
            return
        known: Mapping[str, Any] = automatic_penalties(estimator)
        moved = {parameter for short in SHORT_FORMS.values() for parameter in short.values()}
    else:
        known = estimator.penalties
        moved = {"beta"} if _weight_of_beta(known, given, settings) else set()
    merged = dict(known)
    for name, value in given.items():
        if value in NONE:
            if name not in known:
                there = ", ".join(known) or "none"
                raise ParameterError(f"There is no penalty `{name}` to leave out. There are: {there}.")
            del merged[name]
        else:
            merged[name] = _penalty(name, value, known.get(name))
    usual = type(estimator)().get_params(deep=False)  # what moved is in the penalties now
    estimator.set_params(penalties=merged, **{name: usual[name] for name in moved & set(usual)})


def _short_forms(estimator: BaseAutoencoder, given: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Set what is a constructor parameter too; what remains is returned.

    The number then keeps what is automatic about it: the warm-up goes to another weight.
    """
    automatic = automatic_penalties(estimator)
    own = estimator.get_params(deep=False)
    rest: dict[str, Any] = {}
    for name, value in given.items():
        if name not in automatic or not isinstance(value, Mapping) or COMPONENT in value:
            rest[name] = value
            continue
        short = {key: one for key, one in SHORT_FORMS.get(name, {}).items() if key in value and one in own}
        for key, parameter in short.items():
            if parameter in settings:
                raise ParameterError(f"`{parameter}` and `penalties.{name}.{key}` are the same. Leave one out.")
        numbers = {key for key in short if isinstance(value[key], int | float)}
        estimator.set_params(**{short[key]: value[key] for key in numbers})
        remaining = {key: one for key, one in value.items() if key not in numbers}
        if remaining:
            rest[name] = remaining
    estimator.validate_parameters()
    return rest


def _weight_of_beta(known: Mapping[str, Any], given: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether a recipe's penalty whose weight ``beta`` sets is given a weight of its own, or taken away."""
    for name, penalty in known.items():
        if penalty.beta_offset is None or name not in given:
            continue
        value = given[name]
        if not _has_own_weight(value):
            continue
        if "beta" in settings:
            raise ParameterError(f"`beta` and `penalties.{name}` set the same weight. Leave one out.")
        return True
    return False


def _has_own_weight(value: Any) -> bool:
    """Whether what is set for a penalty leaves no weight to ``beta``."""
    inner = {COMPONENT: value} if isinstance(value, str) else value
    if not isinstance(inner, Mapping) or "weight" in inner or inner.get(COMPONENT) in NONE[1:]:
        return True
    return COMPONENT in inner and lookup("penalty", inner[COMPONENT]).beta_offset is None  # type: ignore[attr-defined]


def _penalty(name: str, value: Any, base: Spec | None) -> Spec:
    """One named penalty; a registered name needs no "component"."""
    inner = {COMPONENT: value} if isinstance(value, str) else value
    if not isinstance(inner, Mapping):
        raise ParameterError(f"`penalties.{name}` takes parameters, such as penalties.{name}.weight=2; got {value!r}.")
    inner = dict(inner)
    if COMPONENT in inner or base is None:
        base = lookup("penalty", inner.pop(COMPONENT, _registered(name)))()
    return changed(f"penalties.{name}", "penalty", base, inner)


def _registered(name: str) -> str:
    """``total_correlation`` is a name for parameters, ``total-correlation`` that of the component."""
    dashed = name.replace("_", "-")
    return dashed if dashed in names("penalty") else name
