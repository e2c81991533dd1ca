"""Arrays: every type and layout gives the same bits, and what is no matrix of numbers is refused by name."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from isthmus.core.errors import DataWarning, InputError, InputTypeError
from isthmus.data import Schema

RNG = np.random.default_rng(1)
X = (RNG.normal(size=(40, 5)) * 3 + 2).astype(np.float32)


def layouts(array):
    strided = np.zeros((80, 15), dtype=array.dtype)
    strided[::2, ::3] = array
    readonly = array.copy()
    readonly.flags.writeable = False
    return {
        "fortran": np.asfortranarray(array),
        "strided": strided[::2, ::3],
        "negative strides": array[::-1].copy()[::-1],
        "read-only": readonly,
        "big-endian": array.astype(array.dtype.newbyteorder(">")),
        "little-endian": array.astype(array.dtype.newbyteorder("<")),
    }


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4"])
@pytest.mark.parametrize("name", list(layouts(X)))
def test_layouts_give_the_same_schema_and_the_same_bits(name, dtype):
    native = (X * 10).astype(dtype)
    other = layouts(native)[name]
    schema = Schema.learn(native)
    assert Schema.learn(other) == schema
    np.testing.assert_array_equal(schema.encode(other).values, schema.encode(native).values)


def test_a_memory_map_gives_the_same_bits(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    schema = Schema.learn(mapped)
    assert schema == Schema.learn(X)
    assert torch.equal(schema.encode(mapped).values, schema.encode(X).values)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "longdouble"])
def test_every_real_type_comes_back(dtype):
    data = RNG.integers(0, 2 if dtype == "?" else 100, size=(30, 2)).astype(dtype)
    schema = Schema.learn(data)
    decoded = schema.decode(schema.encode(data).values if not schema.stored_uint8 else features(schema, data))
    assert decoded.dtype == data.dtype
    np.testing.assert_allclose(decoded.astype(float), data.astype(float), rtol=1e-3, atol=1e-4)
    assert Schema.from_json(schema.to_json()).decode(np.zeros((1, 2))).dtype == data.dtype


def features(schema, data):
    values = schema.encode(data).values
    assert values.dtype == torch.uint8
    return (values - schema.shift) * schema.scale


def test_tensors_lists_and_numbers_in_objects():
    schema = Schema.learn(X)
    expected = schema.encode(X).values
    assert torch.equal(schema.encode(torch.from_numpy(X).requires_grad_()).values, expected)
    assert Schema.learn(torch.from_numpy(X)) == schema
    torch.testing.assert_close(schema.encode(X.tolist()).values, expected)
    torch.testing.assert_close(schema.encode(X.astype(object)).values, expected)
    bfloat = torch.from_numpy(X).bfloat16()
    assert torch.equal(schema.encode(bfloat).values, schema.encode(bfloat.float()).values)


def test_the_users_array_stays_as_it_was():
    data = X.copy()
    schema = Schema.learn(data)
    schema.rows(data).to_resident().take(slice(None)).values.zero_()
    schema.rows(data).take(slice(None)).values.zero_()
    np.testing.assert_array_equal(data, X)
    small = RNG.integers(0, 255, size=(9, 4), dtype=np.uint8)
    kept = small.copy()
    Schema.learn(small).encode(small).values.zero_()
    np.testing.assert_array_equal(small, kept)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.nan, r"contains NaN: 1 cell, first at row 7, column 3\. Every cell must be a finite number: drop"),
        (np.inf, r"contains infinity or a value too large for float64: 1 cell, first at row 7, column 3"),
        (-np.inf, r"contains infinity .*row 7, column 3"),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8", "longdouble"])
def test_cells_that_are_not_finite_are_named(bad, message, dtype):
    data = X.astype(dtype)
    schema = Schema.learn(data)
    data[7, 3] = bad
    with pytest.raises(InputError, match=message):
        Schema.learn(data)
    with pytest.raises(InputError, match=message):
        schema.encode(data)
    with pytest.raises(InputError, match=message):
        schema.rows(data).take(np.array([1, 7]))
    assert schema.rows(data).take(slice(0, 7)).values.isfinite().all()


def test_cells_that_are_not_finite_are_counted_over_all_chunks(monkeypatch):
    data = np.random.default_rng(0).normal(size=(200_000, 3))
    data[100_001, 2] = data[150_000, 0] = data[199_999, 1] = np.nan
    data[120_000, 1] = np.inf
    with pytest.raises(
        InputError,
        match=r"NaN: 3 cells, first at row 100001, column 2\..*infinity .*: 1 cell, first at row 120000, column 1",
    ):
        Schema.learn(data)


@pytest.mark.parametrize("value", [1e12, 1e30, 1e300, -1e300, 1.7e308])
@pytest.mark.filterwarnings("error")
def test_huge_cells_are_finite_or_refused(value):
    schema = Schema.learn(X.astype(float))
    row = np.array([[0.0, 0.0, value, 0.0, 0.0]])
    if value == 1e12:
        assert schema.encode(row).values.isfinite().all()
    else:
        with pytest.raises(InputError, match=r"beyond float32 after scaling at row 0, column 2\. Expected"):
            schema.encode(row)


@pytest.mark.filterwarnings("error")
def test_a_float32_outlier_at_the_limit_is_refused_by_position():
    schema = Schema.learn(X / 10)
    data = np.tile(X[:1], (9, 1))
    data[4, 1] = 3e38
    with pytest.raises(InputError, match=r"beyond float32 after scaling at row 4, column 1"):
        schema.rows(data).take(torch.tensor([0, 4]))


def test_integers_beyond_two_to_the_53_are_warned_of():
    data = np.array([[2**53 + 1, 1], [5, 2], [-(2**60), 3]])
    with pytest.warns(DataWarning, match=r"Integers beyond 2\*\*53 in column 0: neighbouring"):
        Schema.learn(data)
    with pytest.warns(DataWarning, match="beyond 2\\*\\*53 in column 1"):
        Schema.learn(np.array([[1, 2**63], [2, 3]], dtype=np.uint64))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.arange(5.0), InputError, r"Expected 2D array, got 1D array .*Reshape your data"),
        (np.float64(3), InputError, r"got scalar array .*Reshape your data"),
        (np.zeros((2, 2, 2, 2, 2)), InputError, r"Found array with dim 5 .*X\.reshape\(len\(X\), -1\)"),
        (np.zeros((0, 3)), InputError, r"Found array with 0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1"),
        (np.zeros((3, 0)), InputError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required\."),
        (np.ones((1, 3)), InputError, r"1 sample\(s\) \(shape=\(1, 3\)\) while a minimum of 2"),
        (np.ones((2, 2)) * 1j, InputError, r"Complex data not supported \(dtype complex128\)"),
        (np.array([[1j, 2]], dtype=object), InputError, r"Complex data not supported: row 0, column 0"),
        (torch.ones(2, 2, dtype=torch.complex64), InputError, r"Complex data not supported"),
        ([[1, 2], [3]], InputError, r"cannot be turned into an array.*same number of values"),
        ([["a", "b"]], InputTypeError, r"dtype <U1.*Convert your data to numeric values explicitly"),
        (["one", "two"], InputTypeError, r"Text \(dtype <U3\) is not supported"),
        (np.array([["2020-01-01"]], dtype="M8[D]"), InputTypeError, r"dtype datetime64\[D\]"),
        (np.zeros((2, 1), dtype=[("a", "f4")]), InputTypeError, r"not compatible with numbers"),
        (
            np.array([[1, {"a": 1}]], dtype=object),
            InputTypeError,
            r"row 0, column 1: .*argument must be .* string.* number",
        ),
        (np.array([[1, 2], ["x", 2]], dtype=object), InputTypeError, r"row 1, column 0: could not convert string"),
        (np.array([[1, None], [2, 3]], dtype=object), InputError, r"contains NaN: 1 cell, first at row 0, column 1"),
        (np.ma.masked_values([[1.0, 2.0], [3.0, 4.0]], 2.0), InputError, r"masked array with 1 masked cells.*filled"),
        (torch.ones(2, 2).to_sparse(), InputError, r"Sparse tensors .*X\.to_dense\(\)"),
    ],
)
def test_what_is_no_matrix_of_numbers(data, error, message):
    with pytest.raises(error, match=message):
        Schema.learn(data)


def test_an_input_type_error_is_a_type_error_and_a_value_error():
    assert issubclass(InputTypeError, TypeError)
    assert issubclass(InputTypeError, ValueError)


def test_another_number_of_columns_is_refused_in_scikit_learns_words():
    schema = Schema.learn(X)
    with pytest.raises(InputError, match=r"X has 3 features, but VAE is expecting 5 features as input"):
        schema.rows(X[:, :3], "VAE")
    with pytest.raises(InputError, match="Reshape your data"):
        schema.rows(X[0])
    with pytest.raises(InputError, match=r"0 sample\(s\) \(shape=\(0, 5\)\)"):
        schema.rows(X[:0])


def test_values_outside_of_a_binary_range_are_named():
    schema = Schema.learn(np.array([[0, 1], [1, 0]], dtype=np.uint8))
    assert schema.encode(np.array([[0.25, 1.0]])).values.tolist() == [[0.25, 1.0]]
    for data in (
        np.array([[0, 1], [0, 7]], dtype=np.uint8),
        np.array([[0, 1.0], [0, 7.0]]),
        np.array([[0, 1], [0, 7]]),
    ):
        with pytest.raises(InputError, match=r"has the value 7(\.0)? at row 1, column 1, which was binary in training"):
            schema.encode(data)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="longdouble is float64 elsewhere")
def test_a_longdouble_beyond_float64_is_refused():
    data = np.ones((3, 2), dtype=np.longdouble)
    data[1, 1] = np.longdouble("1e400")
    with pytest.raises(InputError, match=r"too large for float64: 1 cell, first at row 1, column 1"):
        Schema.learn(data)
