"""The pages of the guide: their Python and their commands run, from top to bottom, and name what there is."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from isthmus.cli.main import COMMANDS, app
from isthmus.core import registry
from isthmus.models.recipes import RECIPES
from isthmus.training.settings import MAXIMUM_EPOCHS, MINIMUM_EPOCHS, STEPS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)

# It trains for most of a minute; the report's own tests run it.
NOT_RUN = ("demo",)


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def steps(page: Path) -> list[tuple[str, str]]:
    """The fenced Python and shell blocks of a page, in order."""
    return [(match.group(1), match.group(2)) for match in FENCE.finditer(page.read_text(encoding="utf-8"))]


def command_lines(block: str) -> list[list[str]]:
    """The words of each line that calls the command, without comments."""
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words[:1] == ["isthmus"]]


@pytest.mark.parametrize("page", [page for page in PAGES if steps(page)], ids=lambda page: page.stem)
@pytest.mark.usefixtures("one_thread")
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
    modules = set(sys.modules)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for number, (language, block) in enumerate(steps(page), start=1):
            if language == "python":
                code = compile(block, f"{page.name}, block {number}", "exec", dont_inherit=True)
                exec(code, namespace)  # noqa: S102 - our own pages
                continue
            for words in command_lines(block):
                run_command(words)
    finally:
        for name in set(sys.modules) - modules:
            if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]


def run_command(words: list[str]) -> None:
    if words[0] in NOT_RUN:
        return
    target = None
    if ">" in words:
        words, target = words[: words.index(">")], words[words.index(">") + 1]
    assert "|" not in words, "pipes are not run: leave them out of the pages"
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, f"isthmus {shlex.join(words)}: {result.output}"
    if target is not None:
        Path(target).write_bytes(result.stdout_bytes)


# The page of the command line


def sections() -> dict[str, str]:
    """The text under each heading of command-line.md."""
    text = (DOCS / "command-line.md").read_text(encoding="utf-8")
    pieces = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def options(command: str) -> set[str]:
    found = app.get_command(None, command)  # type: ignore[arg-type]
    assert found is not None
    return {name for option in found.params for name in option.opts if name.startswith("-")}


def mentioned(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])(--?[a-z][\w-]*)", text))


def test_every_command_has_its_section() -> None:
    assert list(sections())[: len(COMMANDS)] == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_line_page_names_the_options_that_there_are(command: str) -> None:
    shared = {
        name
        for row in re.findall(r"^\| (.+?) \| (.+?) \| .+\|$", sections()["Options that several commands share"], re.M)
        if f"`{command}`" in row[1] or row[1] == "all" or "read a model" in row[1]
        for name in mentioned(row[0])
    }
    own = mentioned(sections()[command])
    assert own <= options(command), f"not an option of `{command}`"
    assert options(command) <= own | shared, f"an option of `{command}` is not on the page"


@pytest.mark.parametrize("page", [page for page in PAGES if steps(page)], ids=lambda page: page.stem)
def test_pages_use_commands_and_options_that_there_are(page: Path) -> None:
    for language, block in steps(page):
        for words in command_lines(block) if language == "sh" else []:
            if words[0].startswith("-"):
                continue
            assert words[0] in COMMANDS, f"isthmus {words[0]}"
            used = {word for word in words[1:] if re.fullmatch(r"--?[a-z][\w-]*", word)}
            assert used <= options(words[0]) | {"--help", "-h"}, f"isthmus {shlex.join(words)}"


# What the pages say about the code


@pytest.mark.parametrize("name", RECIPES)
def test_models_page_has_every_recipe_with_formula_and_paper(name: str) -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    assert f"\n### {name}\n" in text
    row = next(line for line in text.splitlines() if line.startswith(f"| [`{name}`]"))
    assert RECIPES[name].formula in row.replace("\\|", "|")
    year = re.search(r"\((\d{4})\)", RECIPES[name].paper)
    assert year is not None
    assert year.group(1) in row


def test_training_page_states_the_budget() -> None:
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    assert f"about {STEPS:,} optimiser steps, but at least {MINIMUM_EPOCHS} and at most {MAXIMUM_EPOCHS} epochs" in text


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = {
        line.strip()
        for toctree in re.findall(r"```{toctree}\n(.*?)```", (DOCS / "index.md").read_text("utf-8"), re.DOTALL)
        for line in toctree.splitlines()
        if line.strip() and not line.startswith(":")
    }
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.glob("*.md")} - {"index"}
    assert listed == pages | {"decisions/index"}
