"""CSV files of numbers: strict, in bounded memory, and with the line number in every error."""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from isthmus.core.errors import InputError
from isthmus.core.named_columns import NamedColumns
from isthmus.files.atomic import write_atomically

from .limits import check_file, human

MAX_BYTES = 2 << 30
MAX_COLUMNS = 100_000
MAX_LINE_BYTES = 16 << 20
BLOCK_CELLS = 1 << 17

Line = tuple[int, str]


def read_csv(
    path: str | Path,
    *,
    header: bool | None = None,
    max_bytes: int = MAX_BYTES,
    max_columns: int = MAX_COLUMNS,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> NamedColumns | np.ndarray:
    """The numbers in a comma-separated file.

    UTF-8, with or without a byte order mark; lines may end in LF or CRLF. An empty cell is NaN.

    Parameters
    ----------
    path : str or Path
    header : bool, optional
        Whether the first line holds column names. None: it does if one of its cells is not a number.
    max_bytes, max_columns, max_line_bytes : int
        Larger files, wider tables and longer lines are refused before they are parsed.

    Returns
    -------
    NamedColumns, or an ndarray of shape (n, d) if the file has no header
        Values are float64.

    Raises
    ------
    InputError
        For a cell that is not a number, a line with another number of cells, an empty line between others, an
        unclosed quote, a NUL byte, bytes that are not UTF-8, names that are empty or occur twice, no rows at all,
        and files above a limit; the message gives file and line.
    """
    path = check_file(path, max_bytes, "max_bytes")
    with path.open("rb") as file:
        lines = _lines(file, path, max_columns, max_line_bytes)
        names: tuple[str, ...] | None = None
        blocks: list[np.ndarray] = []
        first = next(lines, None)
        if first is None:
            raise InputError(f"{path} is empty. Expected one line per row, with numbers separated by commas.")
        number, cells = _first_row(first, lines, path)
        if header or (header is None and not all(_is_number(cell) for cell in cells)):
            names = _names(cells, path, number)
        else:
            blocks.append(np.array([_numbers(cells, number, None, len(cells), path)]))
        for block in _blocks(lines, len(cells)):
            blocks.append(_parsed(block, names, len(cells), path))
    if not blocks:
        raise InputError(f"{path} has a line of column names and no rows. Expected at least one row of numbers.")
    values = np.concatenate(blocks)
    return values if names is None else NamedColumns(names, values)


def write_csv(
    path_or_stream: str | Path | IO[str], names: Sequence[Any] | None, values: np.ndarray | Sequence[np.ndarray]
) -> None:
    """Write rows of numbers such that reading them gives the same bits.

    Parameters
    ----------
    path_or_stream : str, Path or text stream
        A path is written whole or not at all.
    names : sequence or None
        Column names; None writes no header.
    values : ndarray of shape (n, d), or a sequence of d columns
        Floats are written with the fewest digits that identify them in their own type, whole numbers of integer
        types without a point, booleans as 0 and 1, NaN as an empty cell.
    """
    columns = list(values.T) if isinstance(values, np.ndarray) else [np.asarray(column) for column in values]
    if isinstance(values, np.ndarray) and values.ndim != 2:
        raise InputError(
            f"A CSV file holds rows of numbers, shape (n, d); got shape {values.shape}. Write .npy instead."
        )
    if names is not None and len(names) != len(columns):
        raise InputError(f"{len(names)} column names do not fit {len(columns)} columns.")
    if isinstance(path_or_stream, str | Path):
        write_atomically(path_or_stream, (text.encode() for text in _text(names, columns)))
    else:
        for text in _text(names, columns):
            path_or_stream.write(text)


def _lines(file: IO[bytes], path: Path, max_columns: int, max_line_bytes: int) -> Iterator[Line]:
    """Numbered lines of text, each checked against the limits before it is decoded."""
    number = 0
    while raw := file.readline(max_line_bytes + 1):
        number += 1
        if len(raw) > max_line_bytes:
            raise InputError(
                f"{path}, line {number}: longer than {human(max_line_bytes)}. Expected one row per line; is this a CSV "
                "file? Raise max_line_bytes if it is."
            )
        if number == 1 and raw.startswith(b"\xef\xbb\xbf"):
            raw = raw[3:]
        if number == 1 and raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise InputError(f"{path}, line 1: the file is UTF-16; expected UTF-8. Save it as UTF-8.")
        if b"\0" in raw:
            raise InputError(f"{path}, line {number}: contains a NUL byte. Expected text; save the file as UTF-8 CSV.")
        columns = raw.count(b",") + 1
        if columns > max_columns:
            raise InputError(
                f"{path}, line {number}: {columns} columns are more than the limit of {max_columns}. Select columns, "
                "save the numbers as .npy, or raise max_columns."
            )
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}, line {number}: byte 0x{raw[error.start]:02x} is not UTF-8 (is the file Latin-1?). Save it as "
                "UTF-8, for example with: iconv -f latin1 -t utf-8."
            ) from error


