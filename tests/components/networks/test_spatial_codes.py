"""Codes that are maps: the same numbers as plain convolutions, shifts, sizes, what is refused."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from isthmus.components.latents.finite_scalar import FiniteScalar
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.hyperspherical import HypersphericalLatent
from isthmus.components.latents.point import Point
from isthmus.components.latents.residual_quantised import ResidualQuantised
from isthmus.components.latents.vector_quantised import VectorQuantised
from isthmus.components.networks.convolutional import Convolutional
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.models.defaults import Parts, complete

from .small_networks import built, normal

SPEC = Convolutional(channels=(3, 4), spatial=True, activation="tanh", shape=(10, 12, 2))  # maps of 3 × 3
IMAGE = Block("unit-interval", 0, 28 * 28, (28, 28), variance=0.1)


def by_hand(layers, count: int):
    weights = [(layer.weight, layer.bias) for layer in layers if hasattr(layer, "weight")]
    assert len(weights) == count
    return weights


def test_the_encoder_is_convolutions_alone() -> None:
    encoder = built(SPEC, 240 + 2, 9 * 5).double()
    rows = normal(3, 242).double()
    first, second, to_code = by_hand(encoder, 3)
    assert to_code[0].shape == (5, 4, 1, 1)
    maps = torch.cat([rows[:, :240].reshape(3, 10, 12, 2), rows[:, None, None, 240:].expand(3, 10, 12, 2)], -1)
    maps = functional.conv2d(maps.permute(0, 3, 1, 2), *first, stride=2, padding=1).tanh()  # 5 × 6
    maps = functional.conv2d(functional.pad(maps, (0, 0, 0, 1)), *second, stride=2, padding=1).tanh()  # 3 × 3
    code = functional.conv2d(maps, *to_code).permute(0, 2, 3, 1).reshape(3, 9, 5)  # position by position
    torch.testing.assert_close(encoder(rows), code.reshape(3, 45), rtol=1e-10, atol=1e-12)


def test_the_decoder_is_convolutions_alone_and_shows_a_condition_at_each_position() -> None:
    decoder = built(SPEC.replace(code_channels=5), 45 + 2, 240, mirrored=True).double()
    z = normal(3, 47).double()
    first, second, last = by_hand(decoder, 3)
    assert first[0].shape == (4, 5 + 2, 3, 3)
    maps = torch.cat([z[:, :45].reshape(3, 3, 3, 5), z[:, None, None, 45:].expand(3, 3, 3, 2)], -1).permute(0, 3, 1, 2)
    maps = functional.conv2d(maps, *first, padding=1).tanh()
    maps = functional.conv2d(maps.repeat_interleave(2, 2).repeat_interleave(2, 3), *second, padding=1)[:, :, :5].tanh()
    maps = functional.conv2d(maps.repeat_interleave(2, 2).repeat_interleave(2, 3), *last, padding=1)
    torch.testing.assert_close(decoder(z), maps.permute(0, 2, 3, 1).reshape(3, 240), rtol=1e-10, atol=1e-12)


def test_means_and_deviations_are_maps_of_their_own() -> None:
    encoder = built(SPEC.replace(code_channels=5), 240, 90).double()
    rows = normal(2, 240).double()
    maps = rows.reshape(2, 10, 12, 2).permute(0, 3, 1, 2)
    for layer in list(encoder)[1:-1]:
        maps = layer(maps)
    posterior = GaussianLatent().build(45)(encoder(rows))
    mean = maps[:, :5].permute(0, 2, 3, 1).reshape(2, 45)
    torch.testing.assert_close(posterior.mean, mean, rtol=1e-10, atol=1e-12)


@pytest.fixture(scope="module")
def quantised():
    """32 × 32 images to 8 × 8 tokens of 64."""
    block = Block("unit-interval", 0, 1024, (32, 32))
    parts = Parts(network=Convolutional(channels=(8, 8), spatial=True), latent=VectorQuantised(n_codes=64))
    model = complete(parts, [block]).build([block], torch_generator(0))
    model.begin(Batch(torch.rand(2, 1024, generator=torch_generator(1))), 2, torch_generator(2))
    return model.eval()


def test_what_moves_by_the_stride_moves_its_tokens(quantised) -> None:
    def tokens(images: torch.Tensor) -> torch.Tensor:
        return quantised.encode(images.flatten(1)).symbols.unflatten(1, (8, 8))

    wide, tall = (torch.rand(1, *size, generator=torch_generator(3)) for size in ((32, 36), (36, 32)))
    before, after = tokens(wide[:, :, 4:]), tokens(wide[:, :, :32])
    assert len(before.unique()) > 20
    assert torch.equal(before[:, 1:-1, 1:-2], after[:, 1:-1, 2:-1])
    before, after = tokens(tall[:, 4:]), tokens(tall[:, :32])
    assert torch.equal(before[:, 1:-2, 1:-1], after[:, 2:-1, 1:-1])


def test_a_token_sees_its_neighbourhood_and_is_seen_by_it() -> None:
    spec = Convolutional(channels=(3, 4), spatial=True, shape=(32, 32))
    encoder, decoder = built(spec, 1024, 64 * 2), built(spec, 64 * 2, 1024, mirrored=True)
    image = normal(1, 1024)
    other = image.clone()
    other[0, 17 * 32 + 13] += 1.0
    moved = (encoder(image) != encoder(other)).reshape(8, 8, 2).any(-1).nonzero()
    # Position i sees the pixels from 4i − 3 to 4i + 6.
    rows = [place for place in range(8) if -3 <= 17 - 4 * place <= 6]
    columns = [place for place in range(8) if -3 <= 13 - 4 * place <= 6]
    assert moved.tolist() == [[row, column] for row in rows for column in columns]
    code = normal(1, 128)
    other = code.clone()
    other[0, 2 * (8 * 4 + 3)] += 1.0
    seen = (decoder(code) != decoder(other)).reshape(32, 32).nonzero()
    assert (seen.amin(0).tolist(), seen.amax(0).tolist()) == ([16 - 4 - 3, 12 - 4 - 3], [19 + 4 + 3, 15 + 4 + 3])


# Sizes


@pytest.mark.parametrize(
    ("latent", "size", "symbols"),
    [
        (Point(), 4, 0),
        (GaussianLatent(), 4, 0),
        (VectorQuantised(), 16, 1),
        (VectorQuantised(tokens=98), 16, 2),
        (ResidualQuantised(stages=3), 16, 3),
        (FiniteScalar(), 4, 4),
        (FiniteScalar(levels=(8, 8, 8, 5, 5, 5)), 6, 6),
    ],
    ids=repr,
)
def test_automatic_sizes_are_some_numbers_for_each_position(latent, size: int, symbols: int) -> None:
    parts = Parts(network=Convolutional(spatial=True), latent=latent, stochastic=latent.stochastic)
    composition = complete(parts, [IMAGE])
    assert composition.latent_dim == 49 * size
    assert composition.encoder.code_channels == size
    assert composition.encoder == composition.decoder
    assert len(composition.latent.symbol_levels(composition.latent_dim)) == 49 * symbols
    own = parts.network.replace(code_channels=3)
    assert complete(Parts(network=own, latent=Point()), [IMAGE]).latent_dim == 147
    assert complete(Parts(network=own.replace(code_channels="auto"), latent_dim=98), [IMAGE]).encoder.code_channels == 2


def test_the_number_of_halvings_is_the_number_of_widths() -> None:
    assert Convolutional(spatial=True, channels=(8, 8)).positions((28, 28)) == 49  # f4
    assert Convolutional(spatial=True, channels=(8, 8, 8)).positions((64, 48)) == 8 * 6  # f8
    assert Convolutional(spatial=True, layout="faces").positions((64, 64)) == 16
    assert Convolutional(spatial=True).sized((64, 64, 3)).channels == (64, 128, 256)
    assert Convolutional(spatial=True).sized((28, 20)).hidden == ()
    assert Convolutional(spatial=True, layout="rae").sized((64, 64)).doublings == 4


def test_tokens_elsewhere_are_as_before() -> None:
    for dim, tokens in ((8, 4), (6, 2), (5, 1)):
        composition = complete(Parts(latent=VectorQuantised(), latent_dim=dim, network=MLP(hidden=())), [IMAGE])
        assert composition.latent.tokens == tokens
        assert VectorQuantised().symbol_levels(dim) == (512,) * tokens
    assert complete(Parts(latent=ResidualQuantised(), network=MLP(hidden=())), [IMAGE]).latent.tokens == 1


def test_only_the_decoder_may_take_maps() -> None:
    parts = Parts(encoder=MLP(hidden=(8,)), decoder=Convolutional(spatial=True, channels=(4, 4)), latent=FiniteScalar())
    composition = complete(parts, [IMAGE])
    assert composition.latent_dim == 196
    assert composition.build([IMAGE], torch_generator(0))(torch.rand(2, 784)).shape == (2, 784)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            {"latent_dim": 100},
            r"as many numbers at each of the 7 × 7 = 49 positions of a spatial code; got `latent_dim`=100. Use "
            r"latent_dim=98 or 147, leave it at 'auto', or change the number of `channels`",
        ),
        ({"latent_dim": 8}, r"got `latent_dim`=8. Use latent_dim=49, leave"),
        (
            {"latent_dim": 98, "network": Convolutional(spatial=True, code_channels=3)},
            r"`code_channels`=3 at each of the 7 × 7 = 49 positions of a spatial code make 147 numbers; got "
            r"`latent_dim`=98. Leave one of the two at 'auto'",
        ),
        (
            {"network": Convolutional(spatial=True, hidden=(64,))},
            r"`spatial`=True has nothing fully connected between map and code; got `hidden`=\(64,\). Leave `hidden`",
        ),
        (
            {"network": Convolutional(code_channels=3)},
            r"`code_channels`=3 is the number of channels of a code that is a map. Set `spatial`=True, or leave",
        ),
        (
            {"network": Convolutional(spatial=True, doublings=1)},
            r"`doublings`=1 would begin with a larger map than the code, .*2 halvings\). Leave `doublings` at 'auto'",
        ),
        (
            {"latent": VectorQuantised(tokens=10)},
            r"VectorQuantised: `tokens` must divide `latent_dim`; got tokens=10 and latent_dim=784",
        ),
        (
            {"latent": ResidualQuantised(tokens=10)},
            r"ResidualQuantised: `tokens` must divide `latent_dim`; got tokens=10 and latent_dim=784",
        ),
    ],
)
def test_what_makes_no_map_is_refused(parts: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        complete(Parts(**{"network": Convolutional(spatial=True), **parts}), [IMAGE])


def test_latents_with_other_parameters_are_refused() -> None:
    parts = Parts(network=Convolutional(spatial=True, code_channels=2), latent=HypersphericalLatent(), stochastic=True)
    composition = complete(parts, [IMAGE])
    with pytest.raises(
        ParameterError, match=r"for each of the 98 numbers of a code; the latent asks for 99. Use a quan"
    ):
        composition.build([IMAGE])
    with pytest.raises(ParameterError, match=r"got `latent_dim`=50"):
        Convolutional(spatial=True, code_channels=2, shape=(28, 28)).build(50, 784, mirrored=True)
