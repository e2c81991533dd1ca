"""Help is complete, true and light."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import Result

import isthmus
from isthmus.cli.main import COMMANDS, app

HEAVY = ("torch", "numpy", "scipy", "sklearn", "narwhals", "matplotlib", "jinja2", "safetensors")


@pytest.mark.parametrize("name", COMMANDS)
def test_table_and_command_agree(name: str) -> None:
    context = click.Context(app)
    command = app.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert all(isinstance(option.help, str) for option in command.params if isinstance(option, click.Option))
    assert f"isthmus {name}" in (command.epilog or ""), "no example in the help"
    assert "debug" in {parameter.name for parameter in command.params}


def test_group_lists_every_command_with_its_words(run: Callable[..., Result]) -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    lines = [line.split(maxsplit=1) for line in shown.stdout.split("Commands:")[1].splitlines() if line.strip()]
    assert {name: words for name, words in lines if name in COMMANDS} == {
        name: words for name, (_, words) in COMMANDS.items()
    }
    assert run().stdout == shown.stdout


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from isthmus.cli.main import COMMANDS, app\n"
        "for arguments in (['--help'], ['--version'], *([name, '--help'] for name in COMMANDS)):\n"
        "    app.main(arguments, prog_name='isthmus', standalone_mode=False)\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("loaded: []")


def test_version(run: Callable[..., Result]) -> None:
    assert run("--version").stdout == f"isthmus {isthmus.__version__}\n"


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "isthmus", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"isthmus {isthmus.__version__}\n"


def test_completion_knows_commands_and_choices() -> None:
    environment = {"_ISTHMUS_COMPLETE": "bash_complete", "COMP_WORDS": "isthmus enc", "COMP_CWORD": "1"}
    program = "from isthmus.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.split() == ["plain,encode"]
