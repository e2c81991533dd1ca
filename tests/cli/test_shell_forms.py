"""Remedies in Python are given as options, too."""

from __future__ import annotations

import subprocess
import sys

import pytest

import isthmus.components  # noqa: F401 - registers every component
from isthmus import recipe
from isthmus.cli.shell_forms import with_shell_forms
from isthmus.core.errors import CompositionWarning


@pytest.mark.parametrize(
    ("message", "options"),
    [
        ("Use prior=Mixture(n_components=10).", "--set prior=mixture --set prior.n_components=10"),
        ("Use latent=Point(activation='sigmoid').", "--set latent=point --set latent.activation=sigmoid"),
        ("Set likelihood=Gaussian(sigma=...).", "--set likelihood=gaussian"),
        ("Use network=MLP(tied=True, hidden=1).", "--set network=mlp --set network.tied=True --set network.hidden=1"),
        ("Use latent=Point() or encoder=MLP().", "--set latent=point or --set encoder=mlp"),
        ("Declare schema='count'.", "--schema count"),
        ('Say schema={"my age": "count"}.', "--schema 'my age=count'"),
        ("Say schema={'a': \"ignore\"}.", "--schema a=ignore"),
    ],
)
def test_options_follow_the_message(message: str, options: str) -> None:
    assert with_shell_forms(message) == f"{message} In the shell: {options}."


@pytest.mark.parametrize(
    "message", ["Nothing to say.", "prior=Unheard(1)", "Use prior=Mixture(): --set prior=mixture.", "pass X=Frame()"]
)
def test_other_messages_stay(message: str) -> None:
    assert with_shell_forms(message) == message


def test_a_conditional_recipe_without_condition_is_told() -> None:
    with pytest.warns(CompositionWarning, match=r"'conditional-vae' needs at least one column declared as a condition"):
        recipe("conditional-vae")
    assert recipe("conditional-vae", schema={"label": "condition"}).schema == {"label": "condition"}


def test_listing_recipes_loads_no_torch() -> None:
    code = (
        "import sys; from isthmus.cli.recipe_list import listing; text = listing(); "
        "print('beta-vae' in text, [name for name in ('torch', 'sklearn', 'numpy') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True []"
