"""IDX files, the format of MNIST: a type, a shape, and the numbers; compressed with gzip or not."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from isthmus.core.errors import InputError

from .limits import check_file, human

MAX_BYTES = 4 << 30
MAX_DIMENSIONS = 8
PIECE = 1 << 20

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
DAMAGE = (EOFError, OSError, zlib.error)


class Readable(Protocol):
    """A stream of bytes, compressed on the disk or not."""

    def read(self, size: int, /) -> bytes: ...


def read_idx(path: str | Path, *, max_bytes: int = MAX_BYTES) -> np.ndarray:
    """The array in an IDX file, in the byte order of this machine.

    The format is described at the end of http://yann.lecun.com/exdb/mnist (LeCun, Cortes & Burges). Whether the file
    is compressed is told from its first bytes, not from its name.

    Parameters
    ----------
    path : str or Path
    max_bytes : int
        The limit for the file, and for the array in memory.

    Returns
    -------
    ndarray
        Of the type (8 to 32-bit integers, 32 or 64-bit floats) and shape that the file names.

    Raises
    ------
    InputError
        If it is no IDX file, ends too early, has bytes left over, is damaged, or would exceed the limit; the message
        names the file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    11
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = check_file(path, max_bytes, "max_bytes")
    try:
        with _opened(path) as file:
            dtype, shape = _header(file, path)
            size = math.prod(shape) * dtype.itemsize
            if size > max_bytes:
                raise InputError(
                    f"{path} needs {human(size)} in memory, which is above the limit of {human(max_bytes)}. Raise "
                    "max_bytes if you trust the file."
                )
            flat = np.empty(math.prod(shape), dtype=dtype)
            _fill(file, flat.view(np.uint8), path)
    except DAMAGE as error:
        raise InputError(f"{path} is damaged: {error}. Get the file again.") from error
    return flat.reshape(shape).astype(dtype.newbyteorder("="), copy=False)


@contextmanager
def _opened(path: Path) -> Iterator[Readable]:
    with path.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not compressed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield file


def _header(file: Readable, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise InputError(
            f"{path} is not an IDX file: it begins with the bytes {magic.hex(' ') or '(none)'}; expected 00 00, a type "
            "(08, 09, 0b, 0c, 0d or 0e) and the number of dimensions. Get the file again."
        )
    if not 1 <= magic[3] <= MAX_DIMENSIONS:
        raise InputError(
            f"{path} says that it has {magic[3]} dimensions; expected 1 to {MAX_DIMENSIONS}. Get the file again."
        )
    lengths = file.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise InputError(f"{path} is truncated: it ends within its header. Get the file again.")
    return np.dtype(TYPES[magic[2]]), tuple(int(length) for length in np.frombuffer(lengths, dtype=">u4"))


def _fill(file: Readable, target: np.ndarray, path: Path) -> None:
    """Read exactly the numbers that the header announced, in pieces, so that a lying header costs no memory."""
    filled = 0
    while filled < len(target):
        piece = file.read(min(PIECE, len(target) - filled))
        if not piece:
            raise InputError(
                f"{path} is truncated: {len(target)} bytes of numbers expected, {filled} found. Get the file again."
            )
        target[filled : filled + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        filled += len(piece)
    if file.read(1):  # at its end a gzip file's checksum is compared
        raise InputError(f"{path} goes on after the {len(target)} bytes of numbers it announces. Get the file again.")
