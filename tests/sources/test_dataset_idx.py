"""IDX files: exact numbers, and no file accepted that is not exactly what its header says."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from isthmus.core.errors import InputError
from isthmus.sources.idx import read_idx

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
IMAGES = np.random.default_rng(0).integers(0, 256, size=(5, 4, 3), dtype=np.uint8)


def idx(array, code=0x08, shape=None):
    shape = array.shape if shape is None else shape
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(("dtype", "code"), CODES.items())
def test_every_type_comes_back_whatever_the_name(tmp_path, compress, dtype, code):
    array = np.array([[-3, 0, 100], [7, 127, -128]]).astype(dtype)
    path = tmp_path / "numbers.bin"
    path.write_bytes(compress(idx(array, code)))
    read = read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype.newbyteorder("=")
    assert read.dtype.isnative
    read[0, 0] = 1  # the array is the caller's own


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_truncation_is_refused(tmp_path, compress):
    content = compress(idx(IMAGES))
    path = tmp_path / "images.gz"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"images\.gz is (truncated|damaged|not an IDX file)"):
            read_idx(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx(IMAGES) + b"\0", r"goes on after the 60 bytes of numbers it announces"),
        (gzip.compress(idx(IMAGES) + b"\0"), r"goes on after the 60 bytes"),
        (gzip.compress(idx(IMAGES)) + gzip.compress(b"more"), r"goes on after the 60 bytes"),
        (gzip.compress(idx(IMAGES)) + b"more", r"is damaged"),
        (gzip.compress(idx(IMAGES))[:-8] + bytes(8), r"is damaged: CRC check failed"),
        (b"\x89PNG\r\n", r"not an IDX file: it begins with the bytes 89 50 4e 47; expected 00 00, a type"),
        (b"", r"begins with the bytes \(none\)"),
        (idx(IMAGES, code=0x0A), r"begins with the bytes 00 00 0a 03"),
        (bytes([0, 1, 8, 1, 0, 0, 0, 0]), r"not an IDX file"),
        (bytes([0, 0, 8, 0]), r"says that it has 0 dimensions; expected 1 to 8"),
        (idx(np.zeros((1,) * 9, np.uint8)), r"says that it has 9 dimensions"),
        (bytes([0, 0, 8, 2, 0, 0, 0, 1]), r"it ends within its header"),
        (idx(IMAGES, shape=(5, 4, 4)), r"truncated: 80 bytes of numbers expected, 60 found"),
        (gzip.compress(idx(IMAGES, shape=(60000, 100, 100))), r"truncated: 600000000 bytes of numbers expected"),
        (idx(IMAGES, shape=(1 << 31, 1 << 31)), r"needs .* in memory, which is above the limit of 4 GiB"),
    ],
    # Not the bytes themselves: gzip writes the time into them.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damage_is_named_with_the_file(tmp_path, content, message):
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


def test_limits(tmp_path):
    path = tmp_path / "zeros.gz"
    path.write_bytes(gzip.compress(idx(np.zeros((100, 100), np.uint8))))
    assert read_idx(path, max_bytes=10_000).shape == (100, 100)
    with pytest.raises(InputError, match=r"needs 9\.766 KiB in memory, which is above the limit of 9\.765 KiB"):
        read_idx(path, max_bytes=9_999)
    with pytest.raises(InputError, match=r"zeros\.gz has .* above the limit of 10 bytes"):
        read_idx(path, max_bytes=10)
    with pytest.raises(InputError, match="No such file"):
        read_idx(tmp_path / "none")


def test_no_rows(tmp_path):
    path = tmp_path / "none"
    path.write_bytes(idx(np.zeros((0, 28, 28), np.uint8)))
    assert read_idx(path).shape == (0, 28, 28)
