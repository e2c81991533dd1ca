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


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_root().ensure_object(Session).debug = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show the traceback of an error.",
)

model_argument = click.argument("model", type=PATH)
file_argument = click.argument("file", type=PATH)

key_option = click.option("--key", metavar="NAME", help="Which array of an .npz file.  [default: X, or the only one]")

output_option = click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FILE",
    help="A .csv, .npy or .npz file to write.  [default: CSV on standard output]",
)


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
