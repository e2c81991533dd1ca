"""``isthmus recipes``: the models that have a name."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

from .options import debug_option, examples

if TYPE_CHECKING:
    from isthmus.estimators.base import BaseAutoencoder
    from isthmus.models.recipes import Recipe

WIDTH = 100


@click.command("recipes", epilog=examples("isthmus recipes", "isthmus recipes beta-vae"))
@click.argument("name", required=False)
@debug_option
def command(name: str | None) -> None:
    """List the models that have a name, with their papers; with NAME, what that one is made of and can be set."""
    from isthmus.models.recipes import RECIPES, find_recipe

    from .tables import listed

    if name is None:
        lines = [
            pair for recipe in RECIPES.values() for pair in ((recipe.name, recipe.summary), ("", f"{recipe.paper}."))
        ]
        click.echo(listed(lines, indent=""))
    else:
        click.echo(_described(find_recipe(name)))


def _described(recipe: Recipe) -> str:
    from isthmus.estimators.recipe import recipe as build

    from .tables import listed

    estimator = build(recipe.name)
    python = f"isthmus.recipe({recipe.name!r}, latent_dim=8)"
    return "\n".join(
        [
            recipe.name,
            *textwrap.wrap(recipe.summary, WIDTH),
            "",
            listed([("minimises", recipe.formula), ("paper", recipe.paper), ("in Python", python)]),
            "",
            "Composition",
            listed(_composition(estimator)),
            "",
            "Parameters (--set NAME=VALUE)",
            listed([(name, _text(value)) for name, value in _parameters(estimator).items()]),
        ]
    )


def _composition(estimator: BaseAutoencoder) -> list[tuple[str, str]]:
    """Each axis: what stands there, and what else can."""
    import isthmus.components  # noqa: F401 - registers every component
    from isthmus.core.registry import names
    from isthmus.core.spec import Spec
    from isthmus.estimators.parameters import AXES
    from isthmus.models.defaults import default_spec

    from .assembling import DEPENDS_ON_DATA, REGISTERED_AS

    parts = []
    for axis in AXES:
        value = getattr(estimator, axis)
        spec = value if isinstance(value, Spec) else default_spec(axis, estimator.stochastic)
        words = "depends on the data" if value == "auto" and axis in DEPENDS_ON_DATA else spec.name if spec else "none"
        if axis in REGISTERED_AS:
            words = "as network" if value == "auto" else words
            others: list[str] = []
        else:
            others = [name for name in names(axis) if name != words]
        parts.append((axis, words + (f" (others: {', '.join(others)})" if others else "")))
    penalties = estimator.penalties if isinstance(estimator.penalties, dict) else {}
    automatic = ["kl"] if estimator.penalties == "auto" and estimator.stochastic else []
    parts.append(("penalties", ", ".join([*penalties, *automatic]) or "none"))
    return parts


def _parameters(estimator: BaseAutoencoder) -> dict[str, Any]:
    """Every settable name with its value; of components that are "auto", the parameters of what that stands for."""
    from isthmus.core.spec import Spec
    from isthmus.models.defaults import default_spec

    from .assembling import DEPENDS_ON_DATA, ELSEWHERE, REGISTERED_AS

    values: dict[str, Any] = {}
    for name, value in estimator.get_params().items():
        if name in ELSEWHERE:
            continue
        spec = value
        if value == "auto" and name not in (*DEPENDS_ON_DATA, *REGISTERED_AS):
            spec = default_spec(name, estimator.stochastic)
        values[name.replace("__", ".")] = value.name if isinstance(value, Spec) else value
        if isinstance(spec, Spec):
            values.update({f"{name}.{inner}": one for inner, one in spec.get_params().items()})
    return {**dict(sorted(values.items())), "random_state": 0}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
