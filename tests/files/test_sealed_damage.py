"""A sealed file that is damaged, cut short or not there is refused by name."""

from __future__ import annotations

import errno
import json
import os
import sys

import pytest
import torch

from isthmus.core.errors import ModelFileError
from isthmus.files import sealed
from isthmus.files.sealed import read_sealed, write_sealed

from .sealed_by_hand import TENSORS, refusal, with_header


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


def test_tiny_files(path):
    assert "it has only 0 bytes" in refusal(path, b"")
    assert "it has only 8 bytes" in refusal(path, bytes(8))
    assert "its header is not a JSON object" in refusal(path, bytes(9))
    assert "its header is not a JSON object" in refusal(path, with_header(b"[]"))


def test_another_kind_is_named(path):
    write_sealed(path, "checkpoint", {}, {})
    assert "it is a 'checkpoint' file, expected a 'model' file" in refusal(path)
    assert read_sealed(path, "checkpoint") == ({}, {})


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
