"""The wheel, installed into an environment of its own and used from an empty folder."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SESSION = """
import isthmus, numpy as np, pathlib
assert "site-packages" in isthmus.__file__ and "wheel-environment" in isthmus.__file__, isthmus.__file__
rows = np.random.default_rng(0).normal(size=(80, 5))
np.save("rows.npy", rows)
model = isthmus.VAE(2, max_epochs=1, random_state=0).fit(rows)
model.save("model.safetensors")
assert np.array_equal(isthmus.load("model.safetensors").transform(rows), model.transform(rows))
from isthmus.report.diagram import architecture_svg
assert architecture_svg(model.architecture_).startswith("<svg")
import runpy, sys
command = sys.argv[1]
sys.argv = [command, "encode", "model.safetensors", "rows.npy"]
runpy.run_path(command, run_name="__main__")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that holds the wheel, and sees this one's dependencies but not its Isthmus."""
    folder = tmp_path_factory.mktemp("environment") / "wheel-environment"
    venv.create(folder, with_pip=False)
    binary = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(binary), "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([binary, "-c", query], check=True, capture_output=True, text=True).stdout.strip()
    # A path file inside a path that is added this way is not read: the editable install here stays invisible.
    (Path(own) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return binary


def test_the_wheel_holds_templates_types_and_licence_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("isthmus/report/templates/") and name.endswith(".j2") for name in names)
    assert "isthmus/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.split("/")[0] for name in names} <= {"isthmus", *(n.split("/")[0] for n in names if ".dist-info" in n)}


def test_it_fits_saves_and_draws_from_an_empty_folder(python: Path, tmp_path: Path):
    command = python.parent / "isthmus"
    version = subprocess.run([command, "--version"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert version.strip().endswith("0.1.0")
    # The installed script runs in the session's process: torch is imported once.
    session = [python, "-c", SESSION, command]
    encoded = subprocess.run(session, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.splitlines()
    assert encoded[0] == "vae0,vae1"
    assert len(encoded) == 81
