"""From a recipe and a tree of settings to an estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.components.networks.custom import Custom
from isthmus.core.errors import ParameterError
from isthmus.core.spec import Spec
from isthmus.estimators.base import BaseAutoencoder
from isthmus.estimators.parameters import AXES
from isthmus.estimators.recipe import estimator_of
from isthmus.models.defaults import AUTO, default_spec
from isthmus.models.recipes import find_recipe

from .components import REGISTERED_AS, component, unknown
from .own_code import search_current_folder
from .penalties import NONE, set_penalties
from .settings import COMPONENT
from .stand_in import latent_of, prior_of
from .without_effect import without_effect

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
        For an unknown recipe, component or parameter, with the closest known name; and for one without effect.
    """
    estimator = estimator_of(find_recipe(recipe_name))
    known = estimator.get_params(deep=False)
    for name in settings:
        if name in ELSEWHERE:
            raise ParameterError(f"`{name}` cannot be set here: {ELSEWHERE[name]}.")
        if name not in known:
            raise ParameterError(unknown(type(estimator).__name__, name, set(known) - set(ELSEWHERE)))
    for name, value in settings.items():
        if name in (*AXES, "penalties"):
            continue
        if isinstance(value, Mapping) and name != "schema":
            raise ParameterError(f"Cannot set `{name}.{next(iter(value), '')}`: `{name}` is not a component.")
        estimator.set_params(**{name: value})
    estimator.validate_parameters()  # what follows computes with them
    _refuse_twice("latent", settings, known)
    for axis in AXES:
        if axis in settings:
            estimator.set_params(**{axis: _part(axis, settings[axis], estimator)})
    for name, reason in without_effect(estimator, "latent" in settings and not _named(settings["latent"])).items():
        if name in settings:
            raise ParameterError(f"`{name}` has no effect: {reason}")
    if "penalties" in settings:
        set_penalties(estimator, settings)
    if any(isinstance(getattr(estimator, axis), Custom) for axis in ("network", "encoder", "decoder")):
        search_current_folder()
    return estimator


def refuse_without_need(recipe_name: str, estimator: BaseAutoencoder) -> None:
    """Raise :class:`ParameterError` for a conditional model without a condition: it would be another model."""
    needs = find_recipe(recipe_name).needs
    schema = estimator.schema
    if needs and (not isinstance(schema, Mapping) or "condition" not in schema.values()):
        raise ParameterError(f"Recipe {recipe_name!r} needs {needs}. In the shell: --schema label=condition.")


def _refuse_twice(axis: str, settings: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """A part's parameter that is one of the estimator's own, too, is set once."""
    value = settings.get(axis)
    for name in value if isinstance(value, Mapping) and COMPONENT not in value else ():
        if name in known and name in settings:
            raise ParameterError(f"`{name}` and `{axis}.{name}` are the same. Leave one out.")


def _named(value: Any) -> bool:
    """A component by its name, not only some parameters of what is there."""
    return isinstance(value, str) or (isinstance(value, Mapping) and COMPONENT in value)


def _part(axis: str, value: Any, estimator: BaseAutoencoder) -> Any:
    if axis == "corruption" and value in NONE:
        return None
    if value == AUTO:
        return AUTO
    base = _base(axis, estimator)
    now = "none" if getattr(estimator, axis) is None else "'auto', which depends on the data"
    return component(axis, REGISTERED_AS.get(axis, axis), value, base, now)


def _base(axis: str, estimator: BaseAutoencoder) -> Spec | None:
    """The spec whose parameters are set if none is named; None where "auto" depends on the data."""
    current = getattr(estimator, axis)
    if isinstance(current, Spec):
        return current
    if axis in REGISTERED_AS and isinstance(estimator.network, Spec):
        return estimator.network
    if axis == "latent":
        return latent_of(estimator)
    if axis == "prior":
        return prior_of(estimator)
    return None if axis in DEPENDS_ON_DATA else default_spec(axis, estimator.stochastic)
