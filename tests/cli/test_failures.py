"""What goes wrong is one message, with an exit code that says whose fault it is."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable

import click
import pytest
from click.testing import Result

from isthmus.cli.session import Session, explained, shown_warnings
from isthmus.core import errors


@pytest.mark.parametrize(
    ("error", "message", "code"),
    [
        (errors.ParameterError("`beta` must be …"), "error: `beta` must be …", 2),
        (errors.InputError("row 3"), "error: row 3", 1),
        (errors.ModelFileError("damaged"), "error: damaged", 1),
        (errors.DivergenceError("diverged"), "error: diverged", 1),
        (errors.RunFolderBusyError("busy"), "error: busy", 1),
        (errors.MissingDependencyError("pip install x"), "error: pip install x", 1),
        (click.UsageError("No such option: --x"), "error: No such option: --x.", 2),
        (PermissionError(13, "Permission denied", "x.csv"), "error: x.csv: Permission denied.", 1),
        (OSError(28, "Cannot save 'm': the disk is full."), "error: Cannot save 'm': the disk is full.", 1),
        (MemoryError(), "error: out of memory. Use fewer rows or a smaller network, or close other programs.", 1),
        (KeyboardInterrupt(), "interrupted.", 130),
        (click.Abort(), "interrupted.", 130),
    ],
)
def test_messages_and_codes(error: BaseException, message: str, code: int) -> None:
    assert explained(error) == (message, code)


def test_an_unexpected_error_says_so_in_one_line() -> None:
    message, code = explained(RuntimeError("broken\nin many lines"))
    assert code == 1
    assert message.startswith("error: unexpected RuntimeError: broken. This looks like a fault of Isthmus")


@pytest.mark.parametrize("where", ["before", "after"])
def test_debug_shows_the_traceback(files, run: Callable[..., Result], where: str) -> None:
    arguments = ["encode", files.table_model, "nowhere.csv"]
    plain = run(*arguments)
    assert "Traceback" not in plain.output
    shown = run(*(["--debug", *arguments] if where == "before" else [*arguments, "--debug"]))
    assert shown.exit_code == 1
    assert "Traceback (most recent call last)" in shown.stderr
    assert shown.stderr.endswith(plain.stderr)


def test_unknown_commands_and_options_get_the_close_match(run: Callable[..., Result]) -> None:
    refused = run("encod")
    assert refused.exit_code == 2
    assert refused.stderr == ("isthmus: error: No such command 'encod'. Did you mean 'encode'? Try 'isthmus --help'.\n")
    assert "There are: demo, fit, encode" in run("zzz").stderr
    assert "--latent-dim" in run("fit", "--latent-dm", "3").stderr


def test_warnings_become_lines_and_the_old_ways_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = warnings.showwarning
    session = Session()
    with shown_warnings(session):
        warnings.warn("first\x1b[31m", errors.DataWarning, stacklevel=1)
        warnings.warn("first\x1b[31m", errors.DataWarning, stacklevel=1)
    assert warnings.showwarning is before
    assert session.warnings == 2
    assert capsys.readouterr().err == "isthmus: warning: first\\x1b[31m\n" * 2


@pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")
def test_a_reader_that_leaves_is_no_error(files) -> None:
    # Several blocks of text: some kernels take the rest of one large write although the reader has left.
    command = [sys.executable, "-m", "isthmus", "sample", files.table_model, "-n", "150000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"height,weight,age,income\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141
