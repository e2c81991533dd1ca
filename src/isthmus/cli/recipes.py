"""``isthmus recipes``: the models that have a name."""

from __future__ import annotations

import click

from .options import debug_option, examples


@click.command("recipes", epilog=examples("isthmus recipes", "isthmus recipes beta-vae"))
@click.argument("name", required=False)
@debug_option
def command(name: str | None) -> None:
    """List the models that have a name, with their papers; with NAME, what that one is made of and can be set."""
    from isthmus.models.recipes import find_recipe

    if name is None:
        from .recipe_list import listing

        click.echo(listing())
        return
    found = find_recipe(name)  # before torch is loaded: a misspelt name is told at once

    from .recipe_texts import described

    click.echo(described(found))
