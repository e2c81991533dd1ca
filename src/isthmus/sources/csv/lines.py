"""Lines of a text file, checked before they are parsed, and the line of column names."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from isthmus.core.errors import InputError
from isthmus.sources.limits import human

Line = tuple[int, str]
"""A line's number, from 1, and its text."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Limits:
    """What is refused before it is parsed."""

    columns: int
    line_bytes: int


def numbered_lines(file: IO[bytes], path: Path, limits: Limits, first: int = 1) -> Iterator[Line]:
    """The lines from here on, the first of them numbered ``first``; each is checked before it is decoded.

    Raises
    ------
    InputError
        For a line or a number of columns above the limits, a NUL byte, and bytes that are not UTF-8.
    """
    number = first - 1
    while raw := file.readline(limits.line_bytes + 1):
        number += 1
        if len(raw) > limits.line_bytes:
            raise too_long(path, number, limits)
        if number == 1:
            if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise InputError(f"{path}, line 1: the file is UTF-16; expected UTF-8. Save it as UTF-8.")
            raw = raw.removeprefix(BYTE_ORDER_MARK)
        if b"\0" in raw:
            raise has_nul(path, number)
        columns = raw.count(b",") + 1
        if columns > limits.columns:
            raise InputError(
                f"{path}, line {number}: {columns} columns are more than the limit of {limits.columns}. Select "
                "columns, save the numbers as .npy, or raise max_columns."
            )
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise no_utf8(path, number, raw[error.start]) from error


def first_row(lines: Iterator[Line], path: Path) -> tuple[int, list[str]]:
    """The number of the first row's last line, and its cells; only a header may go on over lines, inside quotes.

    Raises
    ------
    InputError
        If the file, or its first line, is empty, or a quote is not closed.
    """
    consumed: list[Line] = []

    def texts() -> Iterator[str]:
        for line in lines:
            consumed.append(line)
            yield line[1]

    try:
        cells = next(csv.reader(texts(), strict=True), None)
    except csv.Error as error:
        raise bad_quotes(path, consumed[0][0], error) from error
    if cells is None:
        raise InputError(f"{path} is empty. Expected one line per row, with cells separated by commas.")
    number = consumed[-1][0]
    if not cells:
        raise InputError(f"{path}, line {number}: is empty. Expected column names or numbers on the first line.")
    return number, [cell.strip() for cell in cells]


def column_names(cells: Sequence[str], path: Path, number: int) -> tuple[str, ...]:
    """The cells, if each is a name of its own; :class:`InputError` otherwise."""
    if "" in cells:
        raise InputError(
            f"{path}, line {number}: column {list(cells).index('') + 1} has no name. Give it one, or leave it "
            "out (pandas: to_csv(..., index=False))."
        )
    twice = [name for name, count in Counter(cells).items() if count > 1]
    if twice:
        raise InputError(
            f"{path}, line {number}: duplicate column names {twice[:10]}. Give every column its own name; if this line "
            "is a row and not names, say so: header=False (in the shell: --no-header)."
        )
    return tuple(cells)


def too_long(path: Path, number: int, limits: Limits) -> InputError:
    """The error for a line above the limit."""
    return InputError(
        f"{path}, line {number}: longer than {human(limits.line_bytes)}. Expected one row per line; is this a CSV "
        "file? Raise max_line_bytes if it is."
    )


def has_nul(path: Path, number: int) -> InputError:
    """The error for a NUL byte."""
    return InputError(f"{path}, line {number}: contains a NUL byte. Expected text; save the file as UTF-8 CSV.")


def no_utf8(path: Path, number: int, byte: int) -> InputError:
    """The error for bytes in another encoding."""
    return InputError(
        f"{path}, line {number}: byte 0x{byte:02x} is not UTF-8 (is the file Latin-1?). Save it as UTF-8, for example "
        "with: iconv -f latin1 -t utf-8."
    )


def bad_quotes(path: Path, number: int, error: csv.Error) -> InputError:
    """The error for quotes that the parser cannot make sense of."""
    return InputError(
        f"{path}, line {number}: {error} (a quote that is not closed, or a stray character next to one). Close "
        'the quotes, and double a quote inside a quoted cell ("").'
    )


def wrong_width(path: Path, number: int, found: int, width: int) -> InputError:
    """The error for a ragged row."""
    return InputError(
        f"{path}, line {number}: {found} cells, expected {width} as in the lines before. Add missing cells "
        "(empty for a missing value) or remove the surplus."
    )


def empty_line(path: Path, number: int, width: int) -> InputError:
    """The error for an empty line between others."""
    return InputError(f"{path}, line {number}: is empty. Expected {width} cells; remove the line.")
