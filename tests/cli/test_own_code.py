"""Networks and parts of one's own, beside the files that name them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from isthmus.core import registry

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


PROGRAM = """
import json, sys
from click.testing import CliRunner
sys.path.remove("")
from isthmus.cli.main import app
done = [CliRunner().invoke(app, words.split()) for words in sys.argv[1:]]
print(json.dumps([(one.exit_code, one.stderr) for one in done]))
"""
NETWORK_SETTINGS = "--set network=custom --set network.path=my_networks:deep --max-epochs 1"
COMMANDS = {
    "fit": f"fit x.npy -o net.safetensors --recipe autoencoder {NETWORK_SETTINGS}",
    "encode": "encode net.safetensors x.npy -o codes.npy --trust my_networks:deep",
    "another trusted": "encode part.safetensors x.npy -o codes.npy --trust my_parts:Other",
    "trusted": "encode part.safetensors x.npy -o codes.npy --trust my_parts:FourthPower",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Modules of one's own, rows, and a model with a penalty that is registered nowhere else."""
    made = tmp_path_factory.mktemp("own")
    (made / "my_networks.py").write_text(NETWORKS, encoding="utf-8")
    (made / "my_parts.py").write_text(PARTS, encoding="utf-8")
    np.save(made / "x.npy", np.random.default_rng(0).normal(size=(40, 4)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.syspath_prepend(made)
        patch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
        exec(SCRIPT, {})  # noqa: S102 - our own text, above
    del sys.modules["my_parts"]
    return made


@pytest.fixture(scope="module")
def done(folder: Path) -> dict[str, tuple[int, str]]:
    """Exit code and standard error of each command, all in one process of their own.

    The current folder is not on its search path, as a script has it.
    """
    words = [sys.executable, "-c", PROGRAM, *COMMANDS.values()]
    found = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return dict(zip(COMMANDS, map(tuple, json.loads(found.stdout.splitlines()[-1])), strict=True))


def test_a_network_of_ones_own_is_found_beside_the_command(
    folder: Path, done: dict[str, tuple[int, str]], run: Callable[..., Result]
) -> None:
    for command in ("fit", "encode"):
        assert done[command][0] == 0, done[command]
    refused = run("encode", folder / "net.safetensors", folder / "x.npy")
    assert refused.exit_code == 1
    assert "runs code from 'my_networks:deep'" in refused.stderr


def test_a_part_of_ones_own_is_imported_where_it_is_trusted(
    folder: Path, done: dict[str, tuple[int, str]], run: Callable[..., Result]
) -> None:
    # What imports nothing needs no process of its own.
    refused = run("encode", folder / "part.safetensors", folder / "x.npy")
    assert refused.exit_code == 1
    assert "the penalty 'fourth-power', which is not registered" in refused.stderr
    missing = run("encode", folder / "part.safetensors", folder / "x.npy", "--trust", "your_parts:FourthPower")
    assert "the trusted module 'your_parts' cannot be imported" in missing.stderr
    code, said = done["another trusted"]
    assert code == 1
    assert "runs code from 'my_parts:FourthPower'" in said
    assert done["trusted"][0] == 0, done["trusted"]
