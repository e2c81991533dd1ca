"""SpectralLinear: matrices of spectral norm 1, by a pure power iteration."""

from __future__ import annotations

import pytest
import torch

from isthmus.components.networks.layers import SpectralLinear, initialise
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.progress import END
from isthmus.core.random import torch_generator
from isthmus.core.spec import spec_from_json
from isthmus.models.defaults import Parts, complete


def layer_of(in_features: int = 5, out_features: int = 7) -> SpectralLinear:
    layer = SpectralLinear(in_features, out_features).double()
    layer.initialise(torch_generator(0))
    return layer


def effective_matrix(layer: SpectralLinear) -> torch.Tensor:
    identity = torch.eye(layer.in_features, dtype=layer.weight.dtype)
    return (layer(identity) - layer.bias).T


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (1, 4), (16, 16)])
@pytest.mark.parametrize("training", [True, False])
def test_the_largest_singular_value_is_one(shape: tuple[int, int], training: bool) -> None:
    layer = layer_of(*shape).train(training)
    with torch.no_grad():
        layer.weight.mul_(3.7)
        layer.bias.fill_(2.0)
    exact = layer.weight.detach() / torch.linalg.matrix_norm(layer.weight.detach(), 2)
    torch.testing.assert_close(effective_matrix(layer).detach(), exact, rtol=1e-10, atol=1e-12)


def test_the_power_iteration_is_left_to_the_loop_and_converges() -> None:
    layer = layer_of().train()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(7, 5, generator=torch_generator(1), dtype=torch.float64))
    before = layer.left.clone()
    first, second = layer(torch.eye(5, dtype=torch.float64)), layer(torch.eye(5, dtype=torch.float64))
    assert torch.equal(first, second)
    assert torch.equal(layer.left, before)
    assert not torch.equal(layer.pending["left"], before)
    values = [float(layer.largest_singular_value().detach())]
    for _ in range(200):
        layer.left.copy_(layer.pending["left"])
        values.append(float(layer.largest_singular_value().detach()))
    exact = float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
    assert values[0] < 0.99 * exact
    assert values == sorted(values) or max(values) <= exact * (1 + 1e-14)
    assert values[-1] == pytest.approx(exact, rel=1e-9)
    layer.eval()
    assert float(layer.largest_singular_value().detach()) == pytest.approx(exact, rel=1e-9)
    assert layer.pending == {}


def test_the_gradient_is_that_of_the_exact_norm() -> None:
    layer, rows = layer_of().train(), torch.randn(4, 5, generator=torch_generator(2), dtype=torch.float64)
    layer(rows).pow(3).sum().backward()
    weight = layer.weight.detach().clone().requires_grad_()
    (rows @ (weight / torch.linalg.matrix_norm(weight, 2)).T).pow(3).sum().backward()
    torch.testing.assert_close(layer.weight.grad, weight.grad, rtol=1e-8, atol=1e-10)


def test_before_initialisation_it_gives_zeros() -> None:
    for training in (True, False):
        assert (SpectralLinear(3, 4).train(training)(torch.ones(2, 3)) == 0).all()


def test_a_trained_network_stretches_nothing() -> None:
    block = Block("continuous", 0, 6, (6,))
    network = MLP(hidden=(9, 8), activation="relu", spectral_norm=True)
    model = complete(Parts(latent_dim=4, network=network), [block]).build([block], torch_generator(0)).double()
    batch = Batch(3 * torch.randn(50, 6, generator=torch_generator(3), dtype=torch.float64))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(60):
        terms = model.loss(batch, None, model.weights(END))
        optimiser.zero_grad()
        terms.total.backward()
        optimiser.step()
        assert {f"encoder.{n}.left" for n in (0, 2, 4)} | {f"decoder.{n}.left" for n in (0, 2, 4)} == set(terms.updates)
        model.apply_updates(terms.updates)
    model.eval()
    with torch.no_grad():
        for layer in (one for one in model.modules() if isinstance(one, SpectralLinear)):
            norm = torch.linalg.matrix_norm(effective_matrix(layer), 2)
            assert float(norm) == pytest.approx(1.0, abs=0.01)
        z = torch.randn(200, 2, 4, generator=torch_generator(4), dtype=torch.float64)
        ends = model.decoder(z.flatten(0, 1)).unflatten(0, (200, 2))
        moved, distance = (ends[:, 0] - ends[:, 1]).norm(dim=-1), (z[:, 0] - z[:, 1]).norm(dim=-1)
        assert (moved <= 1.03 * distance).all()


def test_the_trained_state_is_saved_with_the_layer() -> None:
    network = MLP(hidden=(4,), spectral_norm=True).build(3, 2)
    initialise(network, torch_generator(0))
    assert {"0.left", "2.left"} <= set(network.state_dict())


def test_descriptions_from_before_still_load() -> None:
    description = MLP(hidden=(4,)).to_json()
    assert description["params"].pop("spectral_norm") is False
    assert spec_from_json(description) == MLP(hidden=(4,))
    assert not any(isinstance(layer, SpectralLinear) for layer in MLP(hidden=(4,)).build(3, 2))
