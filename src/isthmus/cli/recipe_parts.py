"""What a recipe is made of, and what of it can be set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import isthmus.components  # noqa: F401 - registers every component
from isthmus.core.registry import names
from isthmus.core.spec import Spec
from isthmus.estimators.base import BaseAutoencoder
from isthmus.models.defaults import AUTO, default_spec

from .assembling import DEPENDS_ON_DATA, ELSEWHERE
from .component_words import NONE, named_part_words, part_words
from .components import REGISTERED_AS
from .penalties import SHORT_FORMS
from .stand_in import automatic_penalties, composition_of, latent_of, prior_of
from .without_effect import without_effect


def parts(estimator: BaseAutoencoder) -> list[tuple[str, str]]:
    """Each axis, from the data to the loss, and what stands there."""
    composition = composition_of(estimator)
    named = {name: getattr(estimator, name) for name in ("encoder", "decoder")}
    if any(isinstance(one, Spec) for one in named.values()):
        networks = [(name, one if isinstance(one, Spec) else _network(estimator)) for name, one in named.items()]
    else:
        networks = [("network", _network(estimator))]
    likelihood = estimator.likelihood
    return [
        ("corruption", part_words(composition.corruption)),
        *((name, part_words(spec) + (", mirrored" if name == "network" else "")) for name, spec in networks),
        ("latent", part_words(composition.latent)),
        ("prior", part_words(composition.prior)),
        ("likelihood", part_words(likelihood) if isinstance(likelihood, Spec) else "depends on the data"),
        ("objective", part_words(composition.objective)),
        *_penalties(estimator),
    ]


def choices() -> list[tuple[str, str]]:
    """Each axis, and all that can stand there."""
    axes = ("corruption", "network", "latent", "prior", "likelihood", "objective", "penalty", "schedule")
    return [
        ({"penalty": "penalties", "schedule": "schedules"}.get(axis, axis), ", ".join(names(axis))) for axis in axes
    ]


def parameters(estimator: BaseAutoencoder) -> dict[str, Any]:
    """Every settable name with its value; of components that are "auto", the parameters of what that stands for."""
    hidden = {*ELSEWHERE, *without_effect(estimator)}
    values: dict[str, Any] = {}
    for name, value in estimator.get_params(deep=False).items():
        if name in hidden:
            continue
        if name == "penalties" and isinstance(value, Mapping):
            for inner, penalty in value.items():
                values[f"penalties.{inner}"] = penalty.name
                values.update(_nested(f"penalties.{inner}", penalty, _set_by_beta(estimator, penalty)))
            continue
        values[name] = value.name if isinstance(value, Spec) else value
        spec = value if isinstance(value, Spec) else _stands_for(estimator, name)
        if isinstance(spec, Spec):
            own = set() if isinstance(value, Spec) else set(estimator.get_params(deep=False))
            values.update(_nested(name, spec, own))
    return {**dict(sorted(values.items())), "random_state": 0}


def _stands_for(estimator: BaseAutoencoder, name: str) -> Any:
    if getattr(estimator, name) != AUTO or name in (*DEPENDS_ON_DATA, *REGISTERED_AS):
        return None
    if name == "latent":
        return latent_of(estimator)
    return prior_of(estimator) if name == "prior" else default_spec(name, estimator.stochastic)


def _nested(name: str, spec: Spec, hidden: set[str]) -> dict[str, Any]:
    """The parameters of a spec and of those inside it, under dotted names."""
    values: dict[str, Any] = {}
    for inner, value in spec.get_params(deep=False).items():
        if inner in hidden:
            continue
        values[f"{name}.{inner}"] = value.name if isinstance(value, Spec) else value
        if isinstance(value, Spec):
            values.update(_nested(f"{name}.{inner}", value, set()))
    return values


def _set_by_beta(estimator: BaseAutoencoder, penalty: Any) -> set[str]:
    return {"weight"} if penalty.beta_offset is not None and getattr(estimator, "beta", 1.0) != 1.0 else set()


def _penalties(estimator: BaseAutoencoder) -> list[tuple[str, str]]:
    """A line for each penalty."""
    automatic = isinstance(estimator.penalties, str)
    penalties = automatic_penalties(estimator) if automatic else dict(estimator.penalties)
    told = []
    for name, penalty in penalties.items():
        words = named_part_words(name, penalty)
        if automatic:
            own = [one for one in SHORT_FORMS.get(name, {}).values() if one in estimator.get_params(deep=False)]
            words += f" (set by {' and '.join(own)})" if own else ""
        elif penalty.beta_offset is not None and _set_by_beta(estimator, penalty):
            weight = float(getattr(estimator, "beta", 1.0)) - penalty.beta_offset
            words = f"{named_part_words(name, penalty.replace(weight=weight))} (set by beta)"
        told.append(words)
    return [("penalties" if place == 0 else "", words) for place, words in enumerate(told or [NONE])]


def _network(estimator: BaseAutoencoder) -> Any:
    # The composition's own is sized for the stand-in.
    return estimator.network if isinstance(estimator.network, Spec) else default_spec("network", estimator.stochastic)
