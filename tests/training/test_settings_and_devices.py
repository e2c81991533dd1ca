"""How "auto" is resolved."""

from __future__ import annotations

import pytest
import torch

from isthmus.core.errors import ParameterError
from isthmus.training.devices import autocast, is_out_of_memory, resolve_device, resolve_precision
from isthmus.training.settings import resolve_batch_size, resolve_epochs, resolve_patience


@pytest.mark.parametrize(
    ("given", "rows", "expected"),
    [("auto", 2, 2), ("auto", 100, 32), ("auto", 1_347, 64), ("auto", 60_000, 128), (500, 60, 60), (7, 60, 7)],
)
def test_batch_size(given, rows, expected):
    assert resolve_batch_size(given, rows) == expected


@pytest.mark.parametrize(
    ("given", "rows", "batch", "expected"),
    [("auto", 10, 10, 400), ("auto", 1_347, 64, 91), ("auto", 10**6, 256, 4), (3, 10**6, 256, 3)],
)
def test_epochs(given, rows, batch, expected):
    assert resolve_epochs(given, rows, batch) == expected


@pytest.mark.parametrize(
    ("given", "epochs", "expected"), [("auto", 400, 100), ("auto", 8, 10), (None, 400, None), (3, 400, 3)]
)
def test_patience(given, epochs, expected):
    assert resolve_patience(given, epochs) == expected


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_unavailable_and_unknown_devices_are_refused():
    for device in ("cuda", "nonsense"):
        with pytest.raises(ParameterError, match=f"`device`='{device}' is not available here; use 'auto' or 'cpu'"):
            resolve_device(device)
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "mps")


def test_precision():
    cpu = torch.device("cpu")
    assert resolve_precision("auto", cpu) == "float32"
    assert resolve_precision("bfloat16", cpu) == "bfloat16"
    product = torch.eye(2)
    with autocast(cpu, "bfloat16"):
        assert (product @ product).dtype == torch.bfloat16
    with autocast(cpu, "float32"):
        assert (product @ product).dtype == torch.float32


def test_what_counts_as_out_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert is_out_of_memory(caught.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("not enough memory"))
