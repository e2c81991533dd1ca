"""Parquet: types come back, damage and bombs are refused in bounded memory."""

from __future__ import annotations

import contextlib
import resource
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from isthmus.core.errors import InputError, MissingDependencyError
from isthmus.core.named_columns import NamedColumns
from isthmus.sources import read_parquet, read_rows, write_parquet, write_rows

TABLE = pa.table(
    {
        "n": pa.array([1, None, 3], pa.int16()),
        "f": pa.array([0.1, None, float("inf")], pa.float32()),
        "s": ["a", None, "é" * 50],
        "c": pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), ["lo", "hi"], ordered=True),
        "d": pa.array([None, 5, 6], pa.date32()),
        "z": pa.array([1, 2, None], pa.timestamp("us", "Europe/Berlin")),
        "t": pa.array([1, 2, None], pa.duration("ns")),
        "b": [True, None, False],
    }
)


def test_types_values_and_holes_come_back(tmp_path):
    write_rows(tmp_path / "x.parquet", TABLE)
    assert read_rows(tmp_path / "x.parquet").equals(TABLE)
    parquet.write_table(TABLE, tmp_path / "y.parquet", row_group_size=1)
    assert read_parquet(tmp_path / "y.parquet").equals(TABLE)


def test_other_rows_become_tables(tmp_path):
    path = tmp_path / "x.parquet"
    write_parquet(path, np.array([[1.5, np.nan], [2.5, 3.0]]))
    assert read_parquet(path).to_pydict() == {"x0": [1.5, 2.5], "x1": [None, 3.0]}
    write_parquet(path, NamedColumns(("a", "b"), np.array([[1.0, np.nan], [2.5, 3.0]]), (False, True)))
    assert read_parquet(path).schema == pa.schema({"a": pa.float64(), "b": pa.int64()})
    write_parquet(path, pl.DataFrame({"a": ["x"], "b": [1]}))
    assert read_parquet(path).to_pydict() == {"a": ["x"], "b": [1]}
    pd.DataFrame({"a": [1, 2]}, index=["r", "s"]).to_parquet(path)
    assert read_parquet(path).column_names == ["a"]
    write_parquet(path, pd.DataFrame({"a": [1, 2]}, index=["r", "s"]))
    assert read_parquet(path).column_names == ["a"]
    with pytest.raises(InputError, match=r"rows, shape \(n, d\); got shape \(2, 2, 2\)\. Write \.npy"):
        write_parquet(path, np.zeros((2, 2, 2)))
    with pytest.raises(InputError, match=r"does not fit into an Arrow table"):
        write_parquet(path, pd.DataFrame({"a": ["x", 1]}))


def test_every_truncation_and_many_flips_are_found_or_harmless(tmp_path):
    write_parquet(tmp_path / "x.parquet", TABLE)
    content = (tmp_path / "x.parquet").read_bytes()
    path = tmp_path / "damaged.parquet"
    found = 0
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"damaged\.parquet is"):
            read_parquet(path)
    random = np.random.default_rng(0)
    for place in random.permutation(len(content))[:60]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):
            read_parquet(path)
            found -= 1
        found += 1
    assert found > 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n" * 3, r"is not a Parquet file: it begins with b'a,b.*to_parquet"),
        (b"PAR1", r"is truncated"),
        (b"PAR1" + b"\xff\xff\xff\x7fPAR1", r"is damaged: it says that 2 GiB describe it"),
        (b"PAR1" + b"\0" * 20 + b"\x14\0\0\0PAR1", r"is damaged"),
    ],
)
def test_what_is_no_parquet_file(tmp_path, content, message):
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.parquet {message}"):
        read_parquet(tmp_path / "x.parquet")


def test_what_cannot_be_modelled_is_named(tmp_path):
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"a": [[1], [2]], "b": [b"x", b"y"], "c": [1, 2]}), path)
    with pytest.raises(InputError, match=r"columns of lists, structures or bytes cannot be read: \['a', 'b'\]"):
        read_parquet(path)
    parquet.write_table(pa.table({"a": pa.array([], pa.int8())}), path)
    with pytest.raises(InputError, match="holds no rows"):
        read_parquet(path)
    parquet.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(InputError, match=r"duplicate column names \['a'\]"):
        read_parquet(path)
    parquet.write_table(pa.table({"a": [1], "b": [2]}), path)
    with pytest.raises(InputError, match=r"2 columns are more than the limit of 1"):
        read_parquet(path, max_columns=1)


def test_small_files_that_grow_are_refused_before_they_fill_the_memory(tmp_path):
    path = tmp_path / "bomb.parquet"
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000), pa.int32()), ["x" * (1 << 20)])
    parquet.write_table(pa.table({"s": words}), path, store_schema=False)
    assert path.stat().st_size < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"bomb\.parquet needs more than 8 GiB in memory\. .*max_bytes"):
        read_parquet(path)
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB
    parquet.write_table(pa.table({"z": np.zeros(100_000)}), path)
    with pytest.raises(InputError, match=r"needs 781\.2 KiB in memory, which is above the limit of 100 KiB"):
        read_parquet(path, max_bytes=100 << 10)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    write_parquet(tmp_path / "x.parquet", TABLE)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for action in (lambda: read_rows(tmp_path / "x.parquet"), lambda: write_rows(tmp_path / "y.parquet", np.eye(2))):
        with pytest.raises(
            MissingDependencyError, match=r"Parquet files need pyarrow.*pip install 'isthmus\[tables\]'"
        ):
            action()
