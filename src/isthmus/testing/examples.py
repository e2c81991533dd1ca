"""A small model in float64: what penalties and objectives are checked on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from isthmus.components.latents.base import Latent
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.base import Objective
from isthmus.components.penalties.base import Penalty
from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.noise import Noise
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import AUTO, Parts, complete

ROWS = 6
WIDTH = 4
LATENT_DIM = 2
IMAGE = (8, 9)  # for penalties that look at images
PRIORS = {"sphere": UniformSphere(), "symbols": UniformSymbols()}


def example_model(
    stochastic: bool,
    penalties: Mapping[str, Penalty] | None = None,
    objective: Objective | None = None,
    latent: Latent | None = None,
) -> ComposedAutoencoder:
    """A model with smooth layers for four continuous columns, with weights from a fixed seed, in float64.

    For small images, if a penalty looks at these.
    """
    if latent is None:
        latent = GaussianLatent() if stochastic else Point()
    parts = Parts(
        latent_dim=LATENT_DIM,
        network=MLP(hidden=(3,), activation="tanh"),
        latent=latent,
        prior=PRIORS.get(latent.code_space, AUTO),
        penalties={} if penalties is None else penalties,
        objective=AUTO if objective is None else objective,
    )
    block = Block("continuous", 0, WIDTH, (WIDTH,))
    if any(hasattr(penalty, "shape") for penalty in (penalties or {}).values()):
        block = Block("unit-interval", 0, math.prod(IMAGE), IMAGE, variance=0.1)
    model = complete(parts, [block]).build([block], torch_generator(3)).double()
    model.begin(example_rows(model)[0], ROWS, torch_generator(5))
    return model


def example_rows(model: ComposedAutoencoder) -> tuple[Batch, Noise | None]:
    """Six rows and their noise."""
    generator = torch_generator(4)
    values = torch.randn(ROWS, model.width, generator=generator, dtype=torch.float64)
    if model.blocks[0].kind == "unit-interval":
        values = torch.sigmoid(values)
    return Batch(values), model.draw_noise(ROWS, generator)


def example_passes(model: ComposedAutoencoder) -> tuple[ForwardPass, list[ForwardPass]]:
    """A pass of all rows, and passes of their two unequal parts."""
    batch, noise = example_rows(model)
    pieces = [slice(0, 2), slice(2, ROWS)]
    parts = [model.forward_pass(batch.rows(piece), None if noise is None else noise[piece]) for piece in pieces]
    return model.forward_pass(batch, noise), parts


def pass_of_encoder_output(model: ComposedAutoencoder, parameters: Tensor) -> ForwardPass:
    """The pass that the encoder's output (n, parameter_shape) leads to: a function to differentiate."""
    return model.pass_of(model.latent(parameters), *example_rows(model))


def encoder_output(model: ComposedAutoencoder) -> Tensor:
    """The encoder's output for the example rows."""
    batch, _ = example_rows(model)
    with torch.no_grad():
        return model.encoder(model.features(batch))
