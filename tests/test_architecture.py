"""The house's rules: who may import whom, how long a file may be, what must be documented, what must never appear."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import isthmus

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "isthmus"
MAXIMUM_LINES = 400
# A longer file says so itself, in its docstring.
EXCUSE = "long because"


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def in_package(path: Path, folder: str) -> bool:
    return (PACKAGE / folder) in path.parents


def imported_modules(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def test_layers_and_independent_axes() -> None:
    """The contracts of ``[tool.importlinter]`` in pyproject.toml."""
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.skip("import-linter is not installed")
    found = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "0 broken" in found.stdout


def test_contracts_name_every_folder() -> None:
    """A new folder of the package must take its place in the layers."""
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    folders = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    axes = [path.parent.name for path in (PACKAGE / "components").glob("*/__init__.py")]
    assert [name for name in folders if name not in settings.split("[tool.importlinter]")[1]] == []
    assert [name for name in axes if f"isthmus.components.{name}" not in settings] == []


@pytest.mark.parametrize("path", sources("src", "tests", "benchmarks", "examples"), ids=short)
def test_file_is_short_or_says_why(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    excused = EXCUSE in (ast.get_docstring(tree(path)) or "").lower()
    assert lines <= MAXIMUM_LINES or excused, f"{short(path)} has {lines} lines; split it, or say `{EXCUSE} …` on top"


def test_no_file_is_called_utils() -> None:
    banned = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}
    assert [short(path) for path in sources("src", "tests", "benchmarks", "examples") if path.name in banned] == []


def test_no_assert_in_the_library() -> None:
    found = [
        f"{short(path)}:{node.lineno}"
        for path in sources("src")
        if not in_package(path, "testing")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Assert)
    ]
    assert found == [], "raise an error of isthmus.core.errors; assert vanishes under -O"


def test_no_loader_that_can_run_code() -> None:
    modules = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    found = [
        f"{short(path)}:{line} imports {name}"
        for path in sources("src")
        for name, line in imported_modules(path)
        if name.split(".")[0] in modules or name == "torch.load"
    ]
    for path in sources("src"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"torch.load", "eval", "exec", "np.loads"}:
                found.append(f"{short(path)}:{node.lineno} calls {ast.unparse(node.func)}")
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
                found.append(f"{short(path)}: allow_pickle={ast.unparse(node.value)}")
    assert found == []


def test_no_print_outside_of_the_command_line() -> None:
    found = [
        f"{short(path)}:{node.lineno}"
        for path in sources("src")
        if not in_package(path, "cli")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert found == []


def test_no_global_random_numbers() -> None:
    """The library never draws from a generator that belongs to the caller."""
    banned = {"torch.manual_seed", "np.random.seed", "np.random.rand", "np.random.randn", "random.seed"}
    found = [
        f"{short(path)}:{node.lineno} {ast.unparse(node.func)}"
        for path in sources("src")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in banned
    ]
    assert found == []


@pytest.mark.parametrize("path", sources("src", "tests", "benchmarks", "examples"), ids=short)
def test_module_has_a_docstring(path: Path) -> None:
    if path.stat().st_size > 0:
        assert ast.get_docstring(tree(path)), f"{short(path)} does not say what it is for"


def public_definitions() -> Iterator[tuple[str, object]]:
    for info in walk_packages(isthmus.__path__, "isthmus."):
        if info.name.endswith("__main__"):
            continue
        module = import_module(info.name)
        for name, value in vars(module).items():
            ours = getattr(value, "__module__", None) == info.name
            if not name.startswith("_") and ours and (inspect.isclass(value) or inspect.isfunction(value)):
                yield f"{info.name}.{name}", value


def test_every_public_class_and_function_is_documented() -> None:
    bare = [name for name, value in public_definitions() if not (getattr(value, "__doc__", None) or "").strip()]
    assert bare == []


def test_every_method_of_a_public_name_is_documented() -> None:
    bare = [
        f"isthmus.{name}.{method}"
        for name in isthmus.__all__
        if inspect.isclass(getattr(isthmus, name))
        for method, value in inspect.getmembers(getattr(isthmus, name), inspect.isfunction)
        if not method.startswith("_") and value.__module__.startswith("isthmus.") and not inspect.getdoc(value)
    ]
    assert bare == []


def test_public_names_are_one_list() -> None:
    homes = isthmus._HOMES
    assert set(isthmus.__all__) == set(homes) | {"__version__", "datasets", "errors"}
    for name in isthmus.__all__:
        assert getattr(isthmus, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing_like_this'"):
        isthmus.nothing_like_this  # noqa: B018


def run_isolated(code: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"HOME", "USERPROFILE", "PYTHONPATH"}}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=cwd,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


ISOLATED = """
    import builtins, os, socket, sys

    def refuse(*args, **kwargs):
        raise AssertionError("isthmus touches the network")

    class NoSocket(socket.socket):
        def __init__(self, *args, **kwargs):
            refuse()

    plain_socket, plain_open = socket.socket, builtins.open
    socket.socket, socket.create_connection, socket.getaddrinfo = NoSocket, refuse, refuse

    def read_only(file, mode="r", *args, **kwargs):
        if set(mode) & set("wax+"):
            raise AssertionError(f"import isthmus writes {file}")
        return plain_open(file, mode, *args, **kwargs)

    builtins.open = read_only
    assert "HOME" not in os.environ
    import isthmus
    heavy = {"torch", "sklearn", "numpy", "scipy", "pandas", "matplotlib"} & set(sys.modules)
    assert not heavy, f"import isthmus loads {heavy}"
    assert isthmus.__version__ and "VAE" in dir(isthmus)
    isthmus.VAE(latent_dim=2)
    from isthmus.core import errors
    sys.stdout.write("imported ")

    builtins.open, socket.socket = plain_open, plain_socket
    socket.socket.connect = refuse
    os.chdir(os.environ["WRITABLE"])
    import numpy as np
    X = np.random.default_rng(0).normal(size=(40, 4))
    isthmus.VAE(latent_dim=2, max_epochs=1, random_state=0).fit(X).save("model.safetensors")
    assert isthmus.load("model.safetensors").transform(X).shape == (40, 2)
    sys.stdout.write("fitted")
