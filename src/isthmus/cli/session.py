"""What one run of the command says: notes, warnings and errors, all of them on standard error."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from isthmus.core.errors import IsthmusError, IsthmusWarning, ParameterError

FAILED = 1
BAD_USAGE = 2
INTERRUPTED = 130

_NO_MEMORY = ("out of memory", "can't allocate memory")


@dataclass
class Session:
    """The state of one run of the command.

    Attributes
    ----------
    debug : bool
        Show the traceback of an error.
    quiet : bool
        No notes; warnings and errors are shown all the same.
    warnings : int
        How many were shown so far.
    escape_formulas : bool
        Put an apostrophe before text in CSV that a spreadsheet would take for a formula.
    no_header : bool
        The first line of CSV files is a row.
    """

    debug: bool = False
    quiet: bool = False
    warnings: int = 0
    escape_formulas: bool = False
    no_header: bool = False

    def note(self, text: str) -> None:
        """A line for people, unless they asked for quiet."""
        if not self.quiet:
            say(text)


def say(text: str) -> None:
    """One line on standard error; control characters in names of files and columns are spelled out."""
    from isthmus.report.templating import printable

    click.echo(printable(f"isthmus: {text}"), err=True)


@contextmanager
def shown_warnings(session: Session) -> Iterator[None]:
    """Warnings as lines of text; all that come from Isthmus, and of others those that Python would show."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        from .shell_forms import with_shell_forms

        session.warnings += 1
        where = f" ({category.__name__}, {filename}:{lineno})" if session.debug else ""
        say(f"warning: {with_shell_forms(str(message))}{where}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", IsthmusWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield


def exit_code(run: Callable[[], Any], session: Session) -> int:
    """Run the command; an error becomes one message and an exit code."""
    try:
        result = run()
    except (Exception, KeyboardInterrupt) as error:
        if session.debug:
            traceback.print_exception(error, file=sys.stderr)
        message, code = explained(error)
        say(message)
        return code
    return result if isinstance(result, int) else 0


def explained(error: BaseException) -> tuple[str, int]:
    """Message and exit code of an error: 2 if the command was used wrongly, 1 if it failed."""
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return "interrupted.", INTERRUPTED
    if isinstance(error, click.UsageError):
        hint = f" Try '{error.ctx.command_path} --help'." if error.ctx is not None else ""
        return f"error: {_ended(error.format_message())}{hint}", BAD_USAGE
    if isinstance(error, click.ClickException):
        return f"error: {_ended(error.format_message())}", error.exit_code
    if isinstance(error, IsthmusError):
        from .shell_forms import with_shell_forms

        return f"error: {with_shell_forms(str(error))}", BAD_USAGE if isinstance(error, ParameterError) else FAILED
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"error: {_ended(where + (error.strerror or str(error)))}", FAILED
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY):
        return "error: out of memory. Use fewer rows or a smaller network, or close other programs.", FAILED
    first_line = (str(error).splitlines() or [""])[0]
    return (
        f"error: unexpected {type(error).__name__}: {_ended(first_line)} This looks like a fault of Isthmus: "
        "'isthmus --debug …' shows where.",
        FAILED,
    )


def _ended(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
