"""CSV files with text, dates and holes: what each column becomes, what is refused, and the way back."""

from __future__ import annotations

import datetime as dt
import io

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from isthmus.core.errors import DataWarning, InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.sources import read_rows, write_csv, write_rows


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2", ""], pa.int64(), [1, -2, None]),
        (["+1", " 2 ", "NA"], pa.int64(), [1, 2, None]),
        (["18446744073709551615", "0", ""], pa.uint64(), [2**64 - 1, 0, None]),
        (["1", "2.5", "?"], pa.float64(), [1.0, 2.5, None]),
        (["1e3", "-.5", "inf"], pa.float64(), [1000.0, -0.5, np.inf]),
        (["true", "False", "null"], pa.bool_(), [True, False, None]),
        (["2024-02-29", "1999-12-31", ""], pa.date32(), [dt.date(2024, 2, 29), dt.date(1999, 12, 31), None]),
        (["2024-02-29 10:30", "", "1969-01-01T00:00:01"], pa.timestamp("s"), [dt.datetime(2024, 2, 29, 10, 30), None]),
        (["2024-02-29 10:30:00.25", "", ""], pa.timestamp("ms"), [dt.datetime(2024, 2, 29, 10, 30, 0, 250_000)]),
        (
            ["2024-02-29T10:30:00+02:00", "2024-02-29T10:30:00.000001Z", ""],
            pa.timestamp("us", "UTC"),
            [dt.datetime(2024, 2, 29, 8, 30, tzinfo=dt.UTC), dt.datetime(2024, 2, 29, 10, 30, 0, 1, tzinfo=dt.UTC)],
        ),
        (["PT90S", "-PT0.5S", ""], pa.duration("ms"), [dt.timedelta(seconds=90), dt.timedelta(seconds=-0.5), None]),
        (["02139", "10001", ""], pa.string(), ["02139", "10001", None]),
        (["123456789012345678901234", "1", ""], pa.string(), ["123456789012345678901234", "1", None]),
        (["2024-02-30", "", ""], pa.string(), ["2024-02-30", None, None]),
        (["2024-02-29T10:30Z", "2024-02-29T10:30", ""], pa.string(), ["2024-02-29T10:30Z"]),
        (["NA", "x", '""'], pa.string(), ["NA", "x", ""]),
        (["", "NA", '""'], pa.float64(), [None, None, None]),
        (["true", "1", ""], pa.string(), ["true", "1", None]),
        (['"a, ""b"""', '"two\r\nlines\n\nmore"', " é "], pa.string(), ['a, "b"', "two\r\nlines\n\nmore", " é "]),
    ],
)
def test_what_a_column_becomes(read, cells, kind, values):
    table = read("\r\n".join(["\ufeffx,word", *(f"{cell},w" for cell in cells)]))
    column = table.column("x")
    assert column.type == kind
    assert column.to_pylist()[: len(values)] == values
    assert table.column("word").to_pylist() == ["w", "w", "w"]


def test_columns_that_are_text_by_order(read):
    table = read("a,b\n1,2\n", text=["b"])
    assert table.to_pydict() == {"a": [1], "b": ["2"]}
    assert isinstance(read("a,b\n1,2\n", text=["c"]), NamedColumns)


def test_what_stands_for_a_missing_number_stands_for_a_missing_word(read):
    table = read('n,word,name\n1,NA,null\nNA,x,"NA"\n3, NA,?\n', text=["name"])
    assert table.to_pydict() == {"n": [1, None, 3], "word": [None, "x", None], "name": ["null", None, "?"]}
    assert read("n,word\n1,NA\n,x\n").column("word").to_pylist() == ["NA", "x"]


