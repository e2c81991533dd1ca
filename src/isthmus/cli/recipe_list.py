"""All recipes in a list, by kind: no model is built for it, and torch is not loaded."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import click

from isthmus.models.deterministic_recipes import DETERMINISTIC
from isthmus.models.importance_weighted_recipes import IMPORTANCE_WEIGHTED
from isthmus.models.quantised_recipes import QUANTISED
from isthmus.models.recipe import Recipe
from isthmus.models.recipes import installed_recipes
from isthmus.models.variational_recipes import VARIATIONAL

GROUPS: Mapping[str, Sequence[Recipe]] = {
    "Deterministic: the code is a point": DETERMINISTIC,
    "Variational: the code is a distribution": VARIATIONAL,
    "Importance-weighted: trained with several codes per row": IMPORTANCE_WEIGHTED,
    "Quantised: the code is made of symbols": QUANTISED,
}

MOST_COLUMNS, DEFAULT_COLUMNS = 120, 100
# Longer names get a line of their own.
NAME_WIDTH = 25


def listing() -> str:
    """All recipes by group: name, summary, paper."""
    width = columns()
    groups = []
    elsewhere = installed_recipes()
    for title, recipes in [*GROUPS.items(), *([("From other packages", elsewhere)] if elsewhere else [])]:
        lines = [click.style(title, bold=True), ""]
        for recipe in recipes:
            paper = f"{recipe.paper}."
            told = [*wrapped(recipe.summary, width - NAME_WIDTH - 2), *_dim(wrapped(paper, width - NAME_WIDTH - 2))]
            lines.extend(hanging(recipe.name, told, NAME_WIDTH))
        groups.append("\n".join(lines))
    end = textwrap.fill("'isthmus recipes NAME' shows when to use one, what it is made of and what can be set.", width)
    return "\n\n".join([*groups, end])


def columns() -> int:
    """How wide text is: as the terminal, but no wider than is good to read."""
    return max(40, min(MOST_COLUMNS, shutil.get_terminal_size((DEFAULT_COLUMNS, 24)).columns))


def hanging(term: str, told: Sequence[str], width: int) -> Iterator[str]:
    """A term and its lines beside it, or below where it is too long."""
    rest = list(told)
    first = rest.pop(0) if len(term) <= width - 2 and rest else ""
    yield f"  {term.ljust(width)}{first}".rstrip()
    for line in rest:
        yield f"  {' ' * width}{line}".rstrip()


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many characters; at least one."""
    return textwrap.wrap(text, max(20, width), break_long_words=False, break_on_hyphens=False) or [""]


def _dim(lines: Sequence[str]) -> list[str]:
    return [click.style(line, dim=True) for line in lines]
