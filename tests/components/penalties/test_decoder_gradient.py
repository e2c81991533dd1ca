"""DecoderGradient: exact on average over noise, against the Jacobian by reverse-mode differentiation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.decoder_gradient import DecoderGradient
from isthmus.components.penalties.directional_derivative import directional_derivative
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.core.progress import END
from isthmus.core.random import torch_generator
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete

ROWS, WIDTH, LATENT_DIM = 5, 6, 3


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def model_of(network: MLP, penalised: bool = True, stochastic: bool = False) -> ComposedAutoencoder:
    block = Block("continuous", 0, WIDTH, (WIDTH,))
    parts = Parts(
        latent_dim=LATENT_DIM,
        network=network,
        likelihood=Gaussian(sigma=1.0, mean="identity"),
        penalties={"gradient": DecoderGradient()} if penalised else {},
        stochastic=stochastic,
    )
    return complete(parts, [block]).build([block], torch_generator(1)).double()


def sum_over_directions(model: ComposedAutoencoder, rows: Tensor, latent: Tensor | None = None) -> float:
    """The value averaged over v = √q·e_j, whose mean outer product is the identity: the exact expectation."""
    total = 0.0
    for direction in math.sqrt(LATENT_DIM) * torch.eye(LATENT_DIM, dtype=torch.float64):
        noise = Noise(latent, penalties={"gradient": direction.expand(len(rows), LATENT_DIM)})
        total += float(model.loss(Batch(rows), noise, model.weights(END)).parts["gradient"].detach())
    return total / LATENT_DIM


def test_a_linear_decoder_gives_its_squared_weights() -> None:
    model, rows, noise = model_of(MLP(hidden=())), values(ROWS, WIDTH), values(ROWS, LATENT_DIM, seed=2)
    weight = model.decoder[0].weight.detach()
    value = model.loss(Batch(rows), Noise(penalties={"gradient": noise}), model.weights(END)).parts["gradient"]
    assert float(value.detach()) == pytest.approx(float((noise @ weight.T).square().sum()), rel=1e-12)
    assert sum_over_directions(model, rows) == pytest.approx(ROWS * float(weight.square().sum()), rel=1e-12)


@pytest.mark.parametrize("stochastic", [False, True])
def test_the_expectation_is_the_squared_jacobian_at_the_code(stochastic: bool) -> None:
    model, rows = model_of(MLP(hidden=(7,), activation="tanh"), stochastic=stochastic), values(ROWS, WIDTH)
    latent = values(ROWS, LATENT_DIM, seed=3) if stochastic else None
    codes = model.encode(rows).code.detach()
    wanted = 0.0
    for code in codes:
        jacobian = torch.autograd.functional.jacobian(lambda z: model.decode(z[None]).mean[0], code)
        wanted += float(jacobian.square().sum())
    assert sum_over_directions(model, rows, latent) == pytest.approx(wanted, rel=1e-10)
    with torch.no_grad():  # as held-out rows are evaluated
        assert sum_over_directions(model, rows, latent) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize(
    "network", [MLP(hidden=(7,), normalisation="batch"), MLP(hidden=(7,), spectral_norm=True)], ids=repr
)
def test_the_second_evaluation_is_no_part_of_the_step(network: MLP) -> None:
    """Statistics that layers leave for the loop come from the step's own pass, in plain tensors."""
    rows, noise, latent = values(ROWS, WIDTH), values(ROWS, LATENT_DIM, seed=2), values(ROWS, LATENT_DIM, seed=3)
    model, plain = (model_of(network, penalised, stochastic=True).train() for penalised in (True, False))
    terms = model.loss(Batch(rows), Noise(latent, penalties={"gradient": noise}), model.weights(END))
    wanted = plain.loss(Batch(rows), Noise(latent), plain.weights(END)).updates
    assert set(terms.updates) == set(wanted)
    assert wanted
    for name, value in wanted.items():
        assert torch.equal(terms.updates[name], value), name
    model.apply_updates(terms.updates)
    terms.total.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_directional_derivative_is_the_jacobian_times_the_direction() -> None:
    network = MLP(hidden=(4,), activation="sigmoid").build(3, 2).double()
    torch.nn.init.normal_(network[0].weight, generator=torch_generator(3))
    torch.nn.init.normal_(network[2].weight, generator=torch_generator(4))
    at, along = values(ROWS, 3), values(ROWS, 3, seed=5)
    found = directional_derivative(network, at, along)
    for row in range(ROWS):
        jacobian = torch.autograd.functional.jacobian(network, at[row])
        torch.testing.assert_close(found[row], jacobian @ along[row], rtol=1e-12, atol=1e-14)


def test_noise_is_asked_for() -> None:
    model = model_of(MLP(hidden=()))
    with pytest.raises(TypeError, match=r"DecoderGradient estimates something.*draw_noise"):
        model.loss(Batch(values(ROWS, WIDTH)), None, model.weights(END))
