"""Networks and parts of one's own, beside the files that name them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

NETWORKS = """
from torch import nn

def deep(in_features, out_features, mirrored=False):
    return nn.Sequential(nn.Linear(in_features, 5), nn.Tanh(), nn.Linear(5, out_features))
"""
PARTS = """
from dataclasses import dataclass

from isthmus.components.penalties.base import NOTHING, Penalty
from isthmus.core.registry import register

@register("penalty", "fourth-power")
@dataclass(frozen=True)
class FourthPower(Penalty):
    def value(self, forward_pass, noise=None, at=NOTHING):
        return forward_pass.posterior.code.pow(4).sum()
"""
SCRIPT = """
import numpy as np
from my_parts import FourthPower
from isthmus import Autoencoder, MLP
model = Autoencoder(2, penalties={"small": FourthPower(0.1)}, network=MLP(hidden=(4,)), max_epochs=1, random_state=0)
model.fit(np.load("x.npy")).save("part.safetensors")
"""


def isthmus(folder: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    """Commands in a process of their own, without the current folder on the search path, as a script has it.

    Its standard output ends with the exit codes.
    """
    program = (
        "import sys; sys.path.remove('')\n"
        "from isthmus.cli.main import app\n"
        "codes = []\n"
        "for words in sys.argv[1:]:\n"
        "    try:\n"
        "        app.main(words.split(), prog_name='isthmus')\n"
        "    except SystemExit as end:\n"
        "        codes.append(end.code)\n"
        "print('codes', *codes)\n"
    )
    words = [sys.executable, "-c", program, *commands]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("own")
    (made / "my_networks.py").write_text(NETWORKS, encoding="utf-8")
    (made / "my_parts.py").write_text(PARTS, encoding="utf-8")
    np.save(made / "x.npy", np.random.default_rng(0).normal(size=(40, 4)))
    return made


def test_a_network_of_ones_own_is_found_beside_the_command(folder: Path, run: Callable[..., Result]) -> None:
    settings = "--set network=custom --set network.path=my_networks:deep --max-epochs 1"
    done = isthmus(
        folder,
        f"fit x.npy -o net.safetensors --recipe autoencoder {settings}",
        "encode net.safetensors x.npy -o codes.npy --trust my_networks:deep",
    )
    assert done.stdout.splitlines()[-1] == "codes 0 0", done.stderr
    refused = run("encode", folder / "net.safetensors", folder / "x.npy")
    assert refused.exit_code == 1
    assert "runs code from 'my_networks:deep'" in refused.stderr


def test_a_part_of_ones_own_is_imported_where_it_is_trusted(folder: Path, run: Callable[..., Result]) -> None:
    made = subprocess.run([sys.executable, "-c", SCRIPT], cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    # What imports nothing needs no process of its own.
    refused = run("encode", folder / "part.safetensors", folder / "x.npy")
    assert refused.exit_code == 1
    assert "the penalty 'fourth-power', which is not registered" in refused.stderr
    missing = run("encode", folder / "part.safetensors", folder / "x.npy", "--trust", "your_parts:FourthPower")
    assert "the trusted module 'your_parts' cannot be imported" in missing.stderr
    encode = "encode part.safetensors x.npy -o codes.npy --trust my_parts"
    done = isthmus(folder, f"{encode}:Other", f"{encode}:FourthPower")
    assert "runs code from 'my_parts:FourthPower'" in done.stderr
    assert done.stdout.splitlines()[-1] == "codes 1 0", done.stderr
