"""The sealed container gives back exactly what was saved, or refuses.

Long because it damages one file in every way there is, and shares the small models that it damages.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from isthmus.core.errors import ModelFileError
from isthmus.files import sealed
from isthmus.files.layout import DTYPES
from isthmus.files.sealed import read_manifest, read_sealed, write_sealed

MANIFEST = {"name": "café", "list": [1, 2.5, None, True], "nested": {"b": {}, "a": []}}
TENSORS = {"weight": torch.tensor([[1.5, -2.0], [0.0, 3.25]]), "steps": torch.tensor(7), "on": torch.tensor([True])}


def of_every_kind() -> dict[str, torch.Tensor]:
    tensors = {code: torch.arange(6).reshape(2, 3).remainder(2).to(dtype) for code, dtype in DTYPES.items()}
    return tensors | {
        "scalar": torch.tensor(2.5, dtype=torch.float64),
        "empty": torch.empty(0, 3),
        "transposed": torch.arange(6.0).reshape(2, 3).T,
        "expanded": torch.tensor([4.0]).expand(3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "deep": torch.ones(1, 1, 2, 1, 1),
        "Ünïcode 'name'\n": torch.tensor([1], dtype=torch.int8),
    }


def assert_same(got: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert set(got) == set(expected)
    for name, tensor in expected.items():
        assert got[name].dtype == tensor.dtype, name
        assert got[name].shape == tensor.shape, name
        assert torch.equal(got[name], tensor.detach()), name


def entries_of(tensors: dict[str, tuple[str, list[int], bytes]]) -> tuple[dict, bytes]:
    """The table and bytes of tensors given as (dtype, shape, bytes), one after the other."""
    table, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        table[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    return table, data


def seal_by_hand(table: dict, data: bytes, **changes) -> bytes:
    """The format as its docstring says, written a second time: lets tests lie with a valid digest."""

    def dumps(value):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    fields = {"format": 1, "needs": "0.1.0", "kind": "model", "manifest": {"a": 1}, "sha256": "0" * 64} | changes

    def written() -> bytes:
        return with_header({"__metadata__": {"isthmus": dumps(fields).decode()}} | table, data)

    if "sha256" not in changes:
        fields["sha256"] = hashlib.sha256(written()).hexdigest()
    return written()


def with_header(header: dict | bytes, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.safetensors"


def refusal(path: Path, content: bytes | None = None, kind: str = "model") -> str:
    """The message with which both readers refuse a file; it must name the file."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_sealed(path, kind)
    with pytest.raises(ModelFileError) as again:
        read_manifest(path, kind)
    assert str(caught.value) == str(again.value)
    assert f"Cannot load {str(path)!r}: " in str(caught.value)
    return str(caught.value)


def test_round_trip_of_every_kind_of_tensor(path):
    tensors = of_every_kind()
    write_sealed(path, "model", MANIFEST, tensors)
    manifest, got = read_sealed(path, "model")
    assert manifest == MANIFEST
    assert_same(got, tensors)
    assert all(tensor.is_contiguous() and not tensor.requires_grad for tensor in got.values())
    again, table = read_manifest(path, "model")
    assert again == MANIFEST
    assert {name: (entry.dtype, entry.shape) for name, entry in table.items()} == {
        name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()
    }


def test_no_tensors_and_empty_manifest(path):
    write_sealed(path, "model", {}, {})
    assert read_sealed(path, "model") == ({}, {})


def test_the_format_is_what_its_description_says(path):
    tensors = {"b": torch.tensor([1.0]), "a": torch.tensor([2.0]), "wide": torch.tensor([3]), "z": torch.tensor([True])}
    write_sealed(path, "model", {"a": 1}, tensors)
    table, data = entries_of(
        {
            "wide": ("I64", [1], np.int64([3]).tobytes()),
            "a": ("F32", [1], np.float32([2]).tobytes()),
            "b": ("F32", [1], np.float32([1]).tobytes()),
            "z": ("BOOL", [1], b"\x01"),
        }
    )
    assert path.read_bytes() == seal_by_hand(table, data)


