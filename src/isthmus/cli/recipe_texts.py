"""Recipes in words: all of them in a list, or one with everything about it."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from isthmus.estimators.recipe import recipe as build
from isthmus.models.deterministic_recipes import DETERMINISTIC
from isthmus.models.importance_weighted_recipes import IMPORTANCE_WEIGHTED
from isthmus.models.quantised_recipes import QUANTISED
from isthmus.models.recipe import Recipe
from isthmus.models.recipes import installed_recipes
from isthmus.models.variational_recipes import VARIATIONAL

from .recipe_parts import choices, parameters, parts
from .tables import listed

GROUPS: Mapping[str, Sequence[Recipe]] = {
    "Deterministic: the code is a point": DETERMINISTIC,
    "Variational: the code is a distribution": VARIATIONAL,
    "Importance-weighted: trained with several codes per row": IMPORTANCE_WEIGHTED,
    "Quantised: the code is made of symbols": QUANTISED,
}

MOST_COLUMNS, DEFAULT_COLUMNS = 120, 100
# Longer names get a line of their own.
NAME_WIDTH = 25
TERM_WIDTH = 14


def listing() -> str:
    """All recipes by group: name, summary, paper."""
    width = columns()
    groups = []
    elsewhere = installed_recipes()
    for title, recipes in [*GROUPS.items(), *([("From other packages", elsewhere)] if elsewhere else [])]:
        lines = [click.style(title, bold=True), ""]
        for recipe in recipes:
            paper = f"{recipe.paper}."
            told = [*_wrapped(recipe.summary, width - NAME_WIDTH - 2), *_dim(_wrapped(paper, width - NAME_WIDTH - 2))]
            lines.extend(_hanging(recipe.name, told, NAME_WIDTH))
        groups.append("\n".join(lines))
    end = textwrap.fill("'isthmus recipes NAME' shows when to use one, what it is made of and what can be set.", width)
    return "\n\n".join([*groups, end])


def described(recipe: Recipe) -> str:
    """One recipe: what it is, when to use it, what it minimises, its parts and its parameters."""
    width = columns()
    estimator = build(recipe.name)
    facts = [
        ("use it for", recipe.use),
        *([("needs", f"{recipe.needs}.")] if recipe.needs else []),
        ("minimises", recipe.formula),
        ("paper", f"{recipe.paper}."),
    ]
    # Calls stand on one line each, to be copied.
    calls = [("in Python", _python(recipe)), ("in the shell", _shell(recipe))]
    values = [(name, _as_set(value)) for name, value in parameters(estimator).items()]
    sections = [
        (recipe.name, "\n".join(_wrapped(recipe.summary, width))),
        ("", f"{_terms(facts, width)}\n{listed([(f'{name:<12}', text) for name, text in calls])}"),
        ("Composition", _terms(parts(estimator), width)),
        ("Parameters (--set NAME=VALUE)", listed(values)),
        ("Components to choose from", _terms(choices(), width)),
    ]
    return "\n\n".join((click.style(title, bold=True) + "\n" if title else "") + text for title, text in sections)


def columns() -> int:
    """How wide text is: as the terminal, but no wider than is good to read."""
    return max(40, min(MOST_COLUMNS, shutil.get_terminal_size((DEFAULT_COLUMNS, 24)).columns))


def _python(recipe: Recipe) -> str:
    condition = ', schema={"label": "condition"}' if recipe.needs else ""
    return f'isthmus.recipe("{recipe.name}", latent_dim=8{condition})'


def _shell(recipe: Recipe) -> str:
    condition = " --schema label=condition" if recipe.needs else ""
    return f"isthmus fit data.csv -o model.safetensors --recipe {recipe.name}{condition}"


def _as_set(value: Any) -> str:
    """A value as ``--set`` takes it."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _terms(pairs: Sequence[tuple[str, str]], width: int) -> str:
    """Terms and their words in two columns, wrapped."""
    return "\n".join(
        line for term, words in pairs for line in _hanging(term, _wrapped(words, width - TERM_WIDTH - 2), TERM_WIDTH)
    )


def _hanging(term: str, told: Sequence[str], width: int) -> Iterator[str]:
    """A term and its lines beside it, or below where it is too long."""
    rest = list(told)
    first = rest.pop(0) if len(term) <= width - 2 and rest else ""
    yield f"  {term.ljust(width)}{first}".rstrip()
    for line in rest:
        yield f"  {' ' * width}{line}".rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, width), break_long_words=False, break_on_hyphens=False) or [""]


def _dim(lines: Sequence[str]) -> list[str]:
    return [click.style(line, dim=True) for line in lines]
