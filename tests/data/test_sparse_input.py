"""Sparse matrices equal their dense form bit for bit, without being made dense as a whole."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from isthmus.core.errors import DataWarning, InputError
from isthmus.data import Schema

DENSE = np.random.default_rng(3).normal(size=(60, 7)) * (np.random.default_rng(4).uniform(size=(60, 7)) < 0.3)


def with_int64(matrix):
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
    return matrix


FORMATS = {
    "csr": sp.csr_matrix,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "lil": sp.lil_matrix,
    "csr int64": lambda dense: with_int64(sp.csr_array(dense)),
    "csc int64": lambda dense: with_int64(sp.csc_matrix(dense)),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1"])
def test_sparse_equals_dense(name, dtype):
    dense = (np.abs(DENSE) * 10).astype(dtype)
    matrix = FORMATS[name](dense)
    schema = Schema.learn(matrix)
    assert schema == Schema.learn(dense)
    assert torch.equal(schema.encode(matrix).values, schema.encode(dense).values)
    index = np.array([5, 0, 59, 5])
    assert torch.equal(schema.rows(matrix).take(index).values, schema.rows(dense).take(index).values)
    assert torch.equal(
        schema.rows(matrix).take(slice(50, 3, -2)).values, schema.rows(dense).take(slice(50, 3, -2)).values
    )
    assert isinstance(schema.decode(np.zeros((1, 7))), np.ndarray)


def test_a_large_sparse_matrix_is_not_made_dense():
    matrix = sp.random_array((200_000, 100), density=0.001, format="csr", rng=np.random.default_rng(0))
    tracemalloc.start()
    schema = Schema.learn(matrix)
    schema.rows(matrix).take(slice(1000, 2000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # dense it would be 160 MB


def test_what_a_sparse_matrix_must_be():
    with pytest.raises(InputError, match="Complex data not supported"):
        Schema.learn(sp.csr_array(np.eye(2) * 1j))
    with pytest.raises(InputError, match="Reshape your data"):
        Schema.learn(sp.coo_array(np.array([1.0, 2.0])))
    with pytest.raises(InputError, match=r"0 sample\(s\) \(shape=\(0, 3\)\)"):
        Schema.learn(sp.csr_array((0, 3)))
    bad = DENSE.copy()
    bad[3, 0] = np.nan
    with pytest.raises(InputError, match=r"contains NaN: 1 cell, first at row 3, column 0"):
        Schema.learn(sp.csr_array(bad))
    with pytest.warns(DataWarning, match=r"beyond 2\*\*53 in column 1"):
        Schema.learn(sp.csr_array(np.array([[1, 2**54], [2, 0]])))
