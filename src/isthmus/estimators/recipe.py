"""Estimators by the name of a recipe."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from isthmus.core.errors import CompositionWarning
from isthmus.models.recipe import Recipe
from isthmus.models.recipes import find_recipe

from .autoencoder import Autoencoder
from .base import BaseAutoencoder
from .vae import VAE
from .vqvae import VQVAE

ESTIMATORS: Mapping[str, type[BaseAutoencoder]] = {cls.registered_name: cls for cls in (Autoencoder, VAE, VQVAE)}


def recipe(name: str, **params: Any) -> BaseAutoencoder:
    """An estimator by name, with the recipe's parameters and then yours.

    Parameters
    ----------
    name : str
        One of ``isthmus recipes``.
    **params
        Constructor parameters, nested ones too (``network__hidden=(64,)`` where the recipe sets a network).

    Warns
    -----
    CompositionWarning
        If the recipe needs something that ``params`` do not give: a condition in ``schema``.

    Examples
    --------
    >>> recipe("beta-vae", latent_dim=2)
    VAE(beta=4.0, latent_dim=2)
    """
    found = find_recipe(name)
    schema = params.get("schema")
    if found.needs and not (isinstance(schema, Mapping) and "condition" in schema.values()):
        warnings.warn(f"Recipe {name!r} needs {found.needs}.", CompositionWarning, stacklevel=2)
    return estimator_of(found).set_params(**params)


def estimator_of(recipe: Recipe) -> BaseAutoencoder:
    """The estimator that a recipe describes, with the recipe's parameters alone."""
    return ESTIMATORS[recipe.estimator](**recipe.params)