def test_the_official_library_reads_our_files(path):
    tensors = of_every_kind()
    write_sealed(path, "model", MANIFEST, tensors)
    with safe_open(path, "pt") as file:
        assert_same({name: file.get_tensor(name) for name in file.keys()}, tensors)  # noqa: SIM118
        seal = json.loads(file.metadata()["isthmus"])
        assert seal["manifest"] == MANIFEST
        assert set(file.metadata()) == {"isthmus"}


def test_same_content_gives_the_same_bytes(path, tmp_path):
    write_sealed(path, "model", MANIFEST, TENSORS)
    other = tmp_path / "other.safetensors"
    reordered = {name: TENSORS[name].clone() for name in reversed(TENSORS)}
    write_sealed(other, "model", dict(reversed(MANIFEST.items())), reordered)
    assert path.read_bytes() == other.read_bytes()


def test_tensors_are_aligned_for_their_type(path):
    write_sealed(path, "model", {}, {name: torch.ones(3, dtype=dtype) for name, dtype in DTYPES.items()})
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert length % 8 == 0
    _, table = read_manifest(path, "model")
    assert all(entry.begin % entry.dtype.itemsize == 0 for entry in table.values())


def test_caller_state_is_untouched(path):
    generator = torch.get_rng_state()
    with torch.device("meta"):
        write_sealed(path, "model", MANIFEST, TENSORS)
        _, got = read_sealed(path, "model")
    assert_same(got, TENSORS)
    assert torch.equal(torch.get_rng_state(), generator)


def test_every_bit_flip_and_every_truncation_is_refused(path):
    tensors = {"w": torch.tensor([[1.5, -2.0], [0.0, 3.25]]), "n": torch.tensor(7), "on": torch.tensor([True])}
    write_sealed(path, "model", {"name": "vae", "sizes": [3, 2.5, None]}, tensors)
    whole = path.read_bytes()
    assert 400 < len(whole) < 1000
    survivors = []
    with path.open("r+b") as file:
        for position in range(len(whole) * 8):
            byte, bit = divmod(position, 8)
            os.pwrite(file.fileno(), bytes([whole[byte] ^ (1 << bit)]), byte)
            try:
                read_sealed(path, "model")
            except ModelFileError as error:
                if str(path) not in str(error):
                    survivors.append((byte, bit, str(error)))
            else:
                survivors.append((byte, bit, "loaded"))
            os.pwrite(file.fileno(), whole[byte : byte + 1], byte)
        assert survivors == []
        read_sealed(path, "model")
        for size in reversed(range(len(whole))):
            file.truncate(size)
            with pytest.raises(ModelFileError, match=r"file\.safetensors"):
                read_sealed(path, "model")


def test_flips_and_truncations_are_seen_without_holding_the_tensors_too(path):
    write_sealed(path, "model", {}, {"w": torch.arange(3.0)})
    whole = path.read_bytes()
    for byte in range(len(whole)):
        message = refusal(path, whole[:byte] + bytes([whole[byte] ^ 1]) + whole[byte + 1 :])
        assert "Traceback" not in message
    message = refusal(path, whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "its SHA-256 does not match its content" in message
    assert "restore a copy or save again" in message
    assert "is truncated: 12 bytes of tensors were expected, 11 are there" in refusal(path, whole[:-1])
    assert "has trailing bytes: 12 bytes of tensors were expected, 13 are there" in refusal(path, whole + b"\0")
    assert "it is truncated: its header claims" in refusal(path, whole[:100])


def test_digest_in_upper_case_is_refused(path):
    write_sealed(path, "model", {}, {})
    whole = path.read_bytes()
    digest = json.loads(json.loads(whole[8:])["__metadata__"]["isthmus"])["sha256"].encode()
    assert digest != digest.upper()
    assert "not written as 64 lower-case hexadecimal digits" in refusal(path, whole.replace(digest, digest.upper()))


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


def foreign_files() -> dict[str, tuple[bytes, str]]:
    import joblib

    zipped, unzipped, numbers, npz, joblibbed = (io.BytesIO() for _ in range(5))
    state = {"w": torch.ones(300)}
    torch.save(state, zipped)
    torch.save(state, unzipped, _use_new_zipfile_serialization=False)
    np.save(numbers, np.ones(3))
    np.savez(npz, a=np.ones(3))
    joblib.dump({"w": np.ones(3)}, joblibbed)
    found = {
        "torch zip": (zipped.getvalue(), "a zip archive, such as a PyTorch .pt file"),
        "torch legacy": (unzipped.getvalue(), "a pickle, such as a joblib file or an old PyTorch .pt file"),
        "npy": (numbers.getvalue(), "a NumPy .npy array"),
        "npz": (npz.getvalue(), "a zip archive"),
        "joblib": (joblibbed.getvalue(), "a pickle, such as a joblib file"),
        "joblib zlib": (zlib.compress(joblibbed.getvalue()), "zlib-compressed data, such as a compressed joblib"),
        "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a Git LFS pointer; fetch"),
        "html": (b"<!DOCTYPE html><html>not found</html>", "an HTML or XML page, perhaps a failed download"),
        "json": (b'{"a": 1, "b": 2}', "a JSON text"),
        "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5 file, such as an old Keras model"),
    }
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for size in (3, 256 * 256):  # the length of the content is part of what would be the header's length
            found[f"pickle {protocol} {size}"] = pickle.dumps([0.5, "x" * size, os.getcwd], protocol), "a pickle"
    return found


