"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .own_code import search_current_folder
from .session import Session

Function = TypeVar("Function", bound=Callable[..., Any])

PATH: click.Path = click.Path(path_type=Path)
"""Paths are not checked here: the readers and writers say more about what is wrong."""


def _session_flag(name: str, attribute: str, words: str) -> Callable[[Function], Function]:
    """A flag that the session remembers, seen before other options so that it is known when they fail."""

    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            setattr(ctx.find_root().ensure_object(Session), attribute, True)

    return click.option(name, is_flag=True, is_eager=True, expose_value=False, callback=remember, help=words)


debug_option = _session_flag("--debug", "debug", "Show the traceback of an error.")

model_argument = click.argument("model", type=PATH)
file_argument = click.argument("file", type=PATH)

header_option = _session_flag("--no-header", "no_header", "The first line of a CSV file is a row, not column names.")
key_option = click.option("--key", metavar="NAME", help="Which array of an .npz file.  [default: X, or the only one]")


_escape_option = _session_flag(
    "--escape-formulas",
    "escape_formulas",
    "In CSV, put an apostrophe before text that begins with =, +, - or @: spreadsheets would run it.",
)


def output_to(what: str, default: str | None = "CSV on standard output") -> Callable[[Function], Function]:
    """The option ``-o`` with these words, and ``--escape-formulas`` beside it."""
    told = what if default is None else f"{what}  [default: {default}]"
    path = click.option("-o", "--output", type=PATH, metavar="FILE", help=told)

    def with_output(function: Function) -> Function:
        """Give a command both options."""
        return path(_escape_option(function))

    return with_output


output_option = output_to("A .csv, .parquet, .npy or .npz file to write.")


def _importable(ctx: click.Context, parameter: click.Parameter, trust: tuple[str, ...]) -> tuple[str, ...]:
    if trust:
        search_current_folder()
    return trust


trust_option = click.option(
    "--trust",
    multiple=True,
    metavar="MODULE:NAME",
    callback=_importable,
    help="Code of your own that the model file may import, here or installed: my_networks:deep. Repeatable.",
)

seed_option = click.option("--seed", type=int, help="The same seed gives the same rows.  [default: a fresh one]")


def examples(*lines: str) -> str:
    """An epilog that shows command lines as they are, unwrapped."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