"""


@pytest.fixture(scope="module")
def isolated(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """A process that imports Isthmus in a folder that it cannot write to, and then fits in another one."""
    closed, writable = tmp_path_factory.mktemp("closed"), tmp_path_factory.mktemp("writable")
    closed.chmod(0o555)
    try:
        return run_isolated(ISOLATED, closed, WRITABLE=str(writable))
    finally:
        closed.chmod(0o755)


def test_import_is_light_and_needs_no_home_network_or_writable_folder(
    isolated: subprocess.CompletedProcess[str],
) -> None:
    """Fault 33, and the promise that names load on first use."""
    assert isolated.stdout.startswith("imported "), isolated.stderr


def test_fitting_and_saving_open_no_socket(isolated: subprocess.CompletedProcess[str]) -> None:
    assert isolated.stdout.endswith("fitted"), isolated.stderr


def test_only_requested_downloads_use_the_network() -> None:
    """One file fetches data sets, and only its caller in ``load`` imports it; nothing else knows the network."""
    fetching = PACKAGE / "sources" / "download.py"
    banned = {"requests", "urllib3", "httpx", "aiohttp", "urllib.request", "http.client", "ftplib", "smtplib"}
    found = [
        f"{short(path)}:{line} imports {name}"
        for path in sources("src")
        if path != fetching
        for name, line in imported_modules(path)
        if name in banned or name.split(".")[0] in banned
    ]
    assert found == []
    callers = [path.name for path in sources("src") if "download" in {name for name, _ in imported_modules(path)}]
    assert callers == ["datasets_files.py"]
