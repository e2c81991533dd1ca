"""The entry point: a table of commands, each loaded when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from isthmus._version import __version__
from isthmus.core.suggestion import did_you_mean

from .options import debug_option
from .session import Session, exit_code, shown_warnings

# 128 + SIGPIPE: what the shell shows for a program whose reader went away.
READER_LEFT = 141

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("demo", "Train on handwritten digits and write an HTML report."),
    "fit": ("fit", "Train a model on the rows of a file."),
    "encode": ("encode", "Give the code of each row."),
    "reconstruct": ("reconstruct", "Pass rows through the bottleneck and back."),
    "impute": ("impute", "Fill what is missing, keep what is there."),
    "sample": ("sample", "Generate new rows."),
    "interpolate": ("interpolate", "Give the rows on the path between two rows."),
    "anomalies": ("anomalies", "Show the oddest rows of a file, and why."),
    "evaluate": ("evaluate", "Measure how well a model describes rows."),
    "info": ("info", "Describe a model file: layers, data, training."),
    "schema": ("schema", "Show what each column of a file would be taken for."),
    "recipes": ("recipes", "List the models that have a name, or describe one."),
}
"""Name -> (module in this package, short help): ``isthmus --help`` needs nothing else."""


class CommandTable(click.Group):
    """A group whose commands are imported one at a time, and whose errors are single messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"{__package__}.{COMMANDS[cmd_name][0]}").command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            hint = did_you_mean(args[0], COMMANDS) or f" There are: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except BrokenPipeError:
            # Whatever is still buffered goes nowhere, so that Python has nothing to complain about at its end.
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return READER_LEFT

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        session = extra.setdefault("obj", Session())
        run = super().main
        with shown_warnings(session):
            code = exit_code(lambda: run(args, prog_name, complete_var, standalone_mode=False, **extra), session)
        sys.exit(code)


@click.command(
    "isthmus",
    cls=CommandTable,
    invoke_without_command=True,
    epilog="Start with 'isthmus demo'. 'isthmus COMMAND --help' explains a command, with an example.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="isthmus", message="%(prog)s %(version)s")
@debug_option
@click.pass_context
def app(ctx: click.Context) -> None:
    """Learn what is hidden in unlabelled data with autoencoders and variational autoencoders.

    Data and results are .csv, .parquet, .npy or .npz files, by suffix, or images: PNG, JPEG, WebP and TIFF files and
    folders of them; models are .safetensors files. Results go to standard output or -o FILE, everything else to
    standard error.
    Exit codes: 0 done, 1 failed, 2 used wrongly, 130 or 143 interrupted.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command ``isthmus`` with the arguments of this process."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape instead of an error.
        with suppress(AttributeError, OSError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app.main(prog_name="isthmus")
