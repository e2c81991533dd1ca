"""Images are moved and mirrored as the noise says; chains hand each part its own share of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus import VAE
from isthmus.components.corruptions.augmentation import Augmentation
from isthmus.components.corruptions.binarisation import Binarisation
from isthmus.components.corruptions.chain import Chain
from isthmus.components.corruptions.gaussian_noise import GaussianNoise
from isthmus.components.corruptions.masking import Masking
from isthmus.components.corruptions.salt_and_pepper import SaltAndPepper
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.estimators.saving import load
from isthmus.models.defaults import Parts, complete
from isthmus.testing import check_corruption


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def pixels(*shape: int) -> Block:
    return Block("unit-interval", 0, math.prod(shape), shape, step=1 / 255, variance=0.1)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [0, 1, 3])
@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 1), (9, 5, 3), (4, 4, 4)])
def test_augmentation_is_that_of_brute_force(shape: tuple[int, ...], shift: int, flip: bool) -> None:
    if not (flip or shift):
        return
    n, block = 40, pixels(*shape)
    images, corruption = np.random.default_rng(0).random((n, *shape)), Augmentation(flip=flip, shift=shift)
    noise = normal(n, corruption.noise_width([block]), seed=1)
    assert noise.shape[1] == flip + 2 * (shift > 0)
    padding = ((0, 0), (shift, shift), (shift, shift), *[(0, 0)] * (len(shape) - 2))
    padded = np.pad(images, padding, mode="edge")
    expected = np.empty_like(images)
    for row in range(n):
        down = across = 0
        if shift:
            down, across = (math.floor(stats.norm.cdf(float(one)) * (2 * shift + 1)) for one in noise[row, -2:])
        crop = padded[row, down : down + shape[0], across : across + shape[1]]
        expected[row] = crop[:, ::-1] if flip and noise[row, 0] < 0 else crop
    flat = torch.from_numpy(images.reshape(n, -1))
    target, seen = corruption.applied(flat, noise, [block])
    np.testing.assert_array_equal(seen.reshape(n, *shape).numpy(), expected)
    assert torch.equal(target, seen)
    assert (seen != flat).any()


def test_every_move_and_both_sides_are_equally_likely() -> None:
    n, shift, block = 20_000, 2, pixels(9, 9)
    image = torch.zeros(9, 9, dtype=torch.float64)
    image[4, 4], image[4, 5] = 1, 0.5  # the brighter pixel stands where the image went, the darker one beside it
    corruption = Augmentation(shift=shift)
    got = corruption.corrupt(image.flatten().expand(n, -1), normal(n, 3), [block]).reshape(n, 9, 9)
    places = (got == 1).flatten(1).int().argmax(1)
    share = torch.bincount(places, minlength=81).double().reshape(9, 9)[2:7, 2:7] / n
    deviation = math.sqrt(1 / 25 * 24 / 25 / n)
    assert abs(float(share.sum()) - 1) < 1e-12
    assert ((share - 1 / 25).abs() <= 4.5 * deviation).all()
    mirrored = (got == 0.5).flatten(1).int().argmax(1) < places
    assert abs(float(mirrored.double().mean()) - 0.5) <= 4.5 * math.sqrt(0.25 / n)


def test_noise_far_out_moves_by_no_more_than_the_shift() -> None:
    corner = torch.zeros(2, 81)
    corner[:, 40] = 1
    noise = torch.tensor([[-40.0, -40.0], [40.0, 40.0]])
    got = Augmentation(flip=False, shift=3).corrupt(corner, noise, [pixels(9, 9)])
    assert got.reshape(2, 9, 9).nonzero().tolist() == [[0, 7, 7], [1, 1, 1]]


def test_flat_rows_say_their_shape() -> None:
    images, noise = torch.rand(5, 54), torch.randn(5, 3)
    flat = Block("continuous", 0, 54, (54,))
    got = Augmentation(shape=(6, 3, 3)).corrupt(images, noise, [flat])
    assert torch.equal(got, Augmentation().corrupt(images, noise, [pixels(6, 3, 3)]))


@pytest.mark.parametrize(
    ("corruption", "blocks", "words"),
    [
        (
            Augmentation(),
            [Block("continuous", 0, 2, (2,)), Block("binary", 2, 3, (1,))],
            r"corruption Augmentation needs rows that are images; these are 2 continuous features and 1 binary "
            r"feature\. Pass .* say Augmentation\(shape=\(height, width\)\) .* or leave the corruption out",
        ),
        (Augmentation(shape=(8, 8)), [pixels(9, 9)], r"`shape`=\(8, 8\) is .* = 64 .*; the rows are images of 9 × 9"),
        (Augmentation(shift=8), [pixels(8, 20)], r"`shift`=8 moves images of 8 × 20 pixels out .* at most 7"),
        (Chain((Augmentation(), Masking())), [Block("count", 0, 3, (3,))], "Augmentation needs rows that are images"),
        (Chain((Binarisation(), GaussianNoise())), [pixels(8, 8)], "GaussianNoise damages .* has binary ones only"),
    ],
)
def test_other_rows_are_refused(corruption: Augmentation | Chain, blocks: list[Block], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        corruption.noise_width(blocks)


@pytest.mark.parametrize(
    ("corruption", "words"),
    [
        (Augmentation(flip=False, shift=0), "`flip`=False and `shift`=0 leave every image as it is"),
        (Augmentation(shift=-1), "`shift` must be an integer in"),
        (Augmentation(shape=(8,)), r"`shape` must be 'auto', or \(height, width\)"),
        (Chain(()), r"`parts` must be at least one corruption in a sequence.*got \(\)"),
        (Chain((Masking(), "masking")), "`parts` must be at least one corruption"),
        (Chain((Chain(), Masking())), "`parts` has a chain among them"),
        (Chain((Masking(rate=2.0),)), "Masking: `rate` must be"),
        (Chain((Binarisation(), Masking(), Augmentation())), "has Masking before Augmentation, .* Put Augmentation"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(corruption: Augmentation | Chain, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        corruption.validate()


def test_a_chain_does_one_after_the_other() -> None:
    blocks, rows = [pixels(8, 8)], torch.rand(30, 64, generator=torch_generator(0), dtype=torch.float64)
    chain = Chain((Augmentation(), Binarisation(), SaltAndPepper(rate=0.3), Masking()))
    chain.validate()
    assert chain.replaces_target
    noise = normal(30, chain.noise_width(blocks))
    assert noise.shape[1] == 3 + 64 + 64 + 64
    moved = Augmentation().corrupt(rows, noise[:, :3], blocks)
    drawn = Binarisation().corrupt(moved, noise[:, 3:67], blocks)
    after = chain.blocks_after(blocks)
    assert [block.kind for block in after] == ["binary"]
    spoilt = SaltAndPepper(rate=0.3).corrupt(drawn, noise[:, 67:131], after)
    target, seen = chain.applied(rows, noise, blocks)
    assert torch.equal(target, drawn)
    assert torch.equal(seen, Masking().corrupt(spoilt, noise[:, 131:], after))
    assert torch.equal(seen, chain.corrupt(rows, noise, blocks))
    assert not torch.equal(seen, target)


def test_a_chain_of_damage_leaves_the_target() -> None:
    blocks, rows = [Block("continuous", 0, 3, (3,))], normal(9, 3)
    chain = Chain((Masking(), GaussianNoise()))
    assert not chain.replaces_target
    target, seen = chain.applied(rows, normal(9, 6, seed=1), blocks)
    assert target is rows
    assert (seen != rows).all()
    check_corruption(chain)


class Blinkers(Masking):
    """Masking that says by a mask what it hides."""

    def visible(self, noise, blocks):
        return noise > 0


def test_a_chain_shows_what_all_of_its_parts_show() -> None:
    blocks, noise = [Block("continuous", 0, 2, (2,))], torch.tensor([[1.0, 1, -1, 1, 9, 9], [-1, -1, 1, -1, 9, 9]])
    assert Chain((Masking(), GaussianNoise())).visible(noise[:, :4], blocks) is None
    found = Chain((Blinkers(), Blinkers(), Masking())).visible(noise, blocks)
    assert found is not None
    assert found.tolist() == [[False, True], [False, False]]


def test_the_model_learns_the_augmented_image_from_a_damaged_one() -> None:
    chain, blocks = Chain((Augmentation(shift=1), GaussianNoise(0.3))), [pixels(8, 8)]
    parts = Parts(latent_dim=2, network=MLP(hidden=(3,)), corruption=chain)
    model = complete(parts, blocks).build(blocks, torch_generator(0)).double()
    rows = torch.rand(16, 64, generator=torch_generator(1), dtype=torch.float64)
    noise = model.draw_noise(16, torch_generator(2))
    assert noise is not None
    assert noise.corruption is not None
    found = model.forward_pass(Batch(rows), noise)
    moved = Augmentation(shift=1).corrupt(rows, noise.corruption[:, :3], blocks)
    assert torch.equal(found.features, moved)
    assert found.inputs is not None
    torch.testing.assert_close(found.inputs, moved + 0.3 * noise.corruption[:, 3:], rtol=0, atol=1e-14)


def test_augmentation_survives_a_model_file(tmp_path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3)).astype(np.uint8)
    chain = Chain((Augmentation(shift=1), GaussianNoise()))
    model = VAE(2, network=MLP(hidden=(4,)), corruption=chain, max_epochs=1, random_state=0).fit(images)
    model.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert again.corruption == chain
    np.testing.assert_array_equal(again.transform(images), model.transform(images))
