"""Where the arrays of published data sets lie, and whether they are what was published."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isthmus.core.errors import InputError

from .limits import check_file
from .npz import read_npz

DATA_VARIABLE = "ISTHMUS_DATA"
SLACK = 1 << 16
REPLACE = "Delete the file, and it is fetched again, or replace it with an intact one."

Reader = Callable[[Path], np.ndarray]


@dataclass(frozen=True)
class PublishedArray:
    """One array of a data set: the files it may stand in, and how to know it.

    What identifies it is the SHA-256 of its numbers (bytes in C order), not of a file: the same numbers compressed by
    another program, or not at all, are the same data.

    Attributes
    ----------
    folder : str
        The data set's folder, in the user's and in the cache.
    readers : mapping of str to callable
        The file names that are looked for, in this order, and what reads them. The first is the published one.
    urls : tuple of str
        Homes of the published file.
    shape : tuple of int
        Of the array, which is of type uint8.
    sha256 : str
        Of the array's bytes, in lower-case hexadecimal digits.
    """

    folder: str
    readers: Mapping[str, Reader]
    urls: tuple[str, ...]
    shape: tuple[int, ...]
    sha256: str

    def read(self, may_download: bool) -> np.ndarray:
        """The array from the user's folder, else from the cache, else from its home."""
        for path, reader in self._places():
            if path.is_file():
                return self._checked(path, reader, REPLACE)
        name, reader = next(iter(self.readers.items()))
        target = cache_folder() / self.folder / name
        if not may_download:
            raise InputError(
                f"{name} is not on this machine: it is neither in {target.parent} nor in the folder that the "
                f"environment variable {DATA_VARIABLE} names. Put it there, or call load(..., download=True)."
            )
        from .download import download  # brings the network's modules

        accepted: list[np.ndarray] = []
        download(
            self.urls,
            target,
            lambda path: accepted.append(self._checked(path, reader, "It was deleted.")),
            expected=f"an array of shape {self.shape} with SHA-256 {self.sha256} (of its bytes, uncompressed)",
            max_bytes=int(np.prod(self.shape)) + SLACK,
        )
        return accepted[0] if accepted else self._checked(target, reader, REPLACE)

    def _places(self) -> list[tuple[Path, Reader]]:
        return [(folder / self.folder / name, reader) for folder in folders() for name, reader in self.readers.items()]

    def _checked(self, path: Path, reader: Reader, advice: str) -> np.ndarray:
        array = np.ascontiguousarray(reader(path))
        if array.shape != self.shape or array.dtype != np.uint8:
            found, wanted = f"{array.dtype} numbers of shape {array.shape}", f"uint8 numbers of shape {self.shape}"
        else:
            found, wanted = f"numbers with SHA-256 {hashlib.sha256(array.data).hexdigest()}", self.sha256
            if found.endswith(wanted):
                return array
        raise InputError(f"{path} does not hold what was published: it has {found}; expected {wanted}. {advice}")


def folders() -> list[Path]:
    """Where files are looked for: the folder that ``ISTHMUS_DATA`` names, if it is set, and the cache.

    Raises
    ------
    InputError
        If ``ISTHMUS_DATA`` is set but names no folder.
    """
    given = os.environ.get(DATA_VARIABLE)
    if not given:
        return [cache_folder()]
    if not Path(given).is_dir():
        raise InputError(
            f"The environment variable {DATA_VARIABLE} is {given!r}, which is not a folder. Correct it, or unset it to "
            f"use {cache_folder()}."
        )
    return [Path(given), cache_folder()]


def cache_folder() -> Path:
    """Where downloads are kept: ``isthmus`` in the user's cache folder, as the system has it.

    ``$XDG_CACHE_HOME``, if it is set, comes first everywhere.

    Raises
    ------
    InputError
        If the system knows no home folder of this user.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    if given and Path(given).is_absolute():  # as the XDG specification has it
        return Path(given) / "isthmus"
    try:
        if sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA")
            return (Path(local) if local else Path.home() / "AppData" / "Local") / "isthmus" / "Cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "isthmus"
        return Path.home() / ".cache" / "isthmus"
    except RuntimeError as error:
        raise InputError(
            f"There is no home folder to keep data sets in. Set {DATA_VARIABLE} to a folder that has them, or "
            "XDG_CACHE_HOME to one that can be written to."
        ) from error


def read_faces_mat(path: Path) -> np.ndarray:
    """The Frey faces in the MATLAB file in which they were published: one column per face, shape (560, 1965)."""
    from scipy.io import loadmat, whosmat

    path = check_file(path, 4 << 20, "the limit")
    try:
        with path.open("rb") as file:  # by name, scipy would look for another file with the suffix .mat
            found = whosmat(file)
            if found != [("ff", (560, 1965), "uint8")]:
                raise InputError(f"{path} holds {found}; expected the uint8 array 'ff' of shape (560, 1965).")
            file.seek(0)
            columns = loadmat(file, variable_names=["ff"])["ff"]
    except InputError:
        raise
    except Exception as error:  # scipy's parser raises whatever nonsense leads it to
        raise InputError(f"{path} is not an intact MATLAB file: {error}. Get the file again.") from error
    return columns.T.reshape(1965, 28, 20)


def read_x(path: Path) -> np.ndarray:
    """The array "X" of an ``.npz`` archive."""
    return read_npz(path, "X")
