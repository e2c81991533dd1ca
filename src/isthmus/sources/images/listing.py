"""Which files of a folder are taken for images."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from isthmus.core.errors import InputError
from isthmus.files.os_errors import READ_FIXES, explained

from .reading import SUFFIXES

MOST_KINDS = 5
TABLES = (".csv", ".parquet", ".npy", ".npz")
OF_IMAGES = "Give the folder that the images are in."


@dataclass(frozen=True)
class Listing:
    """The image files of a folder and of its direct sub-folders.

    Attributes
    ----------
    folder : Path
    names : tuple of str
        Relative to the folder, with "/" on every platform; those in the folder itself first, then sub-folder by
        sub-folder, each sorted.
    ignored : int
        How many other files, hidden ones and deeper folders were passed over.
    """

    folder: Path
    names: tuple[str, ...]
    ignored: int

    def path(self, name: str) -> Path:
        return self.folder / name


def list_images(folder: Path) -> Listing:
    """The files with the suffix of an image; links are followed.

    Raises
    ------
    InputError
        If there are none; the message says what there is.
    OSError
        If the folder cannot be read.
    """
    found: list[tuple[str, str]] = []
    others: Counter[str] = Counter()
    for entry in _entries(folder):
        if entry.name.startswith("."):
            others["hidden"] += 1
        elif entry.is_dir():
            for inner in _entries(Path(entry.path)):
                _sort_in(inner, entry.name, found, others)
        else:
            _sort_in(entry, "", found, others)
    if not found:
        by_count = sorted(others.items(), key=lambda one: (-one[1], one[0]))
        most = ", ".join(f"{count:,} {kind}" for kind, count in by_count[:MOST_KINDS])
        tables = sorted(entry.name for entry in _entries(folder) if Path(entry.name).suffix.lower() in TABLES)
        fix = f"Tables are read one at a time: give {folder / tables[0]}." if tables else OF_IMAGES
        raise InputError(
            f"{folder} holds no images: looked for {', '.join(SUFFIXES)} in it and in its sub-folders, found "
            f"{most or 'nothing'}. {fix}"
        )
    names = tuple(f"{parent}/{name}" if parent else name for parent, name in sorted(found))
    return Listing(folder, names, sum(others.values()))


def _sort_in(entry: os.DirEntry[str], parent: str, found: list[tuple[str, str]], others: Counter[str]) -> None:
    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a Path per file takes longer than the listing
    if entry.name.startswith("."):
        others["hidden"] += 1
    elif entry.is_dir():
        others["deeper folders"] += 1
    elif suffix in SUFFIXES and (entry.is_file() or entry.is_symlink()):  # a link to nowhere gets its error later
        found.append((parent, entry.name))
    else:
        others[suffix or "without a suffix"] += 1


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise explained(error, "read", folder, READ_FIXES) from error