@pytest.mark.parametrize("name", foreign_files())
def test_foreign_files_are_named_and_never_opened(path, name, monkeypatch):
    content, words = foreign_files()[name]

    def forbidden(*args, **kwargs):
        raise AssertionError("a foreign file must not be unpickled")

    monkeypatch.setattr(pickle, "Unpickler", forbidden)
    monkeypatch.setattr(pickle, "load", forbidden)
    monkeypatch.setattr(torch, "load", forbidden)
    message = refusal(path, content)
    assert f"it looks like {words}" in message
    assert "never runs code from a file" in message


def test_safetensors_files_of_others_are_refused(path):
    from safetensors.torch import save_file

    save_file({"w": torch.ones(2)}, path)
    assert "its header has no metadata, so Isthmus did not write it" in refusal(path)
    save_file({"w": torch.ones(2)}, path, metadata={"format": "pt"})
    assert "its metadata is not exactly the one key 'isthmus'" in refusal(path)


def test_tiny_files(path):
    assert "it has only 0 bytes" in refusal(path, b"")
    assert "it has only 8 bytes" in refusal(path, bytes(8))
    assert "its header is not a JSON object" in refusal(path, bytes(9))
    assert "its header is not a JSON object" in refusal(path, with_header(b"[]"))


def test_another_kind_is_named(path):
    write_sealed(path, "checkpoint", {}, {})
    assert "it is a 'checkpoint' file, expected a 'model' file" in refusal(path)
    assert read_sealed(path, "checkpoint") == ({}, {})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_nonfinite_weights_are_refused_unless_allowed(path, value, dtype):
    tensors = {"fine": torch.ones(3), "w": torch.tensor([[1.0, value], [value, 0.0]], dtype=dtype)}
    with pytest.raises(ModelFileError, match=r"Cannot save .*tensor 'w' holds 2 NaN or infinite of 4 values"):
        write_sealed(path, "model", {}, tensors)
    assert not path.exists()
    write_sealed(path, "model", {}, tensors, allow_nonfinite=True)
    with pytest.raises(ModelFileError, match=r"Cannot load .*tensor 'w' holds 2 NaN or infinite of 4 values"):
        read_sealed(path, "model")
    _, got = read_sealed(path, "model", allow_nonfinite=True)
    assert torch.equal(got["w"].nan_to_num(), tensors["w"].nan_to_num())


