"""Penalties and layers that look at the networks: Jacobians, weights, singular values."""

from __future__ import annotations

import math

import numpy as np
import torch
from linear_models import linear_model
from scipy import special
from torch import nn

from isthmus.components.latents.base import Latent
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.layers import SpectralLinear
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.contraction import Contraction
from isthmus.components.penalties.decoder_gradient import DecoderGradient
from isthmus.components.penalties.weight_decay import WeightDecay
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition

from .known_numbers import close, item, values

ROWS, WIDTH, DIM = 4, 5, 3


def _model(encoder: MLP, latent: Latent) -> ComposedAutoencoder:
    composition = Composition(
        latent_dim=DIM,
        encoder=encoder,
        decoder=MLP(hidden=()),
        latent=latent,
        prior=StandardNormal(),
        likelihoods=(Gaussian(mean="identity"),),
        penalties={},
        objective=PenalisedLikelihood(),
    )
    generator = torch.Generator().manual_seed(0)
    return composition.build([Block("continuous", 0, WIDTH, (WIDTH,))], generator).double()


def _weight(network: nn.Module, place: int) -> np.ndarray:
    return network[place].weight.detach().numpy()


def jacobians_are_those_of_the_chain_rule() -> None:
    rows = values(ROWS, WIDTH)
    shallow = _model(MLP(hidden=()), Point(activation="sigmoid"))
    matrix = _weight(shallow.encoder, 0)
    code = special.expit(rows.numpy() @ matrix.T)
    jacobians = (code * (1 - code))[:, :, None] * matrix
    deep = _model(MLP(hidden=(4,), activation="tanh"), Point())
    hidden = np.tanh(rows.numpy() @ _weight(deep.encoder, 0).T)
    chained = np.einsum("jk,nk,ki->nji", _weight(deep.encoder, 2), 1 - hidden**2, _weight(deep.encoder, 0))
    # Probes along all axes give the estimate without its noise; their length does not matter.
    probes = (torch.eye(DIM).double() * torch.tensor([0.5, 2.0, 3.0])).flatten().expand(ROWS, -1)
    for model, wanted in ((shallow, jacobians), (deep, chained)):
        found = model.forward_pass(Batch(rows), None)
        close(item(Contraction(estimator="exact").value(found)), (wanted**2).sum())
        close(item(Contraction(estimator="hutchinson", probes=DIM).value(found, probes)), (wanted**2).sum())
        # One direction for each row: ‖Jᵀv‖² with ‖v‖² = q.
        noise = values(ROWS, DIM, seed=1)
        unit = noise.numpy() / np.linalg.norm(noise.numpy(), axis=1, keepdims=True)
        pulled = math.sqrt(DIM) * np.einsum("nji,nj->ni", wanted, unit)
        close(item(Contraction(estimator="hutchinson").value(found, noise)), (pulled**2).sum())


def exact_jacobians_have_the_gradient_of_their_value() -> None:
    rows, step = values(ROWS, WIDTH), 1e-6
    for encoder, latent in ((MLP(hidden=()), Point("tanh")), (MLP(hidden=(4,), activation="tanh"), Point())):
        model, spec = _model(encoder, latent), Contraction(estimator="exact")
        weight = model.encoder[0].weight
        (gradient,) = torch.autograd.grad(spec.value(model.forward_pass(Batch(rows), None)), weight)
        direction, found = values(*weight.shape, seed=5), []
        with torch.no_grad():
            for sign in (1, -2, 1):  # there, to the other side, and back
                weight.add_(sign * step * direction)
                found.append(item(spec.value(model.forward_pass(Batch(rows), None))))
        close(item((gradient * direction).sum()), (found[0] - found[1]) / (2 * step), 1e-6)


def decoders_are_measured_along_the_noise() -> None:
    model = linear_model(WIDTH, DIM, stochastic=False)
    noise = values(ROWS, DIM, seed=1)
    found = DecoderGradient().value(model.forward_pass(Batch(values(ROWS, WIDTH)), None), noise)
    close(item(found), ((noise.numpy() @ _weight(model.decoder, 0).T) ** 2).sum())


def weights_are_half_their_squares() -> None:
    model = linear_model(WIDTH, DIM, stochastic=False)
    with torch.no_grad():
        model.encoder[0].bias.fill_(7.0)
    found = model.forward_pass(Batch(values(ROWS, WIDTH)), None)
    squares = {name: (_weight(getattr(model, name), 0) ** 2).sum() for name in ("encoder", "decoder")}
    for on, wanted in (*squares.items(), ("both", sum(squares.values()))):
        close(item(WeightDecay(on=on).value(found)), 0.5 * ROWS * wanted)


def the_largest_singular_value_becomes_one() -> None:
    layer = SpectralLinear(WIDTH, DIM).double()
    layer.initialise(torch.Generator().manual_seed(0))
    rows = values(ROWS, WIDTH)
    with torch.no_grad():
        layer.bias.copy_(values(DIM))
        largest = np.linalg.svd(layer.weight.numpy(), compute_uv=False)[0]
        close(layer.eval()(rows), rows @ layer.weight.T / largest + layer.bias, 1e-6)
        # A training step follows other weights by one power iteration.
        layer.weight.copy_(values(DIM, WIDTH, seed=1))
        layer.train()(rows)
    right = layer.weight.detach().T @ layer.left
    left = layer.weight.detach() @ (right / right.norm())
    close(layer.pending["left"], left / left.norm(), 1e-10)
    found = layer.largest_singular_value()
    close(item(found), left.norm(), 1e-10)
    # The derivative of a singular value is the product of its vectors.
    (gradient,) = torch.autograd.grad(found, layer.weight)
    close(gradient, torch.outer(left / left.norm(), right / right.norm()), 1e-10)
