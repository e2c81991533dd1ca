"""The noise that comes from a row's content: standard normal, independent, and blind to place and company."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from isthmus.core.random import row_hashes, row_noise

GENERATOR = np.random.Generator(np.random.PCG64(0))
ROWS = GENERATOR.normal(size=(2000, 5)).astype(np.float32)
NOISE = row_noise(ROWS, seed=7, samples=8, dim=3)


def test_shape_and_type() -> None:
    assert NOISE.shape == (8, 2000, 3)
    assert NOISE.dtype == np.float32
    assert np.isfinite(NOISE).all()


@pytest.mark.parametrize("dim", [1, 2, 3, 16])
def test_every_position_is_standard_normal(dim: int) -> None:
    noise = row_noise(ROWS, seed=11, samples=4, dim=dim)
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    for sample in range(4):
        for position in range(dim):
            assert stats.kstest(noise[sample, :, position], "norm").pvalue > 1e-5
    assert abs(noise.mean()) < 5 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 5 * np.sqrt(2 / noise.size)
    assert abs(stats.skew(noise.ravel())) < 5 * np.sqrt(6 / noise.size)
    assert abs(stats.kurtosis(noise.ravel())) < 5 * np.sqrt(24 / noise.size)


def test_positions_and_samples_are_uncorrelated() -> None:
    columns = NOISE.transpose(1, 0, 2).reshape(2000, -1)
    for transform in (lambda x: x, np.square, np.sign):
        correlation = np.corrcoef(transform(columns.astype(float)).T)
        assert np.abs(correlation - np.eye(24)).max() < 5.5 / np.sqrt(2000)


def test_neighbouring_rows_are_independent_even_if_they_differ_in_one_bit() -> None:
    base = np.full((2000, 4), 1.0, dtype=np.float32)
    base[:, 2] = np.nextafter(np.float32(1), np.float32(2)) + np.arange(2000, dtype=np.float32) * np.float32(2**-23)
    assert len(np.unique(row_hashes(base, 0))) == 2000
    noise = row_noise(base, seed=0, samples=1, dim=1)[0, :, 0]
    assert stats.kstest(noise, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 5 / np.sqrt(2000)


def test_integer_grids_do_not_collide() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(6.0)] * 5), -1).reshape(-1, 5).astype(np.float32)
    assert len(np.unique(row_hashes(grid, 3))) == 6**5


def test_permutations_and_pieces_change_nothing() -> None:
    order = GENERATOR.permutation(2000)
    assert np.array_equal(row_noise(ROWS[order], 7, 8, 3), NOISE[:, order])
    assert np.array_equal(row_noise(ROWS[5:9], 7, 8, 3), NOISE[:, 5:9])
    assert np.array_equal(row_noise(ROWS[123:124], 7, 8, 3), NOISE[:, 123:124])
    assert np.array_equal(row_noise(np.asfortranarray(ROWS), 7, 8, 3), NOISE)


def test_equal_rows_share_their_noise_and_columns_have_a_place() -> None:
    assert np.array_equal(row_noise(ROWS[[3, 3]], 7, 1, 3)[0, 0], row_noise(ROWS[[3, 3]], 7, 1, 3)[0, 1])
    swapped = ROWS[:1, ::-1].copy()
    assert row_hashes(swapped, 7)[0] != row_hashes(ROWS[:1], 7)[0]
    zeros = np.array([[0.0, 1.0], [-0.0, 1.0]], dtype=np.float32)
    assert len(set(row_hashes(zeros, 1))) == 1


def test_seeds_are_independent() -> None:
    other = row_noise(ROWS, seed=8, samples=8, dim=3)
    assert not np.array_equal(other, NOISE)
    assert abs(np.corrcoef(other.ravel(), NOISE.ravel())[0, 1]) < 5 / np.sqrt(NOISE.size)
