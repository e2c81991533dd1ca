"""Whether a file is what a fast parser takes it for, and if not, on which line."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from isthmus.core.errors import InputError

from .lines import Limits, bad_quotes, empty_line, has_nul, no_utf8, numbered_lines, too_long, wrong_width

PIECE = 1 << 20


@dataclass(frozen=True)
class Structure:
    """What the rows below the column names are like.

    Attributes
    ----------
    plain : bool
        Every line that is not empty is a row: no quotes, no empty lines between others, no lone carriage returns.
    quotes : bool
        Cells may hold line breaks.
    """

    plain: bool
    quotes: bool


def scanned(path: Path, offset: int, number: int, limits: Limits) -> Structure:
    """Look at all bytes from ``offset`` on, the beginning of the line behind line ``number``, without parsing them.

    Raises
    ------
    InputError
        For NUL bytes, bytes that are not UTF-8, and lines above the limit; the message gives the line.
    """
    quotes = blank = returns = False
    rest = b""
    with path.open("rb") as file:
        file.seek(offset)
        while True:
            read = file.read(PIECE)
            data = rest + read
            cut = data.rfind(b"\n") + 1 if read else len(data)
            piece, rest = data[:cut], data[cut:]
            if max(len(piece), len(rest)) > limits.line_bytes:
                _check_lengths(data, path, number, limits)
            if b"\0" in piece:
                raise has_nul(path, number + 1 + piece.count(b"\n", 0, piece.index(b"\0")))
            try:
                piece.decode()
            except UnicodeDecodeError as error:
                line = number + 1 + piece.count(b"\n", 0, error.start)
                raise no_utf8(path, line, piece[error.start]) from error
            quotes = quotes or b'"' in piece
            returns = returns or piece.count(b"\r") != piece.count(b"\r\n")
            blank = blank or piece.startswith((b"\n", b"\r\n")) or b"\n\n" in piece or b"\n\r\n" in piece
            number += piece.count(b"\n")
            if not read:
                return Structure(plain=not (quotes or blank or returns), quotes=quotes)


def spaces_follow_commas(path: Path, offset: int) -> bool:
    """Whether the row at ``offset`` has a space behind every comma, and a comma."""
    with path.open("rb") as file:
        file.seek(offset)
        row = file.readline()
    return 0 < row.count(b",") == row.count(b", ")


def checked_rows(path: Path, offset: int, number: int, width: int, limits: Limits) -> int:
    """How many rows there are, each read by the strictest of parsers.

    Raises
    ------
    InputError
        For the first row that is ragged, empty, or whose quotes do not fit; the message gives its line.
    """
    rows = 0
    start, blank = number + 1, 0
    with path.open("rb") as file:
        file.seek(offset)
        reader = csv.reader((text for _, text in numbered_lines(file, path, limits, number + 1)), strict=True)
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                if "field limit" in str(error):
                    raise InputError(
                        f"{path}, line {start}: a cell of more than {csv.field_size_limit():,} characters, or a quote "
                        "that is not closed. Close the quotes, or save such a table as Parquet."
                    ) from error
                raise bad_quotes(path, start, error) from error
            if cells is None:
                return rows
            if not cells:
                blank = blank or start
            elif blank:
                raise empty_line(path, blank, width)
            elif len(cells) != width:
                raise wrong_width(path, start, len(cells), width)
            else:
                rows += 1
            start = number + reader.line_num + 1


def _check_lengths(data: bytes, path: Path, number: int, limits: Limits) -> None:
    for place, line in enumerate(data.split(b"\n")):
        if len(line) >= limits.line_bytes:
            raise too_long(path, number + 1 + place, limits)
