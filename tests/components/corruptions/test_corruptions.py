"""Each corruption damages the cells, and by the amounts, that the noise says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.components.corruptions.base import Corruption
from isthmus.components.corruptions.gaussian_noise import GaussianNoise
from isthmus.components.corruptions.masking import Masking
from isthmus.components.corruptions.salt_and_pepper import SaltAndPepper
from isthmus.components.corruptions.swap_noise import SwapNoise
from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.models.defaults import Parts, complete
from isthmus.testing import check_corruption

CONTINUOUS = Block("continuous", 0, 2, (2,), variance=2.25)
BINARY = Block("binary", 2, 3, (1,))
PIXELS = Block("unit-interval", 3, 5, (2,))
COUNTS = Block("count", 5, 6, (1,), variance=4.0, mean=3.2)
LEVELS = Block("categorical", 6, 12, (6,), cardinality=3)
MIXED = [CONTINUOUS, BINARY, PIXELS, COUNTS, LEVELS]
PLAIN = [Block("continuous", 0, 4, (4,))]
EVERY: list[Corruption] = [GaussianNoise(), Masking(), SaltAndPepper(), SwapNoise()]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def quantile(probability: float) -> float:
    return float(stats.norm.ppf(probability))


def mixed_rows(rows: int) -> Tensor:
    """No 0 among the numbers, and a level in each categorical column."""
    numbers = 2 + normal(rows, 6).abs()
    levels = torch.arange(rows)[:, None].add(torch.tensor([0, 1])) % 3
    return torch.cat([numbers, torch.nn.functional.one_hot(levels, 3).flatten(1).double()], 1)


def test_gaussian_noise_is_added_to_real_columns_only() -> None:
    rows, noise = mixed_rows(7), normal(7, 4, seed=1)
    corruption = GaussianNoise(scale=0.3)
    assert corruption.noise_width(MIXED) == 4
    added = corruption.corrupt(rows, noise, MIXED) - rows
    torch.testing.assert_close(added[:, :2], 0.3 * noise[:, :2], rtol=0, atol=1e-14)
    torch.testing.assert_close(added[:, 3:5], 0.3 * noise[:, 2:], rtol=0, atol=1e-14)
    assert not added[:, 2].any()
    assert not added[:, 5:].any()


def test_gaussian_noise_on_columns_of_one_kind_is_not_clipped() -> None:
    rows, noise = torch.ones(5, 2, dtype=torch.float64), normal(5, 2)
    got = GaussianNoise(scale=2.0).corrupt(rows, noise, [Block("unit-interval", 0, 2, (2,))])
    torch.testing.assert_close(got, rows + 2.0 * noise, rtol=0, atol=1e-14)
    assert got.max() > 1
    assert got.min() < 0


def test_gaussian_noise_clips_columns_with_a_range_and_no_others() -> None:
    rows, noise = mixed_rows(9), normal(9, 4, seed=2)
    plain, clipped = (GaussianNoise(scale=3.0, clip=clip).corrupt(rows, noise, MIXED) for clip in (False, True))
    ranges = [slice(block.start, block.stop) for block in MIXED if block.kind == "unit-interval"]
    assert ranges
    expected = plain.clone()
    for place in ranges:
        expected[:, place] = plain[:, place].clamp(0, 1)
    assert torch.equal(clipped, expected)
    assert not torch.equal(clipped, plain)
    one_kind = GaussianNoise(scale=3.0, clip=True).corrupt(
        torch.zeros(1, 2), torch.tensor([[-1.0, 0.1]]), [Block("unit-interval", 0, 2, (2,))]
    )
    torch.testing.assert_close(one_kind, torch.tensor([[0.0, 0.3]]))


@pytest.mark.parametrize(
    ("corruption", "blocks", "message"),
    [
        (
            GaussianNoise(),
            [BINARY, LEVELS],
            r"GaussianNoise damages continuous and unit-interval columns; the data has binary and categorical ones "
            r"only\. Use Masking\(\)",
        ),
        (
            SaltAndPepper(),
            [LEVELS],
            r"SaltAndPepper damages .* columns; the data has categorical ones only\. Use Masking",
        ),
    ],
)
def test_data_without_columns_to_damage_is_refused(corruption: Corruption, blocks: list[Block], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        corruption.noise_width(blocks)


def test_masking_hides_the_cells_below_the_quantile() -> None:
    rows = mixed_rows(3)
    corruption = Masking(rate=0.3)
    assert corruption.noise_width(MIXED) == 8
    edge = quantile(0.3)
    noise = torch.full((3, 8), edge + 1e-9, dtype=torch.float64)
    torch.testing.assert_close(corruption.corrupt(rows, noise, MIXED), rows, rtol=0, atol=0)
    noise[0, 1] = noise[1, 5] = noise[2, 7] = edge - 1e-9
    expected = rows.clone()
    expected[0, 1] = expected[1, 5] = 0
    expected[2, 9:12] = 0  # the second categorical column, all of its indicators
    torch.testing.assert_close(corruption.corrupt(rows, noise, MIXED), expected, rtol=0, atol=0)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.7, 1.0])
def test_masking_hides_a_share_of_cells_and_scales_nothing(rate: float) -> None:
    rows = 1 + normal(5000, 4).abs()
    got = Masking(rate=rate).corrupt(rows, normal(5000, 4, seed=1), PLAIN)
    hidden = got == 0
    torch.testing.assert_close(got[~hidden], rows[~hidden], rtol=0, atol=0)
    deviation = math.sqrt(rate * (1 - rate) / rows.numel())
    assert abs(float(hidden.double().mean()) - rate) <= 5 * deviation


def test_salt_and_pepper_go_to_the_ends_of_each_kind() -> None:
    rows = mixed_rows(3)
    corruption = SaltAndPepper(rate=0.2)
    assert corruption.noise_width(MIXED) == 6
    edge = quantile(0.1)
    noise = torch.zeros(3, 6, dtype=torch.float64)
    noise[0], noise[1] = edge - 1e-9, -edge + 1e-9
    got = corruption.corrupt(rows, noise, MIXED)
    assert got[0, :6].tolist() == [-3.0, -3.0, 0.0, 0.0, 0.0, 0.0]
    assert got[1, :6].tolist() == [3.0, 3.0, 1.0, 1.0, 1.0, 7.0]  # 3.2 + 2 · 2, a whole number
    torch.testing.assert_close(got[2], rows[2], rtol=0, atol=0)
    torch.testing.assert_close(got[:, 6:], rows[:, 6:], rtol=0, atol=0)
    noise[0], noise[1] = edge + 1e-9, -edge - 1e-9
    torch.testing.assert_close(corruption.corrupt(rows, noise, MIXED), rows, rtol=0, atol=0)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_half_of_the_damage_is_salt(rate: float) -> None:
    rows = torch.full((5000, 4), 0.5, dtype=torch.float64)
    got = SaltAndPepper(rate=rate).corrupt(rows, normal(5000, 4), [Block("unit-interval", 0, 4, (4,))])
    for end in (0.0, 1.0):
        share = float((got == end).double().mean())
        assert abs(share - rate / 2) <= 5 * math.sqrt(rate / 2 * (1 - rate / 2) / rows.numel())


def test_swap_noise_is_that_of_brute_force() -> None:
    rows = mixed_rows(5)
    noise = normal(5, 8, seed=3)
    corruption = SwapNoise(rate=0.6)
    assert corruption.noise_width(MIXED) == 8
    expected = rows.numpy().copy()
    starts = [*[(place, place + 1) for place in range(6)], (6, 9), (9, 12)]
    for row in range(5):
        for column, (start, stop) in enumerate(starts):
            uniform = stats.norm.cdf(float(noise[row, column]))
            if uniform < 0.6:
                other = (row + 1 + math.floor(uniform / 0.6 * 4)) % 5
                expected[row, start:stop] = rows[other, start:stop]
    got = corruption.corrupt(rows, noise, MIXED)
    np.testing.assert_array_equal(got.numpy(), expected)
    assert (got != rows).any()


def test_swap_noise_takes_each_other_row_equally_often_and_keeps_the_column() -> None:
    n, columns, rate = 5, 16_000, 0.4
    name = 100.0 * torch.arange(columns, dtype=torch.float64)
    rows = torch.arange(n, dtype=torch.float64)[:, None] + name
    got = SwapNoise(rate=rate).corrupt(rows, normal(n, columns), [Block("continuous", 0, columns, (columns,))])
    source = got - name
    assert ((source >= 0) & (source < n)).all(), "a cell came from another column"
    shares = torch.stack([torch.bincount(source[row].long(), minlength=n) for row in range(n)]) / columns
    expected = torch.full((n, n), rate / (n - 1)).fill_diagonal_(1 - rate)
    assert ((shares - expected).abs() <= 5 * (expected * (1 - expected) / columns).sqrt()).all()


def test_swap_noise_at_its_limits() -> None:
    rows = torch.arange(6, dtype=torch.float64)[:, None]
    blocks = [Block("continuous", 0, 1, (1,))]
    extreme = torch.tensor([[-40.0], [40.0], [-8.0], [8.0], [0.0], [0.1]], dtype=torch.float64)
    assert torch.equal(SwapNoise(rate=0.0).corrupt(rows, extreme, blocks), rows)
    # At rate 1 every cell comes from another row, except where the uniform number is 1 to the last bit.
    got = SwapNoise(rate=1.0).corrupt(rows, extreme, blocks)
    assert (got[[0, 2, 3, 4, 5]] != rows[[0, 2, 3, 4, 5]]).all()
    assert float(got[0]) == 1.0
    assert torch.equal(SwapNoise(rate=1.0).corrupt(rows[:1], extreme[:1], blocks), rows[:1])


@pytest.mark.parametrize("corruption", EVERY, ids=lambda one: one.name)
def test_the_encoder_sees_damage_and_the_likelihood_is_asked_about_the_clean_row(corruption: Corruption) -> None:
    parts = Parts(latent_dim=2, network=MLP(hidden=(3,)), corruption=corruption)
    model = complete(parts, PLAIN).build(PLAIN, torch_generator(0)).double()
    rows = normal(32, 4)
    noise = model.draw_noise(32, torch_generator(1))
    assert noise is not None
    assert noise.corruption is not None
    found = model.forward_pass(Batch(rows), noise)
    assert found.inputs is not None
    assert torch.equal(found.features, rows)
    assert torch.equal(found.inputs, corruption.corrupt(rows, noise.corruption, PLAIN))
    assert (found.inputs != rows).any()
    assert torch.equal(found.z, model.encode(found.inputs).code)
    expected = -found.likelihood.log_prob(rows).sum()
    assert torch.equal(model.loss(Batch(rows), noise, {}).parts["reconstruction"], expected)
    assert torch.equal(model.forward_pass(Batch(rows), None).z, model.encode(rows).code)


FAULTS = {
    "damage in place": (Masking, lambda self, x, noise, blocks: x.mul_(noise > 0), "changed its arguments"),
    "random numbers of its own": (
        GaussianNoise,
        lambda self, x, noise, blocks: x + torch.randn(x.shape, generator=GENERATOR, dtype=x.dtype),
        "differs from call to call",
    ),
    "no damage": (Masking, lambda self, x, noise, blocks: x.clone(), "damages nothing"),
    "another precision": (Masking, lambda self, x, noise, blocks: (x * 0).float(), "became torch.float32"),
    "two levels": (SwapNoise, lambda self, x, noise, blocks: x.flip(1), "one level or lose all"),
    "negative counts": (Masking, lambda self, x, noise, blocks: x - 9, "not finite"),
}
GENERATOR = torch_generator(7)


@pytest.mark.parametrize("name", FAULTS)
def test_the_check_of_corruptions_notices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cls, fault, message = FAULTS[name]
    check_corruption(cls())
    monkeypatch.setattr(cls, "corrupt", fault)
    with pytest.raises(AssertionError, match=message):
        check_corruption(cls())
