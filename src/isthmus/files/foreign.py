"""Say what a file that is not ours looks like, from its first bytes alone. Nothing is ever opened that way."""

from __future__ import annotations

import re

_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive, such as a PyTorch .pt file, a Keras model or an .npz"),
    (b"\x93NUMPY", "a NumPy .npy array"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as an old Keras model"),
    (b"\x1f\x8b", "gzip-compressed data, such as a compressed joblib or pickle file"),
    (b"BZh", "bzip2-compressed data, such as a compressed joblib or pickle file"),
    (b"\xfd7zXZ", "xz-compressed data, such as a compressed joblib or pickle file"),
    (b"\x04\x22\x4d\x18", "lz4-compressed data, such as a compressed joblib or pickle file"),
    (b"PAR1", "a Parquet table"),
    (b"GGUF", "a GGUF model"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with `git lfs pull`"),
    (b"<", "an HTML or XML page, perhaps a failed download"),
    (b"{", "a JSON text"),
)
# How protocols 0 and 1, which have no signature, begin: with a container or a class.
_OLD_PICKLE = re.compile(rb"\([ldtIKFGV]|[\]}]q|c[A-Za-z_][\w.]*\n")
_TEXT = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def looks_like(head: bytes) -> str | None:
    """A few words for the kind of file that begins with ``head``, or None.

    >>> looks_like(b"PK" + bytes([3, 4]))
    'a zip archive, such as a PyTorch .pt file, a Keras model or an .npz'
    """
    for signature, words in _SIGNATURES:
        if head.startswith(signature):
            return words
    if head[:2] in _ZLIB:
        return "zlib-compressed data, such as a compressed joblib or pickle file"
    if len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5:
        return "a pickle, such as a joblib file or an old PyTorch .pt file"
    if _OLD_PICKLE.match(head):
        return "a pickle of protocol 0 or 1"
    if len(head) >= 8 and all(byte in _TEXT for byte in head):
        return "a text file, such as a CSV table"
    return None
