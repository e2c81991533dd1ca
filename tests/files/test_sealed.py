"""The sealed container gives back exactly what was saved, in the format that it describes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open

from isthmus.core.errors import ModelFileError
from isthmus.files import sealed
from isthmus.files.layout import DTYPES
from isthmus.files.sealed import read_manifest, read_sealed, write_sealed

from .sealed_by_hand import TENSORS, entries_of, seal_by_hand

MANIFEST = {"name": "café", "list": [1, 2.5, None, True], "nested": {"b": {}, "a": []}}


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
