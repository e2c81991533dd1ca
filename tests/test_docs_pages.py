"""The pages of the guide: their Python and their commands run, from top to bottom, and name what there is."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner

import isthmus.components  # noqa: F401 - registers every component
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
@pytest.mark.usefixtures("one_thread", "length")
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
    return {name for option in found.params for name in (*option.opts, *option.secondary_opts) if name.startswith("-")}


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


def recipe_sections() -> dict[str, str]:
    """The text under the heading of each recipe."""
    pieces = re.split(r"^### (.+)$", (DOCS / "recipes.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text.split("\n## ")[0] for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}


@pytest.fixture(scope="module")
def make_recipes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_recipes", DOCS / "make_recipes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_recipes_page_is_what_the_table_of_recipes_says(make_recipes: ModuleType) -> None:
    written = (DOCS / "recipes.md").read_text(encoding="utf-8")
    assert make_recipes.page() == written, "run `python docs/make_recipes.py`"


def test_recipes_page_has_a_section_for_every_recipe_and_no_other(make_recipes: ModuleType) -> None:
    assert list(recipe_sections()) == list(RECIPES)
    assert set(make_recipes.HINTS) <= set(RECIPES), "a hint for a recipe that is not there"
    assert set(re.findall(r"`([a-z0-9-]+)`\]\(#", (DOCS / "recipes.md").read_text(encoding="utf-8"))) <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_what_its_section_says(name: str) -> None:
    """The parts that are written out make the same model, and the settings have the names and values that are told."""
    text = recipe_sections()[name]
    flat = " ".join(text.split())
    assert f"\n    {RECIPES[name].formula}\n" in text
    assert RECIPES[name].use in flat
    code = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert code is not None
    found: dict[str, Any] = {}
    exec(code.group(1), found)  # noqa: S102 - our own pages
    assert type(found["model"]) is type(found["same"])
    params = found["model"].get_params()
    assert params == found["same"].get_params()
    given = re.search(r"\*Settings:\* (.*?)\. \*", flat)
    assert given is not None
    told = re.findall(r"`(\w+)=(.*?)`", given.group(1))
    assert told or "none besides" in flat
    for setting, value in told:
        assert params[setting] == ast.literal_eval(value), setting
        found["model"].set_params(**{setting: params[setting]})


def test_pages_name_recipes_that_there_are() -> None:
    for page in [ROOT / "README.md", *PAGES]:
        for name in re.findall(r"recipes\.md#([a-z0-9-]+)", page.read_text(encoding="utf-8")):
            assert name in RECIPES or name == "importance-weighted", f"{page.name} links to the recipe {name}"
        for name in re.findall(r"recipe\(\s*\"([^\"]+)\"", page.read_text(encoding="utf-8")):
            assert name in RECIPES, f"{page.name} uses the recipe {name}"


NUMBERS = {39: "thirty-nine", 40: "forty", 41: "forty-one", 42: "forty-two"}
COUNTED = {5: "five", 8: "eight", 10: "ten", 11: "eleven", 20: "twenty", 21: "twenty-one", 22: "twenty-two"}


def test_the_readme_and_the_changelog_count_right() -> None:
    readme, changes = ((ROOT / name).read_text(encoding="utf-8").lower() for name in ("README.md", "CHANGELOG.md"))
    assert f"[{NUMBERS[len(RECIPES)]} recipes]" in readme
    assert f"- {NUMBERS[len(RECIPES)]} recipes" in changes
    for axis, plural in {
        "corruption": "corruptions",
        "latent": "latents",
        "prior": "priors",
        "likelihood": "likelihoods",
        "penalty": "penalties",
        "objective": "objectives",
    }.items():
        own = [cls for (where, _), cls in registry.registered().items() if where == axis]
        built_in = [cls for cls in own if cls.__module__.startswith("isthmus.components.")]
        assert f"{COUNTED[len(built_in)]} {plural}" in changes, plural


@pytest.mark.parametrize("axis", ["corruption", "latent", "prior", "penalty", "objective"])
def test_models_page_names_every_part(axis: str) -> None:
    text = (DOCS / "models.md").read_text(encoding="utf-8")
    for (where, _), cls in registry.registered().items():
        if where == axis and cls.__module__.startswith("isthmus.components."):
            assert f"`{cls.__name__}`" in text, f"models.md does not name {cls.__name__}"


def test_likelihoods_page_names_every_likelihood() -> None:
    text = (DOCS / "likelihoods.md").read_text(encoding="utf-8")
    for (where, _), cls in registry.registered().items():
        if where == "likelihood" and cls.__module__.startswith("isthmus.components."):
            assert f"`{cls.__name__}(" in text, f"likelihoods.md does not name {cls.__name__}"


def test_links_to_headings_lead_somewhere() -> None:
    for page in PAGES:
        for target, heading in re.findall(r"\]\(([\w/.-]*\.md)?#([^)]+)\)", page.read_text(encoding="utf-8")):
            text = (page.parent / target if target else page).read_text(encoding="utf-8")
            assert heading in anchors(text), f"{page.name} links to {target}#{heading}"


def anchors(text: str) -> set[str]:
    """The names of the headings of a page, as GitHub and Sphinx make them."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


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
