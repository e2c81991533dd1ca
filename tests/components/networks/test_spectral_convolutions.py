"""Convolutions of spectral norm 1: against the singular values of the operator, written out as a matrix."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.custom import Custom
from isthmus.components.networks.layers import SpectralLinear, initialise
from isthmus.components.networks.mlp import MLP
from isthmus.components.networks.spectral_convolutions import (
    SpectralConvolution,
    SpectralMap,
    SpectralResizeConvolution,
    SpectralTransposedConvolution,
)
from isthmus.components.networks.spectral_norm import SpectralNorm
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.progress import END
from isthmus.core.random import torch_generator
from isthmus.models.defaults import Parts, complete

from .small_networks import normal

BEFORE = (5, 6)
LAYERS = {
    "halving, even kernel": lambda: SpectralConvolution(2, 3, 4, (3, 3), 2, before=BEFORE),
    "halving, odd kernel": lambda: SpectralConvolution(2, 3, 5, (3, 3), 2, before=BEFORE),
    "same size, even kernel": lambda: SpectralConvolution(2, 3, 4, BEFORE, before=BEFORE),
    "one by one": lambda: SpectralConvolution(2, 3, 1, BEFORE, before=BEFORE),
    "resize": lambda: SpectralResizeConvolution(2, 3, 3, (10, 12), before=BEFORE),
    "resize, odd sizes": lambda: SpectralResizeConvolution(2, 3, 5, (9, 11), before=BEFORE),
    "transposed": lambda: SpectralTransposedConvolution(2, 3, 4, (10, 12), before=BEFORE),
    "transposed, odd sizes": lambda: SpectralTransposedConvolution(2, 3, 5, (9, 11), before=BEFORE),
}


def layer_of(name: str) -> SpectralMap:
    layer = LAYERS[name]().double()
    layer.initialise(torch_generator(0))
    with torch.no_grad():
        layer.bias.copy_(normal(3))
    return layer


def matrix_of(layer: SpectralMap) -> Tensor:
    """What the layer does to maps before it is divided, as a matrix (out · h' · w', in · h · w)."""
    return layer.product(torch.eye(2 * 5 * 6).double().unflatten(1, (2, *BEFORE)), None).flatten(1).T


@pytest.mark.parametrize("name", LAYERS)
def test_the_norm_is_that_of_the_operator(name: str) -> None:
    layer = layer_of(name)
    exact = torch.linalg.matrix_norm(matrix_of(layer).detach(), 2)
    assert float(layer.largest_singular_value().detach() / exact) == pytest.approx(1.0, abs=0.02)
    maps = normal(4, 2, *BEFORE).double()
    estimate = layer.largest_singular_value()
    wanted = (matrix_of(layer) / estimate @ maps.flatten(1).T).T.unflatten(1, (3, *layer.size))
    torch.testing.assert_close(layer(maps), wanted + layer.bias[:, None, None], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_the_adjoint_is_the_transposed_matrix(name: str) -> None:
    layer = layer_of(name)
    after = normal(3, 3, *layer.size).double()
    wanted = (after.flatten(1) @ matrix_of(layer)).unflatten(1, (2, *BEFORE))
    torch.testing.assert_close(layer.adjoint(after), wanted, rtol=1e-10, atol=1e-12)


def test_the_kernel_as_a_matrix_would_say_too_little() -> None:
    """Why it is the operator's: repeated pixels are counted four times, and neighbours overlap."""
    layer = layer_of("resize")
    kernel = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
    assert float(torch.linalg.matrix_norm(matrix_of(layer).detach(), 2) / kernel) > 2.5


@pytest.mark.parametrize("name", ["halving, even kernel", "resize, odd sizes", "transposed"])
def test_the_power_iteration_is_left_to_the_loop_and_converges(name: str) -> None:
    layer = layer_of(name).train()
    with torch.no_grad():
        layer.weight.copy_(normal(*layer.weight.shape, seed=1))
    maps, before = normal(2, 2, *BEFORE).double(), layer.right.clone()
    assert torch.equal(layer(maps), layer(maps))
    assert torch.equal(layer.right, before)
    assert not torch.equal(layer.pending["right"], before)
    values = [float(layer.largest_singular_value().detach())]
    for _ in range(400):
        layer.right.copy_(layer.pending["right"])
        values.append(float(layer.largest_singular_value().detach()))
    exact = float(torch.linalg.matrix_norm(matrix_of(layer).detach(), 2))
    assert values[0] < 0.99 * exact
    assert all(later >= earlier * (1 - 1e-12) for earlier, later in itertools.pairwise(values))
    assert values[-1] == pytest.approx(exact, rel=1e-6)
    layer.eval()
    assert float(layer.largest_singular_value().detach()) == pytest.approx(exact, rel=1e-6)
    assert layer.pending == {}
    layer.train()(maps).pow(3).sum().backward()  # now the singular vectors are known: the gradient is the exact one
    found = layer.weight.grad.clone()
    layer.weight.grad = None
    operator = matrix_of(layer)
    ((operator / torch.linalg.matrix_norm(operator, 2)) @ maps.flatten(1).T).T.unflatten(1, (3, *layer.size)).add(
        layer.bias[:, None, None]
    ).pow(3).sum().backward()
    torch.testing.assert_close(found, layer.weight.grad, rtol=1e-3, atol=1e-3 * float(found.abs().max()))