def _first_row(first: Line, lines: Iterator[Line], path: Path) -> tuple[int, list[str]]:
    """The first row's cells; only a header may continue on the next lines, inside quotes."""
    consumed = [first]

    def texts() -> Iterator[str]:
        yield first[1]
        for line in lines:
            consumed.append(line)
            yield line[1]

    try:
        cells = next(csv.reader(texts(), strict=True))
    except csv.Error as error:
        raise _bad_quotes(path, first[0], error) from error
    if not cells:
        raise InputError(f"{path}, line {first[0]}: is empty. Expected column names or numbers on the first line.")
    return consumed[-1][0], [cell.strip() for cell in cells]


def _blocks(lines: Iterable[Line], width: int) -> Iterator[list[Line]]:
    size = max(1, BLOCK_CELLS // width)
    block: list[Line] = []
    for line in lines:
        block.append(line)
        if len(block) >= size:
            # Blank lines may only end the file, so they wait for what comes after them.
            keep = _without_blank_end(block)
            if keep:
                yield block[:keep]
            block = block[keep:]
            if len(block) > 1:
                block = block[:1]
    keep = _without_blank_end(block)
    if keep:
        yield block[:keep]


def _without_blank_end(block: list[Line]) -> int:
    keep = len(block)
    while keep and not block[keep - 1][1].strip():
        keep -= 1
    return keep


def _parsed(block: list[Line], names: tuple[str, ...] | None, width: int, path: Path) -> np.ndarray:
    texts = [text.rstrip("\r\n") for _, text in block]
    # numpy's parser skips blank lines, ends a line at any carriage return, and allows what Python does not.
    if all(text.strip() and "\r" not in text and "_" not in text for text in texts):
        with contextlib.suppress(ValueError):
            values = np.loadtxt(texts, delimiter=",", comments=None, dtype=np.float64, ndmin=2)
            if values.shape == (len(block), width):
                return values
    # Slow, and only for blocks with something unusual in them: quotes, empty cells or an error to name.
    rows = []
    for number, text in block:
        if not text.strip():
            raise InputError(f"{path}, line {number}: is empty. Expected {width} numbers; remove the line.")
        try:
            cells = next(csv.reader([text], strict=True))
        except csv.Error as error:
            raise _bad_quotes(path, number, error) from error
        rows.append(_numbers(cells, number, names, width, path))
    return np.array(rows)


def _numbers(cells: Sequence[str], number: int, names: tuple[str, ...] | None, width: int, path: Path) -> list[float]:
    if len(cells) != width:
        raise InputError(
            f"{path}, line {number}: {len(cells)} cells, expected {width} as in the lines before. Add missing cells "
            "(empty for a missing value) or remove the surplus."
        )
    values = []
    for place, cell in enumerate(cells):
        text = cell.strip()
        if not text:
            values.append(float("nan"))
        elif _is_number(text):
            values.append(float(text))
        else:
            column = place + 1 if names is None else repr(names[place])
            hint = ""
            if width == 1 and any(mark in text for mark in ";\t"):
                hint = " The cells seem to be separated by something else than commas."
            raise InputError(
                f"{path}, line {number}, column {column}: {text[:40]!r} is not a number.{hint} Expected numbers "
                "separated by commas: remove the column, or turn it into numbers."
            )
    return values


def _is_number(text: str) -> bool:
    if not text:
        return True
    if "_" in text:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _names(cells: Sequence[str], path: Path, number: int) -> tuple[str, ...]:
    if "" in cells:
        raise InputError(
            f"{path}, line {number}: column {list(cells).index('') + 1} has no name. Give it one, or leave it "
            "out (pandas: to_csv(..., index=False))."
        )
    twice = [name for name, count in Counter(cells).items() if count > 1]
    if twice:
        raise InputError(f"{path}, line {number}: duplicate column names {twice[:10]}. Give every column its own name.")
    return tuple(cells)


def _bad_quotes(path: Path, number: int, error: csv.Error) -> InputError:
    return InputError(
        f"{path}, line {number}: {error} (a quote that is not closed, or a stray character next to one). Close "
        'the quotes, and double a quote inside a quoted cell ("").'
    )


def _text(names: Sequence[Any] | None, columns: Sequence[np.ndarray]) -> Iterator[str]:
    if names is not None:
        yield ",".join(_quoted(str(name)) for name in names) + "\n"
    size = max(1, BLOCK_CELLS // max(1, len(columns)))
    for start in range(0, len(columns[0]) if columns else 0, size):
        cells = [_cells(column[start : start + size]) for column in columns]
        yield "".join(",".join(row) + "\n" for row in zip(*cells, strict=True))


def _cells(column: np.ndarray) -> list[str]:
    if column.dtype.kind == "b":
        return ["1" if value else "0" for value in column.tolist()]
    if column.dtype.kind in "iu":
        return [str(value) for value in column.tolist()]
    if column.dtype == np.float64:
        return ["" if value != value else repr(value) for value in column.tolist()]
    if column.dtype.kind in "OU":
        return ["" if value != value else _quoted(str(value)) for value in column]
    # Python's floats are float64: the fewest digits of a narrower type are numpy's to know.
    return ["" if value != value else str(value) for value in column]


def _quoted(name: str) -> str:
    return (
        '"' + name.replace('"', '""') + '"' if any(mark in name for mark in ',"\r\n') or name != name.strip() else name
    )
