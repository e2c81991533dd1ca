"""The documentation runs: doctests, the README's code, the examples, and the commands that it names."""

from __future__ import annotations

import doctest
import re
import sys
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from runpy import run_path

import pytest

import isthmus

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MODULES = sorted(
    info.name for info in walk_packages(isthmus.__path__, "isthmus.") if not info.name.endswith("__main__")
)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def blocks(page: Path, language: str) -> list[str]:
    """The fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["isthmus", *MODULES])
def test_doctests(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", isthmus.errors.IsthmusWarning)
        module = import_module(name)
        failures: list[str] = []
        runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
        for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
            runner.run(test, out=failures.append)
    assert runner.failures == 0, "".join(failures)


def test_doctests_are_found() -> None:
    """An empty collection would pass as well."""
    found = [
        test.name
        for name in MODULES
        for test in doctest.DocTestFinder(exclude_empty=True).find(import_module(name), name)
        if test.examples
    ]
    assert len(found) >= 25


@pytest.mark.usefixtures("length")
def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its blocks in order, as a new user would run them; test_docs_pages.py does the same for the other pages."""
    code = "\n".join(blocks(ROOT / "README.md", "python"))
    assert "VAE(" in code
    script = tmp_path / "page.py"
    script.write_text(code, encoding="utf-8")
    run_script(script, tmp_path, monkeypatch)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
@pytest.mark.usefixtures("length")
def test_example_runs_and_is_short(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = example.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 80
    run_script(example, tmp_path, monkeypatch)


def run_script(script: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a file in this process, as ``python script`` in ``folder`` would."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setattr(sys, "argv", [str(script)])
    with warnings.catch_warnings():
        warnings.resetwarnings()  # what its users see as warnings are none of this test's
        warnings.simplefilter("ignore")
        run_path(str(script), run_name="__main__")


def test_commands_in_the_pages_exist() -> None:
    main = import_module("isthmus.cli.main")
    known = set(commands(main))
    for page in PAGES:
        for block in (*blocks(page, "bash"), *blocks(page, "sh"), *blocks(page, "console")):
            for line in block.splitlines():
                words = line.removeprefix("$ ").split("#")[0].split()
                if words[:1] == ["isthmus"] and len(words) > 1 and not words[1].startswith("-"):
                    assert words[1] in known, f"{page.name} shows `{' '.join(words)}`; commands: {sorted(known)}"


def commands(main: object) -> list[str]:
    """The names of the command line's table of commands."""
    import click

    groups = [value for value in vars(main).values() if isinstance(value, click.Group)]
    assert groups, "isthmus.cli.main holds no click group"
    return [name for group in groups for name in group.list_commands(click.Context(group))]


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_the_readme_names_the_two_make_targets() -> None:
    if "make" in README:
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        named = set(re.findall(r"`make ([a-z-]+)`", README)) | set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE))
        assert named <= targets