@pytest.mark.parametrize(
    ("manifest", "tensors", "words"),
    [
        ({"loss": [float("nan")]}, {}, r"seal\.manifest\.loss\[0\] is nan, which JSON cannot hold; use null"),
        ({"a": {1, 2}}, {}, r"seal\.manifest\.a is of type set"),
        ({}, {"w": torch.ones(2, dtype=torch.complex64)}, "tensor 'w' has dtype torch.complex64, which is not among"),
        ({}, {"w": torch.ones(2, device="meta")}, "tensor 'w' is not an ordinary dense tensor"),
        ({}, {"w": torch.eye(2).to_sparse()}, "tensor 'w' is not an ordinary dense tensor"),
        ({}, {"w": np.ones(2)}, "'w' is of type ndarray, not a tensor"),
        ({}, {"__metadata__": torch.ones(2)}, "'__metadata__' cannot be the name of a tensor"),
        ({}, {"": torch.ones(2)}, "'' cannot be the name of a tensor"),
        ({"a": "x" * 2**23}, {}, "bytes of JSON, more than the 8,388,608 allowed"),
        ({"a": '"' * 2**22}, {}, "more than the 8,388,608 allowed"),
    ],
)
def test_what_cannot_be_read_back_is_not_written(path, manifest, tensors, words):
    path.write_bytes(b"previous")
    with pytest.raises(ModelFileError, match=rf"Cannot save .*file\.safetensors'?: .*{words}"):
        write_sealed(path, "model", manifest, tensors)
    assert path.read_bytes() == b"previous"


def test_tensors_that_change_while_saving_do_not_replace_the_file(path, monkeypatch):
    tensors = {"w": torch.zeros(4)}
    write_sealed(path, "model", {}, tensors)
    before = path.read_bytes()
    real = sealed.write_atomically

    def late(target, chunks):
        tensors["w"] += 1
        real(target, chunks)

    monkeypatch.setattr(sealed, "write_atomically", late)
    with pytest.raises(ModelFileError, match="the tensors changed while they were written"):
        write_sealed(path, "model", {}, tensors)
    assert path.read_bytes() == before


def test_operating_system_errors_name_the_file_and_the_fix(path, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"Cannot load .*file\.safetensors.*there is no such file; check"):
        read_sealed(path, "model")
    assert "it is a folder; give the path of a file" in refusal(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert "it is a device or a pipe" in refusal(tmp_path / "pipe")
    write_sealed(path, "model", {}, TENSORS)
    before = path.read_bytes()

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="the disk is full; free some space"):
        write_sealed(path, "model", {}, {"w": torch.ones(3)})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.suffix == ".tmp"] == []


def test_big_endian_machines_are_told(path, monkeypatch):
    write_sealed(path, "model", {}, {})
    monkeypatch.setattr(sys, "byteorder", "big")
    assert "its numbers are little-endian, this processor's big-endian" in refusal(path)
    with pytest.raises(ModelFileError, match=r"Cannot save .* its numbers are little-endian"):
        write_sealed(path, "model", {}, {})


def test_a_file_that_shrinks_while_it_is_read(path, monkeypatch):
    write_sealed(path, "model", {}, {"w": torch.ones(3)})
    real = sealed._read_front

    def shrinking(file, shown, kind):
        front = real(file, shown, kind)
        os.truncate(path, path.stat().st_size - 4)
        return front

    monkeypatch.setattr(sealed, "_read_front", shrinking)
    with pytest.raises(ModelFileError, match="it became shorter while it was read"):
        read_sealed(path, "model")


def sealed_text(manifest: str) -> str:
    return '{"format":1,"kind":"model","manifest":' + manifest + ',"needs":"0","sha256":"' + "0" * 64 + '"}'


