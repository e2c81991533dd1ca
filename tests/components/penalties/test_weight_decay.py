"""WeightDecay: ½‖W‖² of the chosen network, counted once per row."""

from __future__ import annotations

import pytest
import torch

from isthmus.components.networks.layers import Linear
from isthmus.components.penalties.weight_decay import WeightDecay
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.testing.examples import ROWS, example_model, example_passes


def model_with_biases(on: str) -> ComposedAutoencoder:
    model = example_model(False, {"penalty": WeightDecay(on=on)})
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, Linear):
                layer.bias.fill_(10.0)
    return model


@pytest.mark.parametrize("on", ["encoder", "decoder", "both"])
def test_value_is_half_the_squared_weights_per_row(on: str) -> None:
    model = model_with_biases(on)
    whole, parts = example_passes(model)
    networks = {"encoder": [model.encoder], "decoder": [model.decoder], "both": [model.encoder, model.decoder]}[on]
    wanted = sum(float(network[i].weight.detach().square().sum()) for network in networks for i in (0, 2)) / 2
    module = model.penalties_by_name["penalty"]
    assert float(module.value(whole).detach()) / ROWS == pytest.approx(wanted, rel=1e-14)
    assert float(module.value(parts[0]).detach()) / 2 == pytest.approx(wanted, rel=1e-14)


def test_gradient_is_the_weights_and_spares_the_other_network() -> None:
    model = model_with_biases("decoder")
    whole, _ = example_passes(model)
    model.penalties_by_name["penalty"].value(whole).backward()
    torch.testing.assert_close(model.decoder[0].weight.grad, ROWS * model.decoder[0].weight.detach())
    assert model.decoder[0].bias.grad is None
    assert model.encoder[0].weight.grad is None
