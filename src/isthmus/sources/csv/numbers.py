"""Cells that are numbers, parsed some lines at a time."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .lines import Line, bad_quotes, empty_line, wrong_width

BLOCK_CELLS = 1 << 17

_INTEGER = re.compile(r"[+-]?[0-9]+")
_LEADING_ZERO = re.compile(r"0[0-9]+")
_LINES_WITH_LEADING_ZERO = re.compile(r"[,\n]0[0-9]+(?=[,\n])")
_POINT_OR_EXPONENT = re.compile(r"[.eEnN]")

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class NotNumbers(InputError):  # noqa: N818 - never seen by users: a file of another kind, until it is known to be none
    """A cell that is no number, or could be text: the file may be a table of text and numbers."""


class NumberParser:
    """Blocks of lines to numbers.

    Parameters
    ----------
    path : Path
        For messages.
    names : tuple of str or None
        The columns.
    width : int
        How many cells a line has.
    zeros_are_text : bool
        Whole numbers with leading zeros (zip codes) raise :class:`NotNumbers`: as numbers they would lose them.

    Attributes
    ----------
    whole : ndarray of bool
        The columns whose cells were whole numbers so far, written without a point or an exponent.
    leading_zeros : bool
        Some cells had leading zeros.
    """

    def __init__(self, path: Path, names: tuple[str, ...] | None, width: int, zeros_are_text: bool) -> None:
        self.path, self.names, self.width = path, names, width
        self.zeros_are_text = zeros_are_text
        self.whole: Flags = np.ones(width, dtype=bool)
        self.leading_zeros = False

    def block(self, block: Sequence[Line]) -> Floats:
        """The numbers of some lines, shape (lines, width).

        Raises
        ------
        NotNumbers
            For a cell that is no number, and a quote that is not closed on its line.
        InputError
            For an empty line and another number of cells.
        """
        texts = [text.rstrip("\r\n") for _, text in block]
        # numpy's parser skips blank lines, ends a line at any carriage return, and allows what Python does not.
        if all(text.strip() and "\r" not in text and "_" not in text for text in texts):
            with contextlib.suppress(ValueError):
                values = np.loadtxt(texts, delimiter=",", comments=None, dtype=np.float64, ndmin=2)
                if values.shape == (len(block), self.width):
                    self._look_at(texts, values, block[0][0])
                    return values
        # Slow, and only for blocks with something unusual in them: quotes, empty cells or an error to name.
        rows = []
        for number, text in block:
            if not text.strip():
                raise empty_line(self.path, number, self.width)
            try:
                cells = next(csv.reader([text], strict=True))
            except csv.Error as error:
                raise NotNumbers(str(bad_quotes(self.path, number, error))) from error
            rows.append(self.row(cells, number))
        return np.array(rows)

    def row(self, cells: Sequence[str], number: int) -> list[float]:
        """The numbers of one line; raises what :meth:`block` does."""
        if len(cells) != self.width:
            raise wrong_width(self.path, number, len(cells), self.width)
        values = []
        for place, cell in enumerate(cells):
            text = cell.strip()
            value = float(text) if text and is_number(text) else float("nan")
            if value != value:
                if not is_number(text):
                    raise self._no_number(text, number, place)
            elif not _INTEGER.fullmatch(text):
                self.whole[place] = False
            elif _LEADING_ZERO.fullmatch(text):
                self._note_leading_zero(text, number)
            values.append(value)
        return values

    def _look_at(self, texts: Sequence[str], values: Floats, first: int) -> None:
        """Which columns are whole numbers by their text, and whether there are leading zeros."""
        missing = np.isnan(values)
        self.whole &= (missing | (np.isfinite(values) & (values == np.rint(values)))).all(axis=0)
        if not self.whole.any():
            return
        together = "\n".join(["", *texts, ""])
        found = _LINES_WITH_LEADING_ZERO.search(together)
        if found is not None:
            self._note_leading_zero(found[0][1:], first + together.count("\n", 1, found.start() + 1))
        if _POINT_OR_EXPONENT.search(together):
            whole, holes = np.flatnonzero(self.whole & ~missing.any(axis=0)), self.whole & missing.any(axis=0)
            if not _are_integers(texts, whole):
                self.whole[[place for place in whole.tolist() if not _are_integers(texts, [place])]] = False
            for place in np.flatnonzero(holes):
                cells = (text.split(",")[place].strip() for text in texts)
                self.whole[place] = all(_INTEGER.fullmatch(cell) or cell.lower() == "nan" for cell in cells)

    def _note_leading_zero(self, text: str, number: int) -> None:
        self.leading_zeros = True
        if self.zeros_are_text:
            raise NotNumbers(f"{self.path}, line {number}: {text!r} has leading zeros.")

    def _no_number(self, text: str, number: int, place: int) -> NotNumbers:
        column = place + 1 if self.names is None else repr(self.names[place])
        hint = ""
        if self.width == 1 and any(mark in text for mark in ";\t"):
            hint = " The cells seem to be separated by something else than commas."
        return NotNumbers(
            f"{self.path}, line {number}, column {column}: {text[:40]!r} is not a number.{hint} Expected numbers "
            "separated by commas: remove the column, or turn it into numbers."
        )


def _are_integers(texts: Sequence[str], columns: Sequence[int] | NDArray[np.intp]) -> bool:
    """The cells of some columns are written without a point or an exponent."""
    if len(columns) == 0:
        return True
    try:
        np.loadtxt(texts, delimiter=",", comments=None, dtype=np.int64, usecols=[int(place) for place in columns])
    except ValueError:
        return False
    return True


def blocks(lines: Iterable[Line], width: int) -> Iterator[list[Line]]:
    """Some lines at a time; those that are empty at the end of the file are left out."""
    size = max(1, BLOCK_CELLS // width)
    block: list[Line] = []
    for line in lines:
        block.append(line)
        if len(block) >= size:
            # Blank lines may only end the file, so they wait for what comes after them.
            keep = _without_blank_end(block)
            if keep:
                yield block[:keep]
            block = block[keep : keep + 1]
    keep = _without_blank_end(block)
    if keep:
        yield block[:keep]


def _without_blank_end(block: list[Line]) -> int:
    keep = len(block)
    while keep and not block[keep - 1][1].strip():
        keep -= 1
    return keep


def is_number(text: str) -> bool:
    """Whether a cell is a number, or empty."""
    if not text:
        return True
    if "_" in text:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