def test_a_table_without_names(read):
    table = read("\ufeff1,x\n2,y\n", header=False)
    assert table.to_pydict() == {"x0": [1, 2], "x1": ["x", "y"]}
    assert read("1,2\n3,4\n", header=False).tolist() == [[1, 2], [3, 4]]
    with pytest.raises(InputError, match=r"line 2: 1 cells, expected 2"):
        read("1,x\n2\n", header=False)
    with pytest.raises(
        InputError, match=r"duplicate column names \['x'\]\. .*header=False \(in the shell: --no-header\)"
    ):
        read("x,x\n1,2\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\nx,2\n3\n", r"rows\.csv, line 3: 1 cells, expected 2 as in the lines before"),
        ('a,b\n"x\ny",2\n3\n', r"line 4: 1 cells, expected 2"),
        ("a,b\nx,2\n\n3,4\n", r"line 3: is empty\. Expected 2 cells"),
        ('a,b\nx,2\n"3,4\n5,6\n', r"line 3: unexpected end of data \(a quote that is not closed"),
        ('a,b\nx,"2\n3,"4\n', r"line 2: .*stray character"),
        ("a,b\nx,2\r3,4\n", r"line 2: new-line character seen in unquoted field"),
        (b"a,b\nx,2\n1\x00,2\n", r"line 3: contains a NUL byte"),
        (b"a,b\nx,2\n\xe4,2\n", r"line 3: byte 0xe4 is not UTF-8 \(is the file Latin-1\?\).*iconv"),
        (b'a,b\n"x\n",2\n\xe4,2\n', r"line 4: byte 0xe4 is not UTF-8"),
        ('a,b\n"' + "x" * 140_000 + '",2\n', r"line 2: a cell of more than 131,072 characters.*Parquet"),
        ("a\tb\nx\t2\n", r"line 1: one column, 'a\\tb'\. The cells seem to be separated by something else"),
    ],
)
def test_what_is_refused_and_where(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content)


def test_bad_bytes_are_found_in_every_piece(read, monkeypatch):
    monkeypatch.setattr("isthmus.sources.csv.structure.PIECE", 16)
    lines = [f"{row},word" for row in range(40)]
    for at in (0, 7, 39):
        broken = [line.encode() for line in lines]
        broken[at] = b"1,\xff"
        with pytest.raises(InputError, match=rf"line {at + 2}: byte 0xff"):
            read(b"a,b\n" + b"\n".join(broken))
        with pytest.raises(InputError, match=r"line 41: longer than 12 bytes"):
            read("a,b\n" + "\n".join([*lines[:-1], "1,long" * 3]), max_line_bytes=12)
    assert read("a,b\n" + "\n".join(lines)).num_rows == 40


def test_strange_columns_are_told(read):
    numbers = "".join(f"{row},w\n" for row in range(20))
    with pytest.warns(DataWarning, match=r"line 22, column 'a': '12 kg' is not a number, as 20 of 21 cells are"):
        table = read(f"a,b\n{numbers}12 kg,w\n")
    assert table.column("a").type == pa.string()
    with pytest.warns(DataWarning, match=r"taken for column names, but 'State-gov' is also a cell of that column"):
        read("39,State-gov\n50,Private\n38,State-gov\n")
    with pytest.warns(DataWarning, match=r"but '39', 'Private', 'a', 'b', 'c', … are also cells of their columns"):
        read("39,Private,a,b,c,d\n" * 3)
    read("39,State-gov\n50,Private\n38,State-gov\n", text=["State-gov"])  # a model's file: the names are known
    read("2023,2024,city\n7,8,Oslo\n9,9,Rome\n")


def test_spaces_behind_every_comma_are_no_part_of_cells(read):
    table = read("age, job,note\n1, a,  b c\n2, ,\n3,d, e \n")
    assert table.to_pydict() == {"age": [1, 2, 3], "job": ["a", None, "d"], "note": ["b c", None, "e "]}
    kept = read('age,job\n1, a\n2," b"\n')  # quotes say that somebody meant it
    assert kept.column("job").to_pylist() == [" a", " b"]
    assert read("age,job\n1,a\n2, b\n").column("job").to_pylist() == ["a", " b"]
    assert read("job\n a\nb\n").column("job").to_pylist() == [" a", "b"]


def test_without_pyarrow_only_numbers_are_read(read, monkeypatch):
    monkeypatch.setattr("isthmus.sources.csv.reading.has_pyarrow", lambda: False)
    with pytest.raises(InputError, match=r"line 2, column 'b': 'x' is not a number.*need pyarrow.*'isthmus\[tables\]'"):
        read("a,b\n1,x\n")
    with pytest.raises(InputError, match=r"column 'b' holds text.*'isthmus\[tables\]'"):
        read("a,b\n1,2\n", text=["b"])
    with pytest.warns(DataWarning, match=r"leading zeros, which are lost.*'isthmus\[tables\]'"):
        assert read("a,b\n1,02139\n2,3\n").values.tolist() == [[1, 2139], [2, 3]]


