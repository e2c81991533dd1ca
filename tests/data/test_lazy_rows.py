"""Rows: any index, the same bits wherever a row stands, and only what is asked for in memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch

from isthmus.data import Schema
from isthmus.data.encoding import ENCODED_CELLS
from isthmus.data.matrix import CHUNK_CELLS

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("width", [1, 3, 7, 64])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "u1"])
def test_a_row_has_the_same_bits_wherever_it_stands(width, dtype):
    n = ENCODED_CELLS // width // 8 if width == 1 else 3 * CHUNK_CELLS // width
    data = (RNG.normal(size=(n, width)) * 20 + 100).astype(dtype)
    rows = Schema.learn(data).rows(data)
    whole = rows.take(slice(None)).values
    order = RNG.permutation(n)
    assert torch.equal(rows.take(order).values, whole[order])
    assert torch.equal(rows.take(torch.from_numpy(order)).values, whole[order])
    for row in (0, n // 2, n - 1):
        assert torch.equal(rows.take(slice(row, row + 1)).values[0], whole[row])
        assert torch.equal(Schema.learn(data).encode(data[row : row + 1]).values[0], whole[row])
    assert torch.equal(rows.take(slice(n - 1, None, -3)).values, whole.flip(0)[::3])
    assert torch.equal(rows.take(np.array([-1, 0])).values, whole[[-1, 0]])
    assert torch.equal(rows.to_resident().take(order).values, whole[order])
    assert torch.equal(rows.to_resident().take(torch.from_numpy(order[:5])).values, whole[order[:5]])


def test_float32_and_float64_agree_to_float32():
    data = (RNG.normal(size=(500, 6)) * [1, 1e-3, 1e4, 1, 1, 1] + [0, 1, 5e5, -3, 100, 0]).astype(np.float32)
    schema = Schema.learn(data)
    np.testing.assert_allclose(
        schema.encode(data).values, schema.encode(data.astype(float)).values, rtol=1e-5, atol=2e-4
    )


def test_a_column_far_from_zero_keeps_its_digits():
    data = 1e6 + RNG.integers(0, 64, size=(400, 2)).astype(np.float32)
    encoded = Schema.learn(data).encode(data).values.double().numpy()
    exact = data.astype(float)
    np.testing.assert_allclose(encoded, (exact - exact.mean(0)) / exact.std(0), rtol=1e-6, atol=1e-6)


def test_resident_rows_respect_the_limit_and_memory_maps(tmp_path):
    data = RNG.normal(size=(100, 8)).astype(np.float32)
    schema = Schema.learn(data)
    rows = schema.rows(data)
    assert (len(rows), rows.nbytes, rows.resident) == (100, 3200, False)
    assert rows.to_resident(3199) is rows
    held = rows.to_resident(3200)
    assert held.resident
    assert held.to_resident() is held
    assert torch.equal(held.take(slice(3, 9)).values, rows.take(slice(3, 9)).values)
    np.save(tmp_path / "x.npy", data)
    mapped = schema.rows(np.load(tmp_path / "x.npy", mmap_mode="r")[10:])
    assert mapped.to_resident() is mapped
    assert torch.equal(mapped.take(np.array([0])).values, rows.take(np.array([10])).values)


def test_a_memory_map_is_not_copied_whole(tmp_path):
    mapped = np.lib.format.open_memmap(tmp_path / "big.npy", mode="w+", dtype=np.float64, shape=(150_000, 32))
    for start in range(0, 150_000, 50_000):
        mapped[start : start + 50_000] = RNG.normal(size=(50_000, 32))
    mapped = np.load(tmp_path / "big.npy", mmap_mode="r")
    tracemalloc.start()
    schema = Schema.learn(mapped)
    rows = schema.rows(mapped)
    for start in range(0, len(rows), 4096):
        rows.take(slice(start, start + 4096))
    rows.take(np.arange(0, 150_000, 1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mapped.nbytes > 38e6
    assert peak < 8e6


def test_frames_are_taken_by_any_index_too():
    frame = pd.DataFrame({"a": RNG.normal(size=50), "b": RNG.integers(0, 2, 50), "c": RNG.integers(0, 9, 50)})
    rows = Schema.learn(frame).rows(frame)
    whole = rows.take(slice(None)).values
    order = RNG.permutation(50)
    assert torch.equal(rows.take(order).values, whole[order])
    assert torch.equal(rows.take(slice(40, 10, -7)).values, whole[list(range(40, 10, -7))])
    assert rows.take(slice(5, 5)).values.shape == (0, 3)
