"""Files in pieces: the same rows as whole, whatever the format, the size of the pieces and the place of an error."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from isthmus.core.named_columns import NamedColumns
from isthmus.errors import InputError
from isthmus.sources import read_rows, write_rows
from isthmus.sources.csv import mixed, numbers
from isthmus.sources.parquet import parquet_pieces
from isthmus.sources.pieces import row_pieces

X = np.random.default_rng(0).normal(size=(50, 3))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks in a file of fifty rows."""
    monkeypatch.setattr(numbers, "BLOCK_CELLS", 21)
    monkeypatch.setattr(mixed, "BLOCK_BYTES", 300)


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".npz"])
@pytest.mark.parametrize("rows", [1, 7, 20, 50, 99])
def test_pieces_of_numbers_make_the_whole(tmp_path: Path, suffix: str, rows: int) -> None:
    write_rows(tmp_path / f"x{suffix}", X)
    pieces = list(row_pieces(tmp_path / f"x{suffix}", rows))
    assert all(0 < len(piece) <= rows for piece in pieces)
    np.testing.assert_array_equal(np.concatenate(pieces), X)


def test_pieces_of_named_columns(tmp_path: Path) -> None:
    write_rows(tmp_path / "x.csv", NamedColumns(("a", "b", "c"), X))
    pieces = list(row_pieces(tmp_path / "x.csv", 8))
    assert {piece.names for piece in pieces} == {("a", "b", "c")}
    np.testing.assert_array_equal(np.concatenate([piece.values for piece in pieces]), X)


def table() -> pa.Table:
    return pa.table(
        {"age": [20 + row if row % 9 else None for row in range(50)], "city": [f"c{row % 4}" for row in range(50)]}
    )


@pytest.mark.parametrize("rows", [3, 50])
def test_pieces_of_mixed_tables(tmp_path: Path, rows: int) -> None:
    write_rows(tmp_path / "x.csv", table())
    pieces = list(row_pieces(tmp_path / "x.csv", rows, text=("city",)))
    assert all(0 < len(piece) <= rows for piece in pieces)
    assert pa.concat_tables(pieces) == read_rows(tmp_path / "x.csv") == table()
    # What marks a missing number in one piece marks a missing word in the next.
    (tmp_path / "y.csv").write_text("n,word\n?,a\n" + "1,b\n" * 80 + "2,?\n")
    last = list(row_pieces(tmp_path / "y.csv", 20, text=("word",)))[-1]
    assert last.column("word").to_pylist()[-2:] == ["b", None]


def test_a_table_of_numbers_that_turns_out_to_hold_words_goes_on_where_it_was(tmp_path: Path) -> None:
    lines = [f"{row},{row / 2}" for row in range(40)]
    lines[33] = "33,none"
    (tmp_path / "x.csv").write_text("\n".join(["a,b", *lines]) + "\n")
    pieces = list(row_pieces(tmp_path / "x.csv", 6))
    assert isinstance(pieces[0], NamedColumns)
    assert isinstance(pieces[-1], pa.Table)
    found = [
        number
        for piece in pieces
        for number in (piece.values[:, 0] if hasattr(piece, "values") else piece["a"].to_pylist())
    ]
    assert found == list(range(40))


def test_errors_name_the_line_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n" + "1,2\n" * 30 + "1,2,3\n")
    with pytest.raises(InputError, match=r"x\.csv, line 32: 3 cells, expected 2"):
        list(row_pieces(tmp_path / "x.csv", 6))
    (tmp_path / "y.csv").write_text("a,b\n" + "1,x\n" * 300 + "1,y,3\n")
    with pytest.raises(InputError, match=r"y\.csv, line 302: 3 cells, expected 2"):
        list(row_pieces(tmp_path / "y.csv", 6))
    for name in ("a,b", "a,b\n"):
        (tmp_path / "z.csv").write_text(name)
        with pytest.raises(InputError, match="has a line of column names and no rows"):
            list(row_pieces(tmp_path / "z.csv", 6))
    with pytest.raises(InputError, match="has a line of column names and no rows"):
        list(row_pieces(tmp_path / "z.csv", 6, text=("a",)))
    (tmp_path / "x.txt").write_text("1")
    with pytest.raises(InputError, match=r"files of type \.txt are not supported"):
        list(row_pieces(tmp_path / "x.txt"))


def test_parquet_in_pieces_holds_one_row_group(tmp_path: Path) -> None:
    from pyarrow import parquet

    path = tmp_path / "x.parquet"
    parquet.write_table(table(), path, row_group_size=20)
    pieces = list(row_pieces(path, 8))
    assert [len(piece) for piece in pieces] == [8, 8, 4, 8, 8, 4, 8, 2]
    assert pa.concat_tables(pieces) == read_rows(path)
    size = table().slice(0, 20).nbytes
    assert len(list(parquet_pieces(path, 50, max_bytes=2 * size))) == 3
    with pytest.raises(InputError, match="above the limit of"):
        list(parquet_pieces(path, 50, max_bytes=size // 8))
    parquet.write_table(table().slice(0, 0), path)
    with pytest.raises(InputError, match="holds no rows"):
        list(row_pieces(path))
