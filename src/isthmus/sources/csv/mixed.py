"""Tables whose columns are of several types, parsed by pyarrow."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from isthmus.core.errors import DataWarning, InputError
from isthmus.sources.arrow import pyarrow

from .lines import Limits
from .structure import Structure, checked_rows, scanned, spaces_follow_commas
from .types import almost_numbers, missing_marks, typed, without_marks

BLOCK_BYTES = 32 << 20
"""What pyarrow parses at once; a row must fit into it."""
NAMED = 5
"""How many columns a warning names."""


def read_mixed(
    path: Path, names: Sequence[str], number: int, offset: int, text: Collection[str], limits: Limits
) -> Any:
    """The table below the column names, which end on line ``number``, ``offset`` bytes from the file's beginning.

    Raises and warns as :func:`~isthmus.sources.csv.read_csv` does.
    """
    pyarrow("CSV files with text, dates or booleans")
    structure = scanned(path, offset, number, limits)
    rows = None if structure.plain else checked_rows(path, offset, number, len(names), limits)
    table = _texts(path, names, offset, structure.quotes)
    if table is None or (rows is not None and rows != table.num_rows):
        found = checked_rows(path, offset, number, len(names), limits)  # raises, with the line
        raise InputError(
            f"{path} has {found:,} rows, but not for every parser: is a row larger than {BLOCK_BYTES >> 20} MiB, or "
            "are quotes used in an unusual way? Save it as Parquet."
        )
    if table.num_rows == 0:
        raise InputError(f"{path} has a line of column names and no rows. Expected at least one row.")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise InputError(
            f"{path}, line {number}: one column, {names[0][:40]!r}. The cells seem to be separated by something else "
            "than commas: save the file with commas."
        )
    table = _unspaced(table, path, offset, structure)
    _look_at_names(table, path, text)
    # Lines are rows if no cell goes on over lines.
    return typed_columns(table, path, text, None if structure.quotes else number + 1, set())


def mixed_pieces(
    path: Path, names: Sequence[str], number: int, offset: int, text: Collection[str], limits: Limits
) -> Iterator[Any]:
    """The same rows, some megabytes at a time, each piece with the types that its own cells have.

    What stood for a missing number in a piece stands for a missing word in those behind it.
    """
    pa = pyarrow("CSV files with text, dates or booleans")
    from pyarrow import csv

    structure = scanned(path, offset, number, limits)
    if not structure.plain:
        checked_rows(path, offset, number, len(names), limits)
    marks: set[str] = set()
    rows = 0
    with pa.OSFile(str(path)) as file:
        file.seek(offset)
        try:
            for batch in csv.open_csv(file, **_options(names, structure.quotes)):
                table = _unspaced(pa.Table.from_batches([batch]), path, offset, structure)
                if not rows:
                    _look_at_names(table, path, text)
                yield typed_columns(table, path, text, None if structure.quotes else number + 1 + rows, marks)
                rows += batch.num_rows
        except pa.ArrowException as error:
            if not checked_rows(path, offset, number, len(names), limits):  # raises, with the line
                raise InputError(
                    f"{path} has a line of column names and no rows. Expected at least one row."
                ) from error
            raise InputError(f"{path}: {str(error).splitlines()[0][:300]} Save it as Parquet.") from error


def typed_columns(table: Any, path: Path, text: Collection[str], first_line: int | None, marks: set[str]) -> Any:
    """A table of text in the types that its cells have; ``marks`` are what stands for missing ones, and grow."""
    columns: dict[str, Any] = {}
    words: dict[str, Any] = {}
    names = table.column_names
    for name in names:
        texts = table.column(name)
        table = table.drop_columns([name])  # each is let go as its typed form arrives
        columns[name] = texts if name in text else typed(texts)
        if columns[name] is texts:
            words[name] = texts
        else:
            marks |= missing_marks(texts)
    for name, texts in words.items():
        # What stands for a missing number in this file stands for a missing word, too.
        columns[name] = without_marks(texts, marks)
        if name not in text:
            _look_at(texts, path, name, first_line)

    import pyarrow as pa

    return pa.table(columns)


def _texts(path: Path, names: Sequence[str], offset: int, quotes: bool) -> Any:
    """All cells as they are, those that are empty and not quoted as nulls; None if the rows do not fit the names."""
    import pyarrow as pa
    from pyarrow import csv

    with pa.OSFile(str(path)) as file:
        if offset == file.size():
            return pa.table({name: pa.array([], type=pa.string()) for name in names})
        file.seek(offset)
        try:
            return csv.read_csv(file, **_options(names, quotes))
        except pa.ArrowException:
            return None


def _options(names: Sequence[str], quotes: bool) -> dict[str, Any]:
    """How pyarrow is to read all cells as they are."""
    import pyarrow as pa
    from pyarrow import csv

    return {
        "read_options": csv.ReadOptions(column_names=list(names), block_size=BLOCK_BYTES),
        "parse_options": csv.ParseOptions(newlines_in_values=quotes),
        "convert_options": csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            check_utf8=False,  # every byte was looked at
        ),
    }


def _unspaced(table: Any, path: Path, offset: int, structure: Structure) -> Any:
    """The cells without the spaces that follow every comma of a file, which are then no part of them."""
    if structure.quotes or not spaces_follow_commas(path, offset):
        return table
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {}
    for name in table.column_names:
        trimmed = pc.utf8_ltrim(table.column(name), " ")
        columns[name] = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    return pa.table(columns)


def _look_at_names(table: Any, path: Path, text: Collection[str]) -> None:
    """Say if the names of columns look like a row."""
    import pyarrow.compute as pc

    names = [name for name in table.column_names if name not in text]
    found = [name for name in names if pc.index(table.column(name), name).as_py() >= 0]
    if found:
        listed = ", ".join(repr(name) for name in found[:NAMED]) + (", …" if len(found) > NAMED else "")
        warnings.warn(
            f"{path}: the first line was taken for column names, but {listed} "
            f"{'is also a cell of that column' if len(found) == 1 else 'are also cells of their columns'}. If the file "
            "has no line of names, say so: header=False (in the shell: --no-header).",
            DataWarning,
            stacklevel=4,
        )


def _look_at(texts: Any, path: Path, name: str, first_line: int | None) -> None:
    """Say what is strange about a column of text."""
    found = almost_numbers(texts)
    if found is not None:
        row, count = found
        where = f"row {row}" if first_line is None else f"line {first_line + row}"
        warnings.warn(
            f"{path}, {where}, column {name!r}: {str(texts[row])[:40]!r} is not a number, as {count:,} of "
            f"{len(texts) - texts.null_count:,} cells are, so that the column is text. If it should be a number, "
            "correct the cell or leave it empty.",
            DataWarning,
            stacklevel=4,
        )