FRAME = pd.DataFrame(
    {
        "count": pd.array([1, None, 3], dtype="Int64"),
        "size": [0.1, np.nan, 1e300],
        "narrow": np.float32([0.1, 2, 3]),
        "word": ["é,", None, ""],
        "level": pd.Categorical(["lo", None, "hi"], categories=["lo", "hi"], ordered=True),
        "flag": [True, False, True],
        "maybe": pd.array([True, None, False], dtype="boolean"),
        "day": [dt.date(2024, 2, 29), None, dt.date(1969, 1, 1)],
        "at": np.array(["2024-02-29T10:30", "NaT", "1960-01-01"], dtype="datetime64[us]"),
        "fine": np.array(["2024-02-29T10:30:00.000000001", "NaT", "1960-01-01"], dtype="datetime64[ns]"),
        "zone": pd.to_datetime(["2024-02-29 10:30", None, "2024-07-01 00:00"]).tz_localize("Europe/Berlin"),
        "long": pd.to_timedelta([1.5, None, -86400], unit="s"),
    },
    index=[3, 1, 2],
)
TEXT = """count,size,narrow,word,level,flag,maybe,day,at,fine,zone,long
1,0.1,0.1,"é,",lo,True,True,2024-02-29,2024-02-29T10:30:00,2024-02-29T10:30:00.000000001,2024-02-29T09:30:00Z,PT1.5S
,,2.0,,,False,,,,,,
3,1e+300,3.0,"",hi,True,False,1969-01-01,1960-01-01T00:00:00,1960-01-01T00:00:00.000000000,2024-06-30T22:00:00Z,-PT86400S
"""


@pytest.mark.parametrize(
    "frame",
    [FRAME, pl.from_pandas(FRAME), pa.Table.from_pandas(FRAME, preserve_index=False)],
    ids=["pandas", "polars", "arrow"],
)
def test_every_type_is_written_and_read_again(tmp_path, frame):
    path = tmp_path / "x.csv"
    assert write_rows(path, frame) == 0
    assert path.read_text(encoding="utf-8") == TEXT
    again = read_rows(path)
    write_rows(tmp_path / "again.csv", again)
    assert (tmp_path / "again.csv").read_text(encoding="utf-8") == TEXT


def test_formulas_are_counted_and_escaped_on_request(tmp_path):
    frame = pl.DataFrame({"=name": ["=1+2", "@x", "-", "x-y", "=1+2"], "n": [-1.0, 2.0, -3.0, 0.5, 1.0]})
    assert write_rows(tmp_path / "x.csv", frame) == 5
    assert read_rows(tmp_path / "x.csv").column(0).to_pylist() == frame["=name"].to_list()
    assert write_rows(tmp_path / "x.csv", frame, escape_formulas=True) == 5
    assert (tmp_path / "x.csv").read_text() == "'=name,n\n'=1+2,-1.0\n'@x,2.0\n'-,-3.0\nx-y,0.5\n'=1+2,1.0\n"


def test_one_column_with_holes_has_no_empty_lines(tmp_path):
    write_rows(tmp_path / "x.csv", pa.table({"a": [1, None, 3]}))
    assert (tmp_path / "x.csv").read_text() == 'a\n1\n""\n3\n'
    assert read_rows(tmp_path / "x.csv").integer == (True,)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a\0b"], r"Column 'x': 'a\\x00b' contains a NUL.*\.parquet"),
        (["\ud800"], r"Column 'x': .* is half of a character \(a lone surrogate\)"),
        ([[1, 2]], r"Column 'x' .*(list|List).*no text in a CSV file"),
    ],
)
def test_what_has_no_text_is_named(tmp_path, column, message):
    with pytest.raises(InputError, match=message):
        write_rows(tmp_path / "x.csv", pd.DataFrame({"x": pd.Series(column, dtype=object)}))
    assert not (tmp_path / "x.csv").exists()


def test_long_text_and_emoji_come_back(tmp_path):
    words = ["x" * 100_000, "🦊", "\u05d0\u05d1", "\u202e", "'", "a\rb"]
    stream = io.StringIO()
    write_csv(stream, ["w", "n"], [np.array(words, dtype=object), np.arange(6)])
    (tmp_path / "x.csv").write_bytes(stream.getvalue().encode())
    assert read_rows(tmp_path / "x.csv").column("w").to_pylist() == words
