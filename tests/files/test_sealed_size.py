"""What reading a sealed file takes: hostile ones are refused soon and in little memory, honest ones are held once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from isthmus.files.sealed import read_manifest, read_sealed, write_sealed

from .sealed_by_hand import with_header


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
