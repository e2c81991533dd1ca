"""Rows from files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from isthmus.core.errors import InputError, InputTypeError, ParameterError

from .images import IMAGES, ImageForm, is_images, read_image_rows
from .session import Session

TABLES = (".csv", ".parquet")
ROWS = (*TABLES, ".npy", ".npz")
FILE_COLUMN = "file"


@dataclass(frozen=True)
class Input:
    """The rows of a file, and the names of the files that they came from if each is a file of its own."""

    rows: Any
    names: tuple[str, ...] | None = None


def read_input(
    path: Path,
    key: str | None = None,
    form: ImageForm | None = None,
    skip_bad: bool = False,
    text: Collection[str] = (),
) -> Input:
    """The rows in a file; ``key`` chooses an array of an ``.npz`` archive.

    A folder of images or an image file gives images, brought to ``form``; without one, they have to be alike. Columns
    of a CSV file that are named in ``text`` are text, whatever their cells look like.
    """
    if key is not None and path.suffix.lower() != ".npz":
        raise ParameterError(f"--key chooses an array of an .npz file; {path} is none. Leave it out.")
    if is_images(path):
        return Input(*read_image_rows(path, form or ImageForm(), skip_bad))
    if skip_bad:
        raise ParameterError(f"--skip-bad is for folders of images; {path} is none. Leave it out.")
    if path.suffix.lower() not in ROWS:
        raise InputError(
            f"{path}: files of type {path.suffix or '(no suffix)'} are not supported. Expected one of "
            f"{', '.join((*ROWS, *IMAGES))}, or a folder of images."
        )

    from isthmus.sources import read_npz, read_rows

    session = click.get_current_context().ensure_object(Session)
    return Input(read_rows(path, text, False if session.no_header else None) if key is None else read_npz(path, key))


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Errors about the data name the file that they came from."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error):
            raise
        kind: type[InputError] = InputTypeError if isinstance(error, InputTypeError) else InputError
        raise kind(f"{path}: {error}") from error


def single_row(rows: Any, number: int, path: Path, option: str) -> Any:
    """Row ``number`` (from 0; negative: from the end) as a table of one row."""
    if not -len(rows) <= number < len(rows):
        raise ParameterError(
            f"{option}: {path} has {len(rows):,} rows, numbered 0 to {len(rows) - 1:,} (or -1, -2, … from the end); "
            f"got {number}."
        )
    return some_rows(rows, slice(number, number + 1 or None))


def some_rows(rows: Any, chosen: slice) -> Any:
    """A piece of what :func:`read_input` gave."""
    from isthmus.core.named_columns import NamedColumns

    if isinstance(rows, NamedColumns):
        return rows.rows(chosen)
    if hasattr(rows, "column_names"):
        start, stop, _ = chosen.indices(len(rows))
        return rows.slice(start, stop - start)
    return rows[chosen]
