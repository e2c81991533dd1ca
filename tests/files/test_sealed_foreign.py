"""Files of other formats are named and never opened."""

from __future__ import annotations

import io
import os
import pickle
import zlib

import numpy as np
import pytest
import torch

from .sealed_by_hand import refusal


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
