"""Isthmus: learn what is hidden in unlabelled data, and use it.

>>> import isthmus
>>> isthmus.VAE(latent_dim=8)
VAE(latent_dim=8)

The names below load on first use: ``import isthmus`` itself loads neither torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors
from ._version import __version__

if TYPE_CHECKING:
    from .components.latents.gaussian import GaussianLatent
    from .components.latents.point import Point
    from .components.likelihoods.bernoulli import Bernoulli
    from .components.likelihoods.gaussian import Gaussian
    from .components.networks.custom import Custom
    from .components.networks.mlp import MLP
    from .components.objectives.penalised_likelihood import PenalisedLikelihood
    from .components.penalties.kl import KL
    from .components.priors.full_gaussian import FullGaussian
    from .components.priors.mixture import Mixture
    from .components.priors.standard_normal import StandardNormal
    from .estimators.autoencoder import Autoencoder
    from .estimators.checkpoint import Checkpoint
    from .estimators.recipe import recipe
    from .estimators.saving import load
    from .estimators.vae import VAE
    from .training.callbacks import Callback, StopRequest

_HOMES = {
    "Autoencoder": "estimators.autoencoder",
    "Bernoulli": "components.likelihoods.bernoulli",
    "Callback": "training.callbacks",
    "Checkpoint": "estimators.checkpoint",
    "Custom": "components.networks.custom",
    "FullGaussian": "components.priors.full_gaussian",
    "Gaussian": "components.likelihoods.gaussian",
    "GaussianLatent": "components.latents.gaussian",
    "KL": "components.penalties.kl",
    "MLP": "components.networks.mlp",
    "Mixture": "components.priors.mixture",
    "PenalisedLikelihood": "components.objectives.penalised_likelihood",
    "Point": "components.latents.point",
    "StandardNormal": "components.priors.standard_normal",
    "StopRequest": "training.callbacks",
    "VAE": "estimators.vae",
    "load": "estimators.saving",
    "recipe": "estimators.recipe",
}

__all__ = [
    "KL",
    "MLP",
    "VAE",
    "Autoencoder",
    "Bernoulli",
    "Callback",
    "Checkpoint",
    "Custom",
    "FullGaussian",
    "Gaussian",
    "GaussianLatent",
    "Mixture",
    "PenalisedLikelihood",
    "Point",
    "StandardNormal",
    "StopRequest",
    "__version__",
    "errors",
    "load",
    "recipe",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'isthmus' has no attribute {name!r}")
    module = import_module(f"{__name__}.{home}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
