"""CSV: what is read, what is refused with its line, and that nothing is lost in writing."""

from __future__ import annotations

import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.core.errors import DataWarning, InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.sources import read_csv, write_csv, write_rows


@pytest.mark.parametrize(
    "content",
    [
        "a,b\n1,2\n3,4.5\n",
        "a,b\n1,2\n3,4.5",
        "a,b\r\n1,2\r\n3,4.5\r\n",
        "\ufeffa,b\n1,2\n3,4.5\n",
        '"a","b"\n"1","2"\n3,"4.5"\n',
        " a , b \n 1, 2\n3 ,4.5\n\n\n",
        "a,b\n1e0,+2\n3.0,45e-1\n \n",
    ],
    ids=["plain", "no last newline", "CRLF", "BOM", "quoted", "spaces", "exponents"],
)
def test_a_table_with_a_header(read, content):
    table = read(content)
    assert isinstance(table, NamedColumns)
    assert table.names == ("a", "b")
    assert table.values.dtype == np.float64
    assert table.values.tolist() == [[1, 2], [3, 4.5]]
    assert table.integer == ("e" not in content, False)


@pytest.mark.parametrize(
    ("content", "integer"),
    [
        ("a,b,c\n1,2.0,3\n-4,5.5,6\n", (True, False, True)),
        ("a,b,c\n1,2.5,\n-4,5.5,6\n", (True, False, True)),
        ("a,b,c\n1,2.5,\n-4,5.5,\n", (True, False, False)),
        ("a,b,c\n1,1e3,nan\n1.0,2,3\n", (False, False, True)),
        ("a,b\n1,9007199254740993\n2.5,3\n", (False, False)),
    ],
)
def test_whole_numbers_stay_whole(read, content, integer, tmp_path):
    table = read(content)
    assert table.values.dtype == np.float64
    assert table.integer == integer
    if 2**53 not in table.values:
        write_rows(tmp_path / "again.csv", table)
        assert (tmp_path / "again.csv").read_text().split("\n")[2].startswith("-4," if integer[0] else "1.0,2")


def test_a_table_of_whole_numbers_is_one_of_integers(read):
    assert read("a,b\n1,-2\n3,4\n").values.dtype == np.int64
    assert read("1,-2\n3,4\n").dtype == np.int64
    assert read("1,-2\n3,4\n5,6.0\n").dtype == np.float64
    with pytest.warns(DataWarning, match=r"rows\.csv has whole numbers beyond 2\*\*53 in column 'a': they are rounded"):
        read("a\n9007199254740993\n1\n")


def test_without_a_header_it_is_an_array(read):
    values = read("1,2\n3,4.5\n")
    assert isinstance(values, np.ndarray)
    assert values.tolist() == [[1, 2], [3, 4.5]]
    assert read("2020,2021\n3,4.5\n", header=True).names == ("2020", "2021")
    assert read("\ufeff1\n2\n").tolist() == [[1], [2]]


def test_empty_cells_are_nan(read):
    values = read("a,b\n1,\n,2\nnan,3\n").values
    np.testing.assert_array_equal(values, [[1, np.nan], [np.nan, 2], [np.nan, 3]])


def test_names_may_be_quoted_and_span_lines(read):
    table = read('"a, ""x""","b\nc"\n1,2\n')
    assert table.names == ('a, "x"', "b\nc")
    with pytest.raises(InputError, match=r"rows\.csv, line 4: 1 cells, expected 2"):
        read('"a","b\nc"\n1,2\n3\n')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n", r"rows\.csv, line 3: 1 cells, expected 2 as in the lines before\. Add"),
        ("a,b\n1,2\n3,4,5\n", r"line 3: 3 cells, expected 2"),
        ("1,2\n3,4,\n", r"line 2: 3 cells, expected 2"),
        ("a,b\n1,2\n\n3,4\n", r"line 3: is empty\. Expected 2 cells; remove the line"),
        ("a\n1\n\n3\n", r"line 3: is empty"),
        ('a,b\n1,2\n"3,4\n5,6\n', r"line 3: unexpected end of data \(a quote that is not closed"),
        ('"a,b\n1,2\n', r"line 1: unexpected end of data \(a quote that is not closed"),
        ('a,b\n1,"2"x\n', r"line 2: .*stray character"),
        ("1,2\n3,x\n", r"line 2, column 2: 'x' is not a number.*remove the column, or turn it into numbers"),
        ("a;b\n1;2\n", r"line 1: one column, 'a;b'\. The cells seem to be separated by something else"),
        ("1;2\n1,2\n", r"line 2: 2 cells, expected 1"),
        ("1,2\n1,1_000\n", r"line 2, column 2: '1_000' is not a number"),
        ("1,2\n1,0x10\n", r"'0x10' is not a number"),
        ("a,b\n1,2\r3,4\n", r"line 2: new-line character seen in unquoted field"),
        ("a,b\n\n1,2\r3,4\n", r"line 2: is empty"),
        (b"a,b\n1,2\n1\x00,2\n", r"line 3: contains a NUL byte"),
        (b"gr\xf6sse,b\n1,2\n", r"line 1: byte 0xf6 is not UTF-8 \(is the file Latin-1\?\).*iconv"),
        (b"a,b\n1,2\n\xe4,2\n", r"line 3: byte 0xe4 is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), r"line 1: the file is UTF-16; expected UTF-8"),
        ("a,a\n1,2\n", r"line 1: duplicate column names \['a'\]"),
        (",a\n0,2\n", r"line 1: column 1 has no name.*index=False"),
        ("a,b\n", r"has a line of column names and no rows"),
        ("", r"rows\.csv is empty"),
        ("\n1,2\n", r"line 1: is empty"),
    ],
)
def test_what_is_refused_and_where(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"is a folder\. Expected a file"):
        read_csv(tmp_path)


