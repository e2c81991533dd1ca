"""Convolutional: sizes, the networks of papers by hand, what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.convolutional_layers import Convolution, TransposedConvolution
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.core.spec import spec_from_json
from isthmus.models.defaults import Parts, complete

from .small_networks import built, normal

SIZES = [*((side, side) for side in range(8, 34)), (8, 33), (28, 20), (31, 9)]


def maps_of(network: nn.Module, rows: Tensor) -> list[tuple[int, ...]]:
    """The sizes of what comes out of each convolution."""
    found: list[tuple[int, ...]] = []
    kinds = (Convolution, TransposedConvolution)
    layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
    handles = [layer.register_forward_hook(lambda _, __, maps: found.append(tuple(maps.shape[2:]))) for layer in layers]
    network(rows)
    for handle in handles:
        handle.remove()
    assert found == [layer.size for layer in layers]
    return found


def parameters_of(network: nn.Module) -> list[int]:
    """Of each layer with weights."""
    counted = (sum(parameter.numel() for parameter in layer.parameters(recurse=False)) for layer in network.modules())
    return [count for count in counted if count]


# Sizes


@pytest.mark.parametrize("upsampling", ["resize", "transposed"])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_any_size_goes_down_by_halves_and_up_through_the_same_sizes(height: int, width: int, upsampling: str) -> None:
    channels = (1, 3, 4)[height % 3]
    pixels = height * width * channels
    spec = Convolutional(channels=(2, 3), hidden=(5,), upsampling=upsampling, shape=(height, width, channels))
    encoder, decoder = built(spec, pixels, 4), built(spec, 4, pixels, mirrored=True)
    down = maps_of(encoder, normal(2, pixels))
    half = (math.ceil(height / 2), math.ceil(width / 2))
    assert down == [half, (math.ceil(half[0] / 2), math.ceil(half[1] / 2))]
    assert maps_of(decoder, normal(2, 4)) == [half, (height, width)]
    assert decoder(encoder(normal(2, pixels))).shape == (2, pixels)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("upsampling", ["resize", "transposed"])
def test_any_kernel_keeps_the_sizes(kernel: int, upsampling: str) -> None:
    spec = Convolutional(channels=(2, 3, 2), kernel=kernel, hidden=(), upsampling=upsampling, shape=(9, 14))
    assert maps_of(built(spec, 126, 4), normal(1, 126)) == [(5, 7), (3, 4), (2, 2)]
    assert maps_of(built(spec, 4, 126, mirrored=True), normal(1, 4)) == [(3, 4), (5, 7), (9, 14)]


def test_fewer_doublings_begin_with_a_larger_map_and_end_with_a_convolution_at_full_size() -> None:
    spec = Convolutional(channels=(2, 3, 4), kernel=3, hidden=(), shape=(9, 14))
    for doublings, sizes in ((2, [(5, 7), (9, 14), (9, 14)]), (1, [(9, 14), (9, 14)]), (0, [(9, 14)])):
        decoder = built(spec.replace(doublings=doublings), 4, 126, mirrored=True)
        assert maps_of(decoder, normal(1, 4)) == sizes
    assert [layer.in_channels for layer in decoder if isinstance(layer, Convolution)] == [4]


def test_automatic_widths_follow_the_size() -> None:
    found = {
        shape: Convolutional().sized(shape).channels for shape in ((8, 8), (28, 28), (28, 20), (64, 64), (256, 256))
    }
    assert found == {
        (8, 8): (32,),
        (28, 28): (32, 64),
        (28, 20): (32, 64),
        (64, 64): (32, 64, 128, 256),
        (256, 256): (32, 64, 128, 256, 256, 256),
    }
    assert Convolutional().sized((8, 100)).channels == (32, 64)  # 2 × 25 is left
    assert Convolutional(channels=[4, 5]).sized((8, 8, 3)).channels == (4, 5)


def test_every_number_is_in_place_and_stays() -> None:
    sized = Convolutional(layout="rae", normalisation="group").sized((28, 28))
    assert [name for name in sized.constraints if getattr(sized, name) == "auto"] == ["code_channels"]  # for maps only
    assert (sized.channels, sized.kernel, sized.normalisation) == ((128, 256, 512, 1024), 5, "group")
    assert sized.doublings == 2  # the paper's decoder of 28 × 28 digits begins at 8 × 8 = 32 / 4; here at 7 × 7
    assert sized.shape == (28, 28, 1)
    assert sized.sized() == sized
    assert spec_from_json(sized.to_json()) == sized


# The networks of papers


def test_the_network_of_the_disentanglement_papers() -> None:
    """Locatello et al. (2019), with 4 × 4 kernels throughout: 64 × 64 × 1, 10 latents."""
    spec = Convolutional(layout="disentanglement", shape=(64, 64))
    encoder, decoder = spec.build(4096, 20), spec.build(10, 4096, mirrored=True)
    assert parameters_of(encoder) == [
        32 * (1 * 16 + 1),  # 32 × 32
        32 * (32 * 16 + 1),  # 16 × 16
        64 * (32 * 16 + 1),  # 8 × 8
        64 * (64 * 16 + 1),  # 4 × 4
        256 * (4 * 4 * 64 + 1),
        20 * (256 + 1),
    ]
    assert parameters_of(decoder) == [
        256 * (10 + 1),
        4 * 4 * 64 * (256 + 1),
        64 * 64 * 16 + 64,
        64 * 32 * 16 + 32,
        32 * 32 * 16 + 32,
        32 * 1 * 16 + 1,
    ]
    assert [type(layer) for layer in encoder.children()].count(nn.ReLU) == 5
    assert [type(layer) for layer in decoder.children()].count(nn.ReLU) == 5
    assert maps_of(decoder, torch.zeros(1, 10)) == [(8, 8), (16, 16), (32, 32), (64, 64)]


def test_the_network_of_the_regularised_autoencoders() -> None:
    """Ghosh et al. (2020), appendix: CelebA, 64 × 64 × 3, 64 codes, 5 × 5 convolutions, batch normalisation."""
    spec = Convolutional(layout="rae", shape=(64, 64, 3))
    with torch.device("meta"):
        encoder, decoder = spec.build(64 * 64 * 3, 64), spec.build(64, 64 * 64 * 3, mirrored=True)
    assert parameters_of(encoder) == [
        *(128 * (3 * 25 + 1), 2 * 128),
        *(256 * (128 * 25 + 1), 2 * 256),
        *(512 * (256 * 25 + 1), 2 * 512),
        *(1024 * (512 * 25 + 1), 2 * 1024),
        64 * (4 * 4 * 1024 + 1),
    ]
    assert parameters_of(decoder) == [
        *(8 * 8 * 1024 * (64 + 1), 2 * 1024),
        *(1024 * 512 * 25 + 512, 2 * 512),
        *(512 * 256 * 25 + 256, 2 * 256),
        *(256 * 128 * 25 + 128, 2 * 128),
        3 * (128 * 25 + 1),
    ]


# Refusals


@pytest.mark.parametrize(
    ("spec", "shape", "words"),
    [
        (
            Convolutional(),
            (7, 30),
            "images of 7 × 30 pixels are too small; both sides must be at least 8. Use network=M",
        ),
        (
            Convolutional(channels=(4, 4, 4, 4)),
            (8, 9),
            r"`channels`=\(4, 4, 4, 4\) halves the images 4 times, but images of 8 × 9 are 1 × 2 after 3 halvings. "
            r"Use at most 3 widths: channels=\(4, 4, 4\)",
        ),
        (
            Convolutional(layout="rae"),
            (8, 8),
            r"layout 'rae', `channels`=\(128, 256, 512, 1024\), halves .* at most 3 widths: channels=\(128, 256, 512\)",
        ),
        (
            Convolutional(channels=(4,), doublings=2),
            (8, 8),
            r"`doublings`=2 is more than there are `channels` \(1\).* Use `doublings` of at most 1",
        ),
        (Convolutional(), None, r"got 'auto', which is filled in where rows are images. Set shape=\(28, 28\)"),
    ],
)
def test_what_cannot_be_built_is_refused(spec: Convolutional, shape: tuple[int, ...] | None, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        spec.sized(shape)


def test_other_rows_are_refused() -> None:
    spec = Convolutional(shape=(8, 8, 3))
    with pytest.raises(
        ParameterError, match=r"rows of 100 features are too short for images of 8 × 8 × 3 = 192 pixels"
    ):
        spec.build(100, 3)
    with pytest.raises(
        ParameterError, match=r"rows of 200 numbers are no images of 8 × 8 × 3 = 192 pixels, nor several"
    ):
        spec.build(3, 200, mirrored=True)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"channels": ()},
            r"`channels` must be 'auto', or at least one integer in \[1, inf\), in a sequence; got \(\)",
        ),
        ({"shape": (28,)}, r"`shape` must be 'auto', or \(height, width\) or \(height, width, channels\) in pixels"),
        ({"kernel": 1}, r"`kernel` must be 'auto', or an integer in \[2, inf\); got 1"),
        ({"layout": "resnet"}, r"`layout` must be 'auto' or 'small' or 'faces' or 'disentanglement' or 'rae'"),
    ],
)
def test_parameters_out_of_range_are_refused(params: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        Convolutional(**params).validate()


# In a model


def test_a_model_that_was_built_before_learns_from_batches_in_pieces() -> None:
    block = Block("unit-interval", 0, 72, (8, 9))
    composition = complete(Parts(network=Convolutional(channels=(4,), hidden=(5,)), latent_dim=2), [block])
    model = composition.build([block], torch_generator(0)).train()
    rows = torch.rand(6, 72, generator=torch_generator(1))
    whole = model.loss(Batch(rows), None, {}).total.detach()
    pieces = [model.loss(Batch(rows[some]), None, {}).total.detach() for some in (slice(0, 2), slice(2, 6))]
    assert float(whole) == pytest.approx(float((2 * pieces[0] + 4 * pieces[1]) / 6), rel=1e-5)
