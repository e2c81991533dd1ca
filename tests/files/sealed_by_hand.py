"""Small tensors, sealed files that are written by hand to lie with a valid digest, and how one is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from isthmus.core.errors import ModelFileError
from isthmus.files.sealed import read_manifest, read_sealed

TENSORS = {"weight": torch.tensor([[1.5, -2.0], [0.0, 3.25]]), "steps": torch.tensor(7), "on": torch.tensor([True])}


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