def test_limits_hold_before_parsing(read):
    with pytest.raises(InputError, match=r"has 8 bytes, which is above the limit of 7 bytes.*max_bytes"):
        read("1,2\n3,4\n", max_bytes=7)
    with pytest.raises(InputError, match=r"line 1: 3 columns are more than the limit of 2\. .*max_columns"):
        read("1,2,3\n", max_columns=2)
    with pytest.raises(InputError, match=r"line 2: longer than 4 bytes.*max_line_bytes"):
        read("1,2\n3.25,4\n", max_line_bytes=4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"1" * 1000, r"line 1: longer than 16 MiB"),
        (b"1," * 500, r"line 1: longer than 16 MiB"),
        (b"\0" * 1000, r"line 1: longer than 16 MiB"),
    ],
)
def test_one_huge_line_is_refused_in_bounded_memory(tmp_path, line, message):
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        for _ in range(60):
            file.write(line * 1000)
        file.truncate(1_000_000_000)  # sparse: takes no room on the disk
    tracemalloc.start()
    with pytest.raises(InputError, match=message):
        read_csv(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64e6


def test_a_million_columns_are_refused_before_parsing(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_bytes(b"1," * 999_999 + b"1\n")
    tracemalloc.start()
    with pytest.raises(InputError, match=r"line 1: 1000000 columns are more than the limit of 100000"):
        read_csv(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6


def test_an_unclosed_quote_does_not_swallow_a_large_file(tmp_path):
    path = tmp_path / "quote.csv"
    path.write_text('"a,b\n' + "1,2\n" * 500_000)
    with pytest.raises(InputError, match=r"line 1: field larger than field limit"):
        read_csv(path)


@pytest.mark.parametrize("at", [1, 9, 10, 11, 20, 34])
def test_errors_and_values_across_blocks(read, at, monkeypatch):
    monkeypatch.setattr("isthmus.sources.csv.numbers.BLOCK_CELLS", 20)
    lines = [f"{row},{row}.5" for row in range(35)]
    values = read("\n".join(lines) + "\n" * 40)
    assert values.shape == (35, 2)
    np.testing.assert_array_equal(values[:, 0] + 0.5, values[:, 1])
    lines[at] = "1,oops"
    with pytest.raises(InputError, match=rf"line {at + 1}, column 2: 'oops'"):
        read("\n".join(lines))
    for blanks in (1, 15, 40):
        lines[at] = "\n" * (blanks - 1)
        with pytest.raises(InputError, match=rf"line {at + 1}: is empty"):
            read("\n".join([*lines, "1,2"]))


@settings(max_examples=30, deadline=None)
@given(
    arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]),
        st.tuples(st.integers(1, 6), st.integers(1, 4)),
    ),
    st.booleans(),
)
def test_what_is_written_is_read_with_the_same_bits(tmp_path_factory, values, with_names):
    if values.dtype == np.int64:  # numbers are parsed as float64, which holds whole ones up to 2**53
        values = values.clip(-(2**53) + 1, 2**53 - 1)
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    names = [f'c,{place} "é"' for place in range(values.shape[1])] if with_names else None
    write_csv(path, names, values)
    back = read_csv(path, header=with_names) if not blank_column(values) else None
    if back is None:
        return
    matrix = back.values if with_names else back
    np.testing.assert_array_equal(matrix.astype(values.dtype), values)
    assert not with_names or back.names == tuple(names)


def blank_column(values):
    """One column with NaN makes lines that are empty."""
    return values.shape[1] == 1 and values.dtype.kind == "f" and bool(np.isnan(values).any())


def test_the_written_text():
    stream = io.StringIO()
    write_csv(
        stream,
        ["x", "n, m", "b", "h"],
        [np.array([0.1, np.nan]), np.array([1, 2**60]), np.array([True, False]), np.array([0.1, 3], dtype=np.float32)],
    )
    assert stream.getvalue() == 'x,"n, m",b,h\n0.1,1,1,0.1\n,1152921504606846976,0,3.0\n'
    assert pd.read_csv(io.StringIO(stream.getvalue())).shape == (2, 4)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"shape \(n, d\); got shape \(2, 2, 2\)\. Write \.npy instead"):
        write_csv(tmp_path / "x.csv", None, np.zeros((2, 2, 2)))
    with pytest.raises(InputError, match=r"1 column names do not fit 2 columns"):
        write_csv(tmp_path / "x.csv", ["a"], np.zeros((2, 2)))
    assert not (tmp_path / "x.csv").exists()
