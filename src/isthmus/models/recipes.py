"""The named models, which ``isthmus recipes`` prints: one table of each kind."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.core import plugins
from isthmus.core.errors import ParameterError
from isthmus.core.suggestion import did_you_mean

from .deterministic_recipes import DETERMINISTIC
from .importance_weighted_recipes import IMPORTANCE_WEIGHTED
from .quantised_recipes import QUANTISED
from .recipe import Recipe
from .variational_recipes import VARIATIONAL

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe for recipe in (*DETERMINISTIC, *VARIATIONAL, *IMPORTANCE_WEIGHTED, *QUANTISED)
}


def find_recipe(name: str) -> Recipe:
    """The recipe called ``name``; raises :class:`ParameterError` with the known names."""
    if name in RECIPES:
        return RECIPES[name]
    entry = plugins.offered(plugins.RECIPES).get(name)
    if entry is None:
        known = [*RECIPES, *plugins.offered(plugins.RECIPES)]
        raise ParameterError(f"No recipe is called {name!r}.{did_you_mean(name, known)} Known: {', '.join(known)}.")
    found = plugins.load(entry)
    if not isinstance(found, Recipe) or found.name != name:
        raise plugins.refused(entry, "which is no Recipe of that name")
    return found


def installed_recipes() -> list[Recipe]:
    """The recipes that installed packages offer, by name; ours keep their names."""
    return [find_recipe(name) for name in sorted(set(plugins.offered(plugins.RECIPES)) - set(RECIPES))]