def write_bombs(folder: Path) -> dict[str, str]:
    """Hostile files in ``folder``; returns the words that must refuse each."""

    def with_seal(manifest: str, table: str = "") -> bytes:
        seal = json.dumps(sealed_text(manifest))
        return with_header(f'{{"__metadata__":{{"isthmus":{seal}}}{table}}}'.encode())

    def entries(names) -> str:
        return "".join(f',"{name}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for name in names)

    wrong_digest = "its SHA-256 does not match its content"
    bombs = {
        "length 2^63": ((2**63).to_bytes(8, "little") + b'{"', "claims 9,223,372,036,854,775,808 bytes, more than"),
        "length 2^64-1": (b"\xff" * 8 + b'{"', "claims 18,446,744,073,709,551,615 bytes, more than the 8,388,608"),
        "100 MB header": ((10**8).to_bytes(8, "little") + b'{"', "its header claims 100,000,000 bytes, more than"),
        "8 MB of NUL": ((2**23).to_bytes(8, "little") + b'{"', "the header is not valid ASCII JSON"),
        "deep header": (with_header(b'{"a":' * 1_200_000 + b"1" + b"}" * 1_200_000), "more than the 60,002 lists"),
        "rather deep header": (with_header(b'{"a":' * 5_000 + b"1" + b"}" * 5_000), "deeper than the 3 levels"),
        "deep manifest": (with_seal("[" * 100_000 + "]" * 100_000), "the manifest is nested deeper than the 64 levels"),
        "deep objects": (with_seal('{"a":' * 100_000 + "1" + "}" * 100_000), "deeper than the 64 levels allowed"),
        "many lists": (with_seal("[" + "[]," * 2_700_000 + "[]]"), "more than the 400,000 lists and objects allowed"),
        "many objects": (with_seal('{"a":[' + '{"a":1},' * 200_000 + "0]}"), wrong_digest),
        "many numbers": (with_seal('{"a":[' + "9," * 2_000_000 + "9]}"), wrong_digest),
        "many tensors": (with_seal("{}", entries(range(100_000, 112_000))), wrong_digest),
        "too many tensors": (with_seal("{}", entries(range(130_000))), "more than the 60,002 lists and objects"),
        "repeated tensor": (with_seal("{}", entries("a" * 19_000)), "the header holds the key 'a' twice"),
        "long number": (with_seal("9" * 8_000_000), "the manifest is not valid ASCII JSON"),
        "long shape": (
            with_seal("{}", ',"a":{"dtype":"F32","shape":[' + "9," * 2_000_000 + '9],"data_offsets":[0,4]}'),
            "tensor 'a' has the impossible shape [9, 9,",
        ),
    }
    for name, (content, _) in bombs.items():
        (folder / name).write_bytes(content)
    os.truncate(folder / "100 MB header", 8 + 10**8)  # a sparse file
    os.truncate(folder / "8 MB of NUL", 8 + 2**23)
    return {name: words for name, (_, words) in bombs.items()}


READ_BOMBS = """
import json, sys, time
from pathlib import Path
from isthmus.core.errors import ModelFileError
from isthmus.files.sealed import read_sealed, write_sealed

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

folder = Path(sys.argv[1])
write_sealed(folder / "warm.up", "model", {}, {})
read_sealed(folder / "warm.up", "model")
(folder / "warm.up").unlink()
start = peak()
results = {}
for path in sorted(folder.iterdir()):
    began = time.process_time()
    try:
        read_sealed(path, "model")
        message = "LOADED"
    except ModelFileError as error:
        message = str(error)
    seconds = time.process_time() - began
    results[path.name] = message[:1000], seconds, peak() - start
print(json.dumps(results))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures peak memory through Linux's /proc")
def test_bombs_are_refused_within_a_second_and_200_megabytes(tmp_path):
    expected = write_bombs(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ_BOMBS, str(tmp_path)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert set(results) == set(expected)
    for name, (message, seconds, megabytes) in results.items():
        assert f"Cannot load {str(tmp_path / name)!r}: " in message, name
        assert expected[name] in message, name
        assert seconds < 1.0, name
        assert megabytes < 200, name


def test_loading_holds_the_tensors_once(path):
    """A model of 16 MB is read with less than 10 MB on top of its tensors."""
    proc = Path("/proc/self/clear_refs")
    if not proc.exists():
        pytest.skip("measures peak memory through Linux's /proc")
    tensors = {f"w{index}": torch.full((2**19,), float(index)) for index in range(8)}
    write_sealed(path, "model", {}, tensors)
    del tensors

    def peak() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

    proc.write_text("5")
    before = peak()
    _, got = read_sealed(path, "model")
    assert peak() - before < 16 + 10
    assert all(bool((tensor == float(name[1:])).all()) for name, tensor in got.items())
    del got
    proc.write_text("5")
    before = peak()
    read_manifest(path, "model")
    assert peak() - before < 10
