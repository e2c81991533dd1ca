"""All 737,280 sprites in one file, drawn once and mapped into memory from then on."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from isthmus.core.errors import InputError
from isthmus.files.atomic import write_atomically
from isthmus.files.os_errors import WRITE_FIXES, explained

from . import dsprites
from .datasets_files import cache_folder, folders
from .limits import human
from .npy import read_npy

FOLDER = "dsprites"
# The number counts the versions of the drawing.
FILE = "sprites-1.npy"
SHAPE = (dsprites.ROWS, dsprites.SIZE, dsprites.SIZE)
SPARE = 64 << 20


def all_images() -> np.ndarray:
    """Every image, (737280, 64, 64) uint8, as a read-only memory map; drawn into the cache at the first call.

    Raises
    ------
    OSError
        If the 2.8 GiB do not fit on the disk of the cache, or it cannot be written to.
    InputError
        If the file there is not of this form.
    """
    for folder in folders():
        if (folder / FOLDER / FILE).is_file():
            return _mapped(folder / FOLDER / FILE)
    path = cache_folder() / FOLDER / FILE
    draw_all(path)
    return _mapped(path)


def draw_all(path: Path) -> None:
    """Write the ``.npy`` file of all images, whole or not at all, in pieces of 4 MiB."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise explained(error, "save", path, WRITE_FIXES) from error
    needed = int(np.prod(SHAPE)) + SPARE
    if free < needed:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        note = (
            f" All sprites need {human(needed)}, free are {human(free)}. Take some of them, which need no file: "
            'load("dsprites", n=50_000).'
        )
        raise explained(full, "save", path, WRITE_FIXES, note)
    write_atomically(path, _pieces())


def _pieces() -> Iterator[bytes | memoryview]:
    from tqdm import tqdm

    header = io.BytesIO()
    npy_format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": SHAPE})
    yield header.getvalue()
    sprites = int(np.prod(dsprites.COUNTS[:3]))
    for sprite in tqdm(range(sprites), desc="dsprites", unit="sprite", disable=None, leave=False):
        yield dsprites.images_of(sprite).data


def _mapped(path: Path) -> np.ndarray:
    images = read_npy(path)
    if images.shape != SHAPE or images.dtype != np.uint8:
        raise InputError(
            f"{path} holds {images.dtype} numbers of shape {images.shape}; expected uint8 numbers of shape {SHAPE}. "
            "Delete it, and the sprites are drawn again."
        )
    return images
