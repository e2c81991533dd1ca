"""Estimators by the name of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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

    Examples
    --------
    >>> recipe("beta-vae", latent_dim=2)
    VAE(beta=4.0, latent_dim=2)
    """
    found = find_recipe(name)
    estimator = ESTIMATORS[found.estimator](**found.params)
    return estimator.set_params(**params)
