"""Convolutional networks: the same numbers as plain PyTorch layers, initialisation, derivatives, positions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.convolutional_plan import ROWS_AT_ONCE
from isthmus.components.networks.layers import initialise
from isthmus.core.random import torch_generator
from isthmus.testing import check_component

from .small_networks import built, normal

# The same numbers as plain layers


def by_hand(network: nn.Sequential) -> list[tuple[Tensor, Tensor]]:
    """Weights and biases of the layers, in order."""
    layers = (layer for layer in network.modules() if isinstance(getattr(layer, "weight", None), Tensor))
    return [(layer.weight, layer.bias) for layer in layers]  # type: ignore[misc]


@pytest.mark.parametrize("kernel", [3, 4])
def test_a_small_network_gives_what_plain_layers_give(kernel: int) -> None:
    spec = Convolutional(channels=(3, 5), hidden=(7,), kernel=kernel, activation="tanh", shape=(10, 12, 2))
    encoder, decoder = built(spec, 242, 4).double(), built(spec, 6, 2 * 240, mirrored=True).double()
    rows = normal(3, 242).double()
    # What follows the pixels is the same at every position.
    maps = torch.cat([rows[:, :240].reshape(3, 10, 12, 2), rows[:, None, None, 240:].expand(3, 10, 12, 2)], -1)
    maps = maps.permute(0, 3, 1, 2)
    first, second, hidden, last = by_hand(encoder)
    maps = functional.conv2d(maps, *first, stride=2, padding=1).tanh()  # 5 × 6
    maps = functional.pad(maps, (0, 0, 0, 1)) if kernel == 4 else maps
    maps = functional.conv2d(maps, *second, stride=2, padding=1).tanh()  # 3 × 3
    flat = maps.permute(0, 2, 3, 1).reshape(3, -1)
    code = functional.linear(functional.linear(flat, *hidden).tanh(), *last)
    torch.testing.assert_close(encoder(rows), code, rtol=1e-10, atol=1e-12)

    z = normal(3, 6).double()
    hidden, last, first, second = by_hand(decoder)
    maps = functional.linear(functional.linear(z, *hidden).tanh(), *last).tanh().reshape(3, 3, 3, 5).permute(0, 3, 1, 2)
    large = maps.repeat_interleave(2, 2).repeat_interleave(2, 3)
    maps = functional.conv2d(large, *first, padding=1)[:, :, :5].tanh()
    large = maps.repeat_interleave(2, 2).repeat_interleave(2, 3)
    maps = functional.conv2d(large, *second, padding=1)
    one, two = maps.split(2, 1)
    wanted = torch.cat([part.permute(0, 2, 3, 1).reshape(3, -1) for part in (one, two)], 1)
    torch.testing.assert_close(decoder(z), wanted, rtol=1e-10, atol=1e-12)


def test_a_transposed_network_gives_what_plain_layers_give() -> None:
    spec = Convolutional(channels=(3, 4), hidden=(), upsampling="transposed", activation="relu", shape=(9, 8))
    decoder = built(spec, 3, 72, mirrored=True).double()
    z = normal(2, 3).double()
    dense, first, second = by_hand(decoder)
    maps = functional.linear(z, *dense).relu().reshape(2, 3, 2, 4).permute(0, 3, 1, 2)
    maps = functional.conv_transpose2d(maps, *first, stride=2, padding=1)[:, :, :5].relu()
    maps = functional.conv_transpose2d(maps, *second, stride=2, padding=1)[:, :, :9]
    torch.testing.assert_close(decoder(z), maps.reshape(2, 72), rtol=1e-10, atol=1e-12)


def test_a_residual_network_gives_what_plain_layers_give() -> None:
    spec = Convolutional(channels=(6,), hidden=(), blocks=1, normalisation="group", activation="gated", shape=(8, 8))
    encoder = built(spec, 64, 3).double()
    rows = normal(2, 64).double()
    start, norm1, conv1, norm2, conv2, norm3, last = by_hand(encoder)
    stream = functional.conv2d(rows.reshape(2, 1, 8, 8), *start, stride=2, padding=1)
    inside = functional.conv2d(functional.glu(functional.group_norm(stream, 4, *norm1), 1), *conv1, padding=1)
    inside = functional.conv2d(functional.glu(functional.group_norm(inside, 4, *norm2), 1), *conv2, padding=1)
    maps = functional.glu(functional.group_norm(stream + inside, 4, *norm3), 1)
    wanted = functional.linear(maps.permute(0, 2, 3, 1).reshape(2, -1), *last)
    torch.testing.assert_close(encoder(rows), wanted, rtol=1e-10, atol=1e-12)


def test_residual_blocks_begin_as_the_identity() -> None:
    plain = Convolutional(channels=(4,), hidden=(), shape=(8, 8))
    with_blocks = plain.replace(blocks=2).build(64, 3)
    without = plain.build(64, 3)
    initialise(with_blocks, torch_generator(0))
    kept = [value for name, value in with_blocks.state_dict().items() if "body" not in name]
    without.load_state_dict(dict(zip(without.state_dict(), kept, strict=True)))
    rows = normal(2, 64)
    assert torch.equal(with_blocks(rows), without(rows))


def test_batch_normalisation_is_over_rows_and_positions_and_leaves_its_statistics_to_the_loop() -> None:
    spec = Convolutional(channels=(2,), hidden=(), normalisation="batch", activation="identity", shape=(8, 8))
    network = built(spec, 64, 3).double().train()
    rows = normal(4, 64).double()
    convolution, norm, last = network[1], network[2], network[-1]
    maps = convolution(rows.reshape(4, 1, 8, 8))
    variance, mean = torch.var_mean(maps, (0, 2, 3), keepdim=True)
    scaled = (maps - mean) / (maps.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    scaled = scaled * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(network(rows), last(scaled.permute(0, 2, 3, 1).reshape(4, -1)), rtol=1e-10, atol=1e-12)
    assert torch.equal(norm.mean, torch.zeros(2))
    assert torch.equal(norm.variance, torch.ones(2))
    torch.testing.assert_close(norm.pending["mean"], 0.1 * mean.flatten())
    torch.testing.assert_close(norm.pending["variance"], 0.9 + 0.1 * variance.flatten())
    network.eval()
    wanted = last(
        (maps * norm.weight[:, None, None] / math.sqrt(1 + 1e-5) + norm.bias[:, None, None])
        .permute(0, 2, 3, 1)
        .reshape(4, -1)
    )
    torch.testing.assert_close(network(rows), wanted, rtol=1e-10, atol=1e-12)
    assert norm.pending == {}


def test_leading_axes_and_many_rows_change_nothing() -> None:
    spec = Convolutional(channels=(3,), hidden=(5,), shape=(8, 8))
    encoder, decoder = built(spec, 64, 4).eval(), built(spec, 4, 64, mirrored=True).eval()
    z = normal(2, ROWS_AT_ONCE + 3, 4)
    assert decoder(z).shape == (2, ROWS_AT_ONCE + 3, 64)
    torch.testing.assert_close(decoder(z)[1], decoder(z[1].clone()))
    torch.testing.assert_close(decoder(z)[1, -1:], decoder(z[1, -1:]))
    torch.testing.assert_close(encoder(decoder(z)), encoder.train()(decoder(z)))


def test_maps_are_channels_last_without_a_copy() -> None:
    spec = Convolutional(channels=(3, 4), hidden=(), shape=(8, 10, 3))
    encoder, decoder = built(spec, 240, 4), built(spec, 4, 240, mirrored=True)
    rows = normal(5, 240)
    assert encoder[0](rows).data_ptr() == rows.data_ptr()
    for network, given in ((encoder, rows), (decoder, normal(5, 4))):
        for layer in network:
            given = layer(given)
            if given.ndim == 4:
                assert given.stride(1) == 1, layer  # where a column was cut off, there are gaps between rows
    before = normal(5, 8, 10, 3).permute(0, 3, 1, 2)
    assert decoder[-1](before).data_ptr() == before.data_ptr()


# Initialisation, gradients, positions


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("upsampling", ["resize", "transposed"])
def test_weights_have_the_variance_that_suits_the_activation(activation: str, upsampling: str) -> None:
    spec = Convolutional(
        channels=(48, 64), kernel=4, hidden=(), activation=activation, upsampling=upsampling, shape=(8, 8)
    )
    gain = 2 if activation == "relu" else 1
    encoder, decoder = spec.build(64, 4), spec.build(4, 64, mirrored=True)
    before = torch.random.get_rng_state()
    initialise(nn.ModuleList([encoder, decoder]), torch_generator(0))
    assert torch.equal(torch.random.get_rng_state(), before)
    taps = 9 if upsampling == "resize" else 4  # of a 4 × 4 kernel, a quarter meets each pixel
    wide = encoder[3].weight, decoder[0].weight, decoder[3].weight, decoder[5].weight
    for weight, wanted in zip(wide, (gain / (48 * 16), gain / 4, gain / (64 * taps), 1 / (48 * taps)), strict=True):
        assert float(weight.detach().var()) == pytest.approx(wanted, rel=0.15)
        assert float(weight.detach().abs().max()) <= math.sqrt(3 * wanted)
    assert not any(layer.bias.any() for layer in (encoder[1], encoder[3], decoder[3], decoder[5]))


@pytest.mark.parametrize(
    "spec",
    [
        Convolutional(channels=(4, 6), hidden=(5,), blocks=1, normalisation="group"),
        Convolutional(channels=(4, 6), hidden=(), upsampling="transposed", normalisation="batch", doublings=1),
    ],
    ids=["group", "batch"],
)
def test_gradients_flow_once_and_twice_and_forward(spec: Convolutional) -> None:
    spec = spec.sized((8, 9))
    encoder, decoder = built(spec, 72, 3).double().train(), built(spec, 3, 72, mirrored=True).double().train()
    rows = normal(3, 72).double().requires_grad_()
    (decoder(encoder(rows)).square().sum()).backward()
    for parameter in (*encoder.parameters(), *decoder.parameters()):
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    weights = [layer.weight for layer in (*encoder.modules(), *decoder.modules()) if hasattr(layer, "weight")]
    assert all(weight.grad.any() for weight in weights)
    eyes = torch.eye(3).double()
    jacobian = torch.stack([torch.autograd.grad(encoder(rows)[0], rows, eye, create_graph=True)[0][0] for eye in eyes])
    jacobian.square().sum().backward()
    direction = normal(3, 72, seed=1).double()
    slope = torch.func.jvp(encoder.eval(), (rows.detach(),), (direction,))[1]
    step = 1e-6
    near = (encoder(rows + step * direction) - encoder(rows - step * direction)) / (2 * step)
    torch.testing.assert_close(slope, near, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("normalisation", ["group", "batch"])
def test_lower_precision_changes_little(normalisation: str) -> None:
    spec = Convolutional(channels=(4, 6), hidden=(5,), normalisation=normalisation, shape=(8, 9))
    encoder, decoder = built(spec, 72, 3), built(spec, 3, 72, mirrored=True)
    rows = normal(16, 72)
    with torch.autocast("cpu", torch.bfloat16):
        low = decoder(encoder(rows))
    assert low.dtype == torch.bfloat16
    pending = [layer.pending["mean"] for layer in encoder if hasattr(layer, "pending")]
    assert all(mean.dtype == torch.float32 for mean in pending)
    high = decoder(encoder(rows))
    assert float((low - high).detach().abs().mean() / high.detach().abs().mean()) < 0.05


@pytest.mark.parametrize("shape", [(9, 10, 3), (28, 28, 1), (13, 31, 1)])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"normalisation": "group", "blocks": 1, "channels": (5, 7), "hidden": (13,)},
        {"normalisation": "batch", "upsampling": "transposed", "kernel": 3, "channels": (3, 10), "doublings": 1},
    ],
    ids=["auto", "group", "batch"],
)
def test_a_row_gives_the_same_bits_at_any_position_beside_any_others(shape: tuple[int, ...], params: dict) -> None:
    pixels, count = math.prod(shape), 2 * ROWS_AT_ONCE
    spec = Convolutional(**params).sized(shape)
    order = torch.randperm(count, generator=torch_generator(1))
    for network, width in ((built(spec, pixels + 2, 5), pixels + 2), (built(spec, 7, 2 * pixels, mirrored=True), 7)):
        rows = normal(count, width)
        others = torch.cat([rows[:1], normal(count - 1, width, seed=1)])
        with torch.inference_mode():
            found = network.eval()(rows)
            assert torch.equal(network(rows[order]), found[order])
            assert torch.equal(network(others)[0], found[0])


def test_one_spec_of_a_given_shape_passes_the_conformance_check() -> None:
    check_component(Convolutional(channels=(4, 6), hidden=(5,), shape=(8, 9, 1)))
