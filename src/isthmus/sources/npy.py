"""Reading ``.npy`` files: mapped into memory, never unpickled."""

from __future__ import annotations

import io
import math
import tokenize
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from isthmus.core.errors import InputError

from .limits import check_file

MAX_BYTES = 1 << 44
MAX_HEADER = 10_000

# What numpy's parser of headers (a Python literal) raises at nonsense.
DAMAGE = (
    ValueError,
    EOFError,
    OSError,
    OverflowError,
    SyntaxError,
    TypeError,
    KeyError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)


def read_npy(path: str | Path) -> np.ndarray:
    """The array in a ``.npy`` file, as a read-only memory map: nothing is read until rows are taken.

    Raises
    ------
    InputError
        If it is no ``.npy`` file, is truncated, or holds objects (which would have to be unpickled) or anything
        else than real numbers; the message names the file.
    """
    path = check_file(path, MAX_BYTES, "the limit")
    with path.open("rb") as file:
        shape, fortran, dtype = read_header(file, str(path))
        offset = file.tell()
        size = file.seek(0, 2) - offset
    expected = math.prod(shape) * dtype.itemsize
    if size < expected:
        raise InputError(f"{path} is truncated: {expected} bytes of numbers expected, {size} found. Write it again.")
    order: Any = "F" if fortran else "C"
    if expected == 0:
        return np.empty(shape, dtype=dtype, order=order)
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order=order)


def read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type from the start of a ``.npy`` stream; :class:`InputError` names ``name``."""
    try:
        version = npy_format.read_magic(file)
        width = {(1, 0): 2, (2, 0): 4, (3, 0): 4}.get(version)
        if width is None:
            raise InputError(f"{name} is of .npy version {version}; expected 1.0 to 3.0. Write it with numpy.save.")
        prefix = file.read(width)
        length = int.from_bytes(prefix, "little")
        if length > MAX_HEADER:  # numpy would read it, up to 4 GB, before it asks
            raise InputError(f"{name} has a header of {length} bytes; expected {MAX_HEADER} at most. Write it again.")
        header = io.BytesIO(prefix + file.read(length))
        read = npy_format.read_array_header_1_0 if width == 2 else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(header, max_header_size=MAX_HEADER)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{name} is not a .npy file: {str(error)[:200]}. Write it with numpy.save.") from error
    if dtype.hasobject:
        raise InputError(
            f"{name} holds Python objects (dtype {dtype}), which could run code when read. Save numbers instead: "
            "numpy.save(path, array.astype(float))."
        )
    if dtype.kind not in "biuf":
        raise InputError(f"{name} holds dtype {dtype}; expected real numbers. Convert it before saving.")
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize >= 1 << 62:
        raise InputError(f"{name} says that its shape is {shape}, which cannot be. Write it again with numpy.save.")
    return shape, fortran, dtype
