"""``.npy`` and ``.npz``: mapped or read under limits, never unpickled."""

from __future__ import annotations

import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from isthmus.core.errors import InputError
from isthmus.sources import read_npy, read_npz

X = np.random.default_rng(0).normal(size=(20, 3))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


@pytest.mark.parametrize(
    "array", [X, np.asfortranarray(X), X.astype(">f4"), X > 0, np.zeros((4, 5, 6), np.uint8), np.zeros((0, 3))]
)
def test_npy_is_mapped_read_only(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    read = read_npy(tmp_path / "x.npy")
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype
    assert array.size == 0 or (isinstance(read, np.memmap) and not read.flags.writeable)


def test_objects_are_refused_without_running_code(tmp_path):
    objects = np.array([[Bomb(), 1]], dtype=object)
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "x.npz", X=objects, allow_pickle=True)
    with pytest.raises(InputError, match=r"x\.npy holds Python objects \(dtype object\), which could run code"):
        read_npy(tmp_path / "x.npy")
    with pytest.raises(InputError, match=r"x\.npz\['X'\] holds Python objects"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("array", [np.ones((2, 2)) * 1j, np.array([["a"]]), np.zeros(2, dtype=[("a", "f4")])])
def test_other_types_are_refused(tmp_path, array):
    np.save(tmp_path / "x.npy", array)
    with pytest.raises(InputError, match=r"x\.npy holds dtype .*; expected real numbers"):
        read_npy(tmp_path / "x.npy")


def test_every_truncation_of_npy_is_refused(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, X)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"x\.npy is (truncated: 480 bytes|not a \.npy file)"):
            read_npy(path)


def header(text, version=1):
    text = text.encode() + b"\n"
    size = struct.pack("<H", len(text)) if version == 1 else struct.pack("<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not numpy at all", r"not a \.npy file"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 8)}"), "which cannot be"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 8)}"), "which cannot be"),
        (
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000)}"),
            "is truncated: 8000000000 bytes",
        ),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"), "holds Python objects"),
        (header("__import__('os').system('false')"), r"not a \.npy file"),
        (header("(" * 5000), r"not a \.npy file"),
        (header("{'descr': '<f8'}" + " " * 20000), r"header of 20017 bytes; expected 10000 at most"),
        (header("{}", version=9), r"\.npy version \(9, 0\); expected 1\.0 to 3\.0"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f", r"header of 2147483647 bytes; expected 10000 at most"),
    ],
)
def test_malicious_headers(tmp_path, content, message):
    (tmp_path / "x.npy").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(InputError, match=message):
        read_npy(tmp_path / "x.npy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "array", [X, np.asfortranarray(X), X.astype(">i2"), np.zeros((0, 2)), np.zeros((3, 4, 5), "u1")]
)
def test_npz_gives_the_array(tmp_path, save, array):
    save(tmp_path / "x.npz", data=array)
    read = read_npz(tmp_path / "x.npz")
    np.testing.assert_array_equal(read, array)
    assert (read.dtype, read.shape) == (array.dtype, array.shape)


def test_which_array_of_an_npz(tmp_path):
    np.savez(tmp_path / "two.npz", a=X, b=X * 2)
    with pytest.raises(InputError, match=r"two\.npz holds several arrays: a, b\. Choose one with key="):
        read_npz(tmp_path / "two.npz")
    np.testing.assert_array_equal(read_npz(tmp_path / "two.npz", "b"), X * 2)
    with pytest.raises(InputError, match=r"holds no array 'c'\. It has: a, b\."):
        read_npz(tmp_path / "two.npz", "c")
    np.savez(tmp_path / "X.npz", X=X, y=X[:, 0])
    np.testing.assert_array_equal(read_npz(tmp_path / "X.npz"), X)
    with zipfile.ZipFile(tmp_path / "none.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"none\.npz holds no arrays"):
        read_npz(tmp_path / "none.npz")


def test_an_npz_bomb_is_not_decompressed(tmp_path):
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("X.npy", "w") as member,
    ):
        member.write(header("{'descr': '|u1', 'fortran_order': False, 'shape': (150000, 1000)}"))
        for _ in range(150):
            member.write(bytes(1_000_000))
    assert path.stat().st_size < 1e6
    tracemalloc.start()
    with pytest.raises(InputError, match=r"bomb\.npz\['X'\] would grow \d+ times to 143.1 MiB.*Raise max_ratio"):
        read_npz(path)
    with pytest.raises(InputError, match=r"needs 143.1 MiB in memory, which is above the limit of 1 MiB.*max_bytes"):
        read_npz(path, max_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6


@pytest.mark.parametrize("shape", ["(1000000000, 1000)", "(3, 3)", "(1, 3)"])
def test_a_header_that_lies_about_its_size(tmp_path, shape):
    path = tmp_path / "lie.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}") + bytes(48))
    with pytest.raises(InputError, match=r"lie\.npz\['X'\] (needs 7451 GiB in memory|says that its shape is)"):
        read_npz(path)


def test_every_truncation_and_a_flipped_bit_of_npz_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, X=X[:4])
    content = path.read_bytes()
    for length in range(0, len(content), 5):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match=r"x\.npz"):
            read_npz(path)
    start = content.index(b"X.npy") + 40
    for position in range(start, start + 40):
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        path.write_bytes(bytes(flipped))
        with pytest.raises(InputError, match=r"x\.npz"):
            read_npz(path)