def test_before_initialisation_it_gives_zeros() -> None:
    layer = LAYERS["resize"]().train()
    assert torch.equal(layer(normal(2, 2, *BEFORE)), torch.zeros(2, 3, 10, 12))


IMAGE = Block("unit-interval", 0, 72, (8, 9), variance=0.1)


@pytest.mark.parametrize("upsampling", ["resize", "transposed"])
@pytest.mark.parametrize("spatial", [False, True])
def test_a_trained_decoder_moves_its_output_no_further_than_its_code(upsampling: str, spatial: bool) -> None:
    network = Convolutional(channels=(4, 6), upsampling=upsampling, activation="relu", spatial=spatial)
    network = network if spatial else network.replace(hidden=(5,))
    parts = Parts(network=network, decoder=SpectralNorm(), latent_dim=6)
    model = complete(parts, [IMAGE]).build([IMAGE], torch_generator(0)).double().train()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    batch = Batch(torch.rand(16, 72, generator=torch_generator(1)).double())
    bounded = [name for name, one in model.named_modules() if isinstance(one, (SpectralMap, SpectralLinear))]
    assert len(bounded) == (3 if spatial else 4)
    assert all(name.startswith("decoder.") for name in bounded)
    for _ in range(40):
        terms = model.loss(batch, None, model.weights(END))
        optimiser.zero_grad()
        terms.total.backward()
        optimiser.step()
        assert {name.rsplit(".", 1)[0] for name in terms.updates} == set(bounded)
        model.apply_updates(terms.updates)
    model.eval()
    with torch.no_grad():
        z = 3 * normal(100, 2, 6).double()
        ends = model.decoder(z.flatten(0, 1)).unflatten(0, (100, 2))
        moved, distance = (ends[:, 0] - ends[:, 1]).norm(dim=-1), (z[:, 0] - z[:, 1]).norm(dim=-1)
        assert (moved <= 1.02 * distance).all()
        assert (moved > 1e-3 * distance).all()


def test_networks_of_all_kinds_are_made_of_such_layers() -> None:
    spec = Convolutional(channels=(4, 6), hidden=(5,), normalisation="group", spectral_norm=True, shape=(8, 9))
    for network in (spec.build(72, 3), spec.build(3, 72, mirrored=True)):
        weighted = [
            layer for layer in network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))
        ]
        assert len(weighted) == 4
        assert all(isinstance(layer, (SpectralMap, SpectralLinear)) for layer in weighted)
        initialise(network, torch_generator(0))
        assert {name.split(".")[1] for name in network.state_dict()} >= {"left", "right"}


def test_residual_blocks_are_refused() -> None:
    with pytest.raises(
        ParameterError, match=r"`spectral_norm`=True does not go with `blocks`=2: .* Leave one of the two"
    ):
        Convolutional(spectral_norm=True, blocks=2).sized((28, 28))


# The same network with such layers


def test_it_is_the_network_beside_it() -> None:
    rows = Block("continuous", 0, 6, (6,))
    found = complete(Parts(decoder=SpectralNorm()), [rows])
    assert found.decoder == found.encoder.replace(spectral_norm=True)
    large = Block("unit-interval", 0, 32 * 32, (32, 32), variance=0.1)
    found = complete(Parts(decoder=SpectralNorm()), [large])
    assert found.decoder == Convolutional().sized((32, 32, 1)).replace(spectral_norm=True)
    assert found.encoder == Convolutional().sized((32, 32, 1))
    found = complete(Parts(network=MLP(hidden=(7,)), encoder=SpectralNorm()), [large])
    assert (found.encoder, found.decoder) == (MLP(hidden=(7,), spectral_norm=True), MLP(hidden=(7,)))
    assert complete(Parts(network=SpectralNorm()), [rows]).encoder.spectral_norm


def test_what_has_no_such_layers_is_refused() -> None:
    rows = Block("continuous", 0, 6, (6,))
    with pytest.raises(
        ParameterError, match=r"SpectralNorm: network `custom` has no layers with spectral norms\. Use MLP"
    ):
        complete(Parts(network=Custom("isthmus.testing.networks:two_layers"), decoder=SpectralNorm()), [rows])
    with pytest.raises(
        ParameterError, match=r"stands for the `network` of a model, and builds nothing by itself\. Use MLP"
    ):
        SpectralNorm().build(3, 2)
