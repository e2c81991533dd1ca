"""One recipe in words, with everything about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from isthmus.estimators.recipe import estimator_of
from isthmus.models.recipe import Recipe

from .recipe_list import columns, hanging, wrapped
from .recipe_parts import choices, parameters, parts
from .tables import listed

TERM_WIDTH = 14


def described(recipe: Recipe) -> str:
    """One recipe: what it is, when to use it, what it minimises, its parts and its parameters."""
    width = columns()
    estimator = estimator_of(recipe)
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
        (recipe.name, "\n".join(wrapped(recipe.summary, width))),
        ("", f"{_terms(facts, width)}\n{listed([(f'{name:<12}', text) for name, text in calls])}"),
        ("Composition", _terms(parts(estimator), width)),
        ("Parameters (--set NAME=VALUE)", listed(values)),
        ("Components to choose from", _terms(choices(), width)),
    ]
    return "\n\n".join((click.style(title, bold=True) + "\n" if title else "") + text for title, text in sections)


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
        line for term, words in pairs for line in hanging(term, wrapped(words, width - TERM_WIDTH - 2), TERM_WIDTH)
    )
