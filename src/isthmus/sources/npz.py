"""Reading ``.npz`` archives: sizes are checked before anything is decompressed."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.core.errors import InputError

from .limits import check_file, human
from .npy import read_header

MAX_BYTES = 4 << 30
MAX_RATIO = 200.0
RATIO_MATTERS_ABOVE = 100 << 20
"""Small arrays of zeros compress a thousandfold and harm nobody."""

BLOCK = 1 << 20
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


def read_npz(
    path: str | Path, key: str | None = None, *, max_bytes: int = MAX_BYTES, max_ratio: float = MAX_RATIO
) -> np.ndarray:
    """One array from a ``.npz`` archive.

    Parameters
    ----------
    path : str or Path
    key : str, optional
        Its name. None: the only array, or the one called "X".
    max_bytes : int
        The limit for the array in memory.
    max_ratio : float
        How many times larger than its compressed form an array above 100 MiB may be.

    Raises
    ------
    InputError
        If the archive is damaged, the choice is ambiguous (the keys are listed), the array holds objects, or it
        would exceed a limit.
    """
    path = check_file(path, max_bytes, "max_bytes")
    try:
        with zipfile.ZipFile(path) as archive:
            member = _member(archive, key, path)
            return _read(archive, member, f"{path}[{member.filename.removesuffix('.npy')!r}]", max_bytes, max_ratio)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path} is not an intact .npz archive: {error}. Write it again with numpy.savez.") from error


def _member(archive: zipfile.ZipFile, key: str | None, path: Path) -> zipfile.ZipInfo:
    members = {
        info.filename.removesuffix(".npy"): info for info in archive.infolist() if info.filename.endswith(".npy")
    }
    listed = ", ".join(sorted(members)[:20]) + (", …" if len(members) > 20 else "")
    if not members:
        raise InputError(f"{path} holds no arrays. Write it with numpy.savez(path, X=array).")
    if key is None and len(members) > 1 and "X" not in members:
        raise InputError(f"{path} holds several arrays: {listed}. Choose one with key=, or call the right one X.")
    if key is None:
        return members["X"] if "X" in members else next(iter(members.values()))
    if key not in members:
        raise InputError(f"{path} holds no array {key!r}. It has: {listed}.")
    return members[key]


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, max_bytes: int, max_ratio: float) -> np.ndarray:
    _check_size(member.file_size, name, max_bytes)
    ratio = member.file_size / max(1, member.compress_size)
    if member.file_size > RATIO_MATTERS_ABOVE and ratio > max_ratio:
        raise InputError(
            f"{name} would grow {ratio:.0f} times to {human(member.file_size)} when decompressed; at most "
            f"{max_ratio:g} times is expected of data. Raise max_ratio if you trust the file."
        )
    with archive.open(member) as stream:
        shape, fortran, dtype = read_header(stream, name)
        count = math.prod(shape)
        _check_size(count * dtype.itemsize, name, max_bytes)
        if stream.tell() + count * dtype.itemsize != member.file_size:
            raise InputError(
                f"{name} says that its shape is {shape} of {dtype}, which is not what its {member.file_size} bytes "
                "hold. Write it again with numpy.savez."
            )
        flat = np.empty(count, dtype=dtype)
        target = flat.view(np.uint8)
        filled = 0
        while piece := stream.read(BLOCK):  # up to the end, where the checksum is compared
            target[filled : filled + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
            filled += len(piece)
        if filled != len(target):
            raise InputError(f"{name} is truncated: {len(target)} bytes expected, {filled} found. Write it again.")
    order: Any = "F" if fortran else "C"
    return flat.reshape(shape, order=order)


def _check_size(size: int, name: str, max_bytes: int) -> None:
    if size > max_bytes:
        raise InputError(
            f"{name} needs {human(size)} in memory, which is above the limit of {human(max_bytes)}. Save it as .npy, "
            "which is read from the disk as needed, or raise max_bytes."
        )
