"""Files with a valid digest that lie about what they hold, or spell it otherwise, are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.core.errors import ModelFileError
from isthmus.files.sealed import read_sealed, write_sealed

from .sealed_by_hand import entries_of, refusal, seal_by_hand, with_header

FLOAT = np.float32([1.0]).tobytes()


def lies() -> dict[str, tuple[bytes, str]]:
    """Files with a valid digest whose table or seal is wrong, with the words that must say so."""
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}

    def table(data=FLOAT, **changes):
        return seal_by_hand({"a": one | changes}, data)

    return {
        "overlap": (seal_by_hand({"a": one, "b": one}, FLOAT), "'b' begins at byte 0 where 4 was expected"),
        "gap": (table(FLOAT * 2, data_offsets=[4, 8]), "'a' begins at byte 4 where 0 was expected"),
        "negative size": (table(shape=[-1]), "'a' has the impossible shape [-1]"),
        "two negative sizes": (table(shape=[-1, -1]), "'a' has the impossible shape [-1, -1]"),
        "fractional size": (table(shape=[1.0]), "'a' has the impossible shape [1.0]"),
        "bool size": (table(shape=[True]), "'a' has the impossible shape [True]"),
        "shape is a number": (table(shape=1), "'a' has the impossible shape 1"),
        "huge rank": (table(shape=[1] * 17), "'a' has the impossible shape [1, 1, 1"),
        "huge empty": (table(b"", shape=[0, 2**62, 2**62], data_offsets=[0, 0]), "'a' has the impossible shape [0, 4"),
        "huge size": (table(shape=[2**63]), "'a' has the impossible shape [9223372036854775808]"),
        "wrong size": (table(shape=[2]), "'a' of shape (2,) and dtype F32 cannot take 4 bytes"),
        "negative offset": (table(data_offsets=[-4, 0]), "'a' has the impossible offsets [-4, 0]"),
        "three offsets": (table(data_offsets=[0, 4, 4]), "'a' has the impossible offsets [0, 4, 4]"),
        "reversed offsets": (table(data_offsets=[4, 0]), "cannot take -4 bytes"),
        "dtype": (table(dtype="C64"), "'a' has dtype 'C64', which is not among F64, F32"),
        "dtype is a list": (table(dtype=["F32"]), "'a' has dtype ['F32'], which is not among"),
        "unknown key": (table(more=1), "entry of tensor 'a' is not exactly dtype, shape and data_offsets"),
        "missing key": (seal_by_hand({"a": {"dtype": "F32"}}, b""), "entry of tensor 'a' is not exactly"),
        "not an entry": (seal_by_hand({"a": 3}, b""), "entry of tensor 'a' is not exactly"),
        "order": (
            seal_by_hand(entries_of({"b": ("F32", [1], FLOAT), "a": ("F32", [1], FLOAT)})[0], FLOAT * 2),
            "its tensors are not in canonical order",
        ),
        "beyond the end": (table(b""), "is truncated: 4 bytes of tensors were expected, 0 are there"),
        "format text": (seal_by_hand({}, b"", format="1"), "names no format version"),
        "format bool": (seal_by_hand({}, b"", format=True), "names no format version"),
        "format zero": (seal_by_hand({}, b"", format=0), "names no format version"),
        "more in the seal": (seal_by_hand({}, b"", more=1), "its seal must hold exactly format, kind, manifest"),
        "manifest is a list": (seal_by_hand({}, b"", manifest=[]), "its seal must hold exactly"),
        "kind is a number": (seal_by_hand({}, b"", kind=3), "its kind is not a string"),
        "digest is a number": (seal_by_hand({}, b"", sha256=3), "its SHA-256 is not written as 64 lower-case"),
        "no digest": (seal_by_hand({}, b"", sha256=""), "its SHA-256 is not written as 64 lower-case"),
        "zero digest": (seal_by_hand({}, b"", sha256="0" * 64), "its SHA-256 does not match its content"),
        "bool bytes": (
            seal_by_hand(*entries_of({"a": ("BOOL", [2], b"\x01\x02")})),
            "tensor 'a' is bool but holds bytes other than 0 and 1",
        ),
        "newer": (
            seal_by_hand({}, b"", format=2, needs="3.1.0"),
            "written by a newer Isthmus (container format 2, this one reads up to 1); upgrade to isthmus >= 3.1.0.",
        ),
    }


@pytest.mark.parametrize("name", lies())
def test_validly_hashed_lies_are_refused(path, name):
    content, words = lies()[name]
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_sealed(path, "model")
    assert words in str(caught.value)
    assert repr(str(path)) in str(caught.value)


def test_a_newer_container_is_named_even_if_its_table_is_unknown_to_us(path):
    table = {"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1], "scale": 2}}
    assert "upgrade to isthmus >= 9.0" in refusal(path, seal_by_hand(table, b"x", format=7, needs="9.0"))


def test_other_spellings_of_a_valid_header_are_refused(path):
    write_sealed(path, "model", {"a": 1}, {"w": torch.tensor([1.0])})
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    text, data = whole[8 : 8 + length].rstrip(b" "), whole[8 + length :]
    read_sealed(path, "model")

    def rewritten(old: bytes, new: bytes) -> bytes:
        assert text.count(old) == 1
        return with_header(text.replace(old, new), data)

    spellings = {
        "white space": rewritten(b'"dtype":"F32"', b'"dtype": "F32"'),
        "order": rewritten(b'"dtype":"F32","shape":[1]', b'"shape":[1],"dtype":"F32"'),
        "escape": rewritten(b'"w"', b'"\\u0077"'),
        "white space in the seal": rewritten(b'\\"a\\":1', b'\\"a\\": 1'),
        "other number": rewritten(b'\\"a\\":1', b'\\"a\\":1e0'),
        "key twice in the seal": rewritten(b'\\"a\\":1', b'\\"a\\":1,\\"a\\":1'),
        "more padding": (length + 8).to_bytes(8, "little") + whole[8 : 8 + length] + b" " * 8 + data,
        "other padding": whole[:8] + text + b"\n" * (length - len(text)) + data,
        "tensor twice": rewritten(b'"w":{', b'"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{'),
        "second metadata key": rewritten(b'"isthmus":', b'"format":"pt","isthmus":'),
    }
    if length == len(text):
        del spellings["other padding"]
    words = {
        "key twice in the seal": "the manifest holds the key 'a' twice",
        "tensor twice": "the header holds the key 'w' twice",
        "white space in the seal": "the manifest is not spelt canonically",
        "other number": "the manifest is not spelt canonically",
        "second metadata key": "its metadata is not exactly the one key 'isthmus'",
    }
    for name, content in spellings.items():
        assert words.get(name, "its header is not spelt canonically") in refusal(path, content), name
