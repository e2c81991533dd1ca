"""Decoded images in a memory-mapped file, used again as long as the files that they came from stay as they are."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from isthmus.core.errors import InputError
from isthmus.files.atomic import write_atomically

from ..datasets_files import cache_folder
from ..npy import read_npy
from .listing import Listing

VERSION = 1
PIECE = 4 << 20


@dataclass(frozen=True)
class Outcome:
    """What came of decoding: the images that could be read, in order, and what became of the others.

    Attributes
    ----------
    images : uint8 ndarray
    skipped : dict
        Position in the listing -> why the file could not be read.
    changed : int
        How many files have another size or number of channels than was asked for.
    """

    images: np.ndarray
    skipped: dict[int, str]
    changed: int


class ImageCache:
    """The place of one folder's images, decoded in one way, inside of a folder for caches.

    The file's name holds a digest of everything that the content depends on (names, sizes and times of change of the
    files, how they are decoded), so that a file that is there is right. Files of the same images in an earlier state
    are removed when a new one is written.
    """

    def __init__(self, folder: Path, listing: Listing, how: dict[str, Any]) -> None:
        self.folder = folder
        self._listing = listing
        self._how = how
        place = json.dumps([VERSION, str(listing.folder.resolve()), how], sort_keys=True, default=str)
        readable = re.sub(r"[^\w-]+", "-", listing.folder.resolve().name, flags=re.ASCII)[:40] or "images"
        self._stem = f"{readable}-{hashlib.sha256(place.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"

    def may_be_there(self) -> bool:
        """Whether any state of the images is there: a cheap look before all files are asked for their state."""
        return self.folder.is_dir() and any(self.folder.glob(f"{self._stem}-*.npy"))

    def path(self) -> Path:
        """The file for the images in their present state."""
        state = hashlib.sha256()
        for name in self._listing.names:
            try:
                status = self._listing.path(name).stat()
                found = f"{status.st_size} {status.st_mtime_ns}"
            except OSError:
                found = "unreadable"
            state.update(os.fsencode(name) + b"\0" + found.encode() + b"\0")
        return self.folder / f"{self._stem}-{state.hexdigest()[:16]}.npy"

    def read(self, path: Path) -> Outcome | None:
        """What is there, or None if it is not there or not intact."""
        try:
            notes = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            skipped = {int(position): str(reason) for position, reason in notes["skipped"].items()}
            images = read_npy(path)
            expected = (len(self._listing.names), *notes["shape"])
            if images.dtype != np.uint8 or images.shape != expected:
                return None
            return Outcome(images[: len(images) - len(skipped)], skipped, int(notes["changed"]))
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ):  # InputError and JSON's error are ValueErrors
            return None

    def write(
        self,
        path: Path,
        shape: tuple[int, ...],
        decode: Callable[[dict[int, str]], Iterator[tuple[np.ndarray, bool]]],
    ) -> Outcome:
        """Decode into a new file, whole or not at all.

        ``decode(skipped)`` gives the images that can be read, and fills ``skipped``.
        """
        skipped: dict[int, str] = {}
        changed = 0

        def content() -> Iterator[bytes | memoryview]:
            nonlocal changed
            count = len(self._listing.names)
            yield _header((count, *shape))
            gathered = bytearray()
            for image, differs in decode(skipped):
                changed += differs
                gathered += image.tobytes()
                if len(gathered) >= PIECE:
                    yield bytes(gathered)
                    gathered.clear()
            yield bytes(gathered)
            # The places of skipped images are at the end, and empty.
            for _ in skipped:
                yield bytes(int(np.prod(shape)))
            notes = {"shape": list(shape), "skipped": skipped, "changed": changed}
            write_atomically(path.with_suffix(".json"), [json.dumps(notes).encode()])

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"The decoded images cannot be kept in {self.folder}: {error.strerror}. Pass cache=FOLDER, or "
                "cache=False to hold them in memory."
            ) from error
        write_atomically(path, content())
        for old in self.folder.glob(f"{self._stem}-*"):
            if old.stem != path.stem:
                with contextlib.suppress(OSError):  # in use on a platform that keeps such files
                    old.unlink()
        outcome = self.read(path)
        if outcome is None:
            raise InputError(f"{path} is not what was written a moment ago. Check the disk.")
        return outcome


def default_folder() -> Path | None:
    """``images`` in the folder for caches of Isthmus; None for a user without a home."""
    try:
        return cache_folder() / "images"
    except InputError:
        return None


def _header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    npy_format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()
