"""Files by suffix, and the way of their rows into a schema and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from isthmus.core.errors import InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.sources import read_rows, write_rows

X = np.random.default_rng(0).normal(size=(20, 3))
FRAME = pd.DataFrame({"a": [1.5, 2.5], "b": [3, 4], "c": [True, False]})


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz", ".CSV"])
def test_arrays_come_back_with_the_same_bits(tmp_path, suffix):
    for array in (X, np.asfortranarray(X), X[::2, ::-1]):
        write_rows(tmp_path / f"x{suffix}", array)
        np.testing.assert_array_equal(read_rows(tmp_path / f"x{suffix}"), array)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_images_keep_shape_and_type(tmp_path, suffix):
    images = np.random.default_rng(0).integers(0, 256, size=(3, 4, 5), dtype=np.uint8)
    write_rows(tmp_path / f"x{suffix}", images)
    read = read_rows(tmp_path / f"x{suffix}")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, images)


@pytest.mark.parametrize("frame", [FRAME, pl.from_pandas(FRAME), NamedColumns(("a", "b", "c"), FRAME.to_numpy(float))])
def test_column_names_survive_in_csv(tmp_path, frame):
    write_rows(str(tmp_path / "x.csv"), frame)
    read = read_rows(str(tmp_path / "x.csv"))
    names = read.names if isinstance(read, NamedColumns) else tuple(read.column_names)
    assert names == ("a", "b", "c")
    if isinstance(frame, NamedColumns):
        assert read.values.tolist() == [[1.5, 3, 1], [2.5, 4, 0]]
    else:
        assert read.to_pydict() == {"a": [1.5, 2.5], "b": [3, 4], "c": [True, False]}
    write_rows(tmp_path / "x.npy", frame)
    assert read_rows(tmp_path / "x.npy").tolist() == [[1.5, 3, 1], [2.5, 4, 0]]


def test_whole_numbers_are_written_without_a_point(tmp_path):
    write_rows(tmp_path / "x.csv", FRAME)
    assert (tmp_path / "x.csv").read_text() == "a,b,c\n1.5,3,True\n2.5,4,False\n"


def test_a_large_npy_file_is_what_numpy_writes(tmp_path):
    array = np.random.default_rng(0).normal(size=(70_000, 10))
    write_rows(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy", allow_pickle=False), array)


def test_other_suffixes_list_what_is_supported(tmp_path):
    for name in ("x.feather", "x"):
        with pytest.raises(
            InputError, match=r"files of type .* are not supported\. Expected one of \.csv, \.parquet, \.npy"
        ):
            read_rows(tmp_path / name)
        with pytest.raises(InputError, match=r"not supported"):
            write_rows(tmp_path / name, X)


def test_what_cannot_be_written_by_suffix(tmp_path):
    with pytest.raises(InputError, match=r"holds only numbers; column 'city' has dtype .*Write \.csv or \.parquet"):
        write_rows(tmp_path / "x.npy", pd.DataFrame({"city": ["a"], "x": [1.0]}))
    with pytest.raises(InputError, match=r"the array has dtype object"):
        write_rows(tmp_path / "x.npy", np.array([[None]], dtype=object))
    with pytest.raises(InputError, match="single number"):
        write_rows(tmp_path / "x.npy", np.float64(3))
    with pytest.raises(InputError, match=r"Write \.npy instead"):
        write_rows(tmp_path / "x.csv", np.zeros((2, 2, 2)))
    assert not list(tmp_path.iterdir())
