"""What an estimator's parts come to, before there is any data."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from isthmus.components.latents.base import Latent
from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.objectives.base import Objective
from isthmus.components.penalties.base import Penalty
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.base import Prior
from isthmus.core.blocks import Block
from isthmus.core.schedule import LinearSchedule
from isthmus.core.spec import Spec
from isthmus.estimators.base import BaseAutoencoder
from isthmus.estimators.vae import VAE, WARMUP_SHARE
from isthmus.models.composition import Composition
from isthmus.models.defaults import AUTO, Parts, complete, default_spec, prior_for
from isthmus.training.settings import TrainingSettings

# Sixteen columns of numbers, one epoch: nothing that is shown or set depends on them.
_BLOCK = Block("continuous", 0, 16, (16,))
_IMAGE = (64, 64)
_SETTINGS = TrainingSettings(1, None, 1, 1.0, "constant", None)


def composition_of(estimator: BaseAutoencoder) -> Composition:
    """The composition for rows of some continuous columns, or for images where a network asks for them.

    Raises
    ------
    ParameterError
        The parts make no sense together.
    """
    parts = _parts(estimator)
    given = {name: getattr(parts, name) for name in ("network", "encoder", "decoder")}
    # A code that is a map must fit the size of the images, which is not known yet.
    plain: dict[str, Any] = {
        name: network.replace(spatial=False, code_channels=AUTO)
        for name, network in given.items()
        if isinstance(network, Convolutional)
    }
    return complete(replace(parts, **plain), [_block(parts)])


def _block(parts: Parts) -> Block:
    """What the rows are made of: images of the network's own shape, or of any where it will come from the data."""
    for network in (parts.network, parts.encoder, parts.decoder):
        if isinstance(network, Convolutional):
            shape = _IMAGE if isinstance(network.shape, str) else tuple(network.shape)
            return Block("continuous", 0, math.prod(shape), shape)
    return _BLOCK


def latent_of(estimator: BaseAutoencoder) -> Latent:
    """The latent that is set, or that "auto" stands for."""
    latent = _parts(estimator).latent
    if isinstance(latent, Spec):
        return latent  # type: ignore[return-value]
    return default_spec("latent", estimator.stochastic)  # type: ignore[return-value]


def prior_of(estimator: BaseAutoencoder) -> Prior:
    """The prior that is set, or that goes with the latent."""
    return estimator.prior if isinstance(estimator.prior, Spec) else prior_for(latent_of(estimator))  # type: ignore[return-value]


def objective_of(estimator: BaseAutoencoder) -> Objective:
    """The objective that is set, or that "auto" stands for."""
    objective = estimator.objective
    return objective if isinstance(objective, Spec) else default_spec("objective", estimator.stochastic)  # type: ignore[return-value]


def automatic_penalties(estimator: BaseAutoencoder) -> dict[str, Penalty]:
    """What "auto" stands for in ``penalties``, each as a spec of its own.

    A warm-up over "auto" epochs is one over the same share of the run.
    """
    penalties = dict(composition_of(estimator).penalties)
    divergence = penalties.get("kl")
    if isinstance(estimator, VAE) and isinstance(divergence, KL):
        if isinstance(estimator.warmup_epochs, str):
            weight = LinearSchedule(0.0, float(estimator.beta), until=WARMUP_SHARE)
            penalties["kl"] = KL(weight=weight)
        else:
            penalties["kl"] = KL(weight=float(estimator.beta), warmup_epochs=float(estimator.warmup_epochs))
    return penalties


def _parts(estimator: BaseAutoencoder) -> Parts:
    return estimator._parts(_SETTINGS)
