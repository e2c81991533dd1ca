"""Commands compute narrow rows with one thread, and leave the number as it was."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
import torch
from click.testing import CliRunner

from isthmus.cli.main import app
from isthmus.cli.threads import CHOICES, choose_threads


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers that were set, where there were three threads and the environment said nothing."""
    for name in CHOICES:
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    chosen: list[int] = []

    def spy(number: int, own=torch.set_num_threads) -> None:
        chosen.append(number)
        own(number)

    monkeypatch.setattr(torch, "set_num_threads", spy)
    yield chosen
    monkeypatch.undo()
    torch.set_num_threads(before)


@pytest.mark.parametrize(("shape", "expected"), [((20,), 1), ((255,), 1), ((256,), 3), ((5, 4), 3), ((1, 4, 3), 3)])
def test_narrow_rows_get_one_thread_until_the_command_ends(threads, shape, expected: int) -> None:
    with click.Context(click.Command("fit")):
        choose_threads(shape)
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("name", CHOICES)
def test_the_environment_has_the_last_word(threads, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "3")
    with click.Context(click.Command("fit")):
        choose_threads((20,))
    assert threads == []


def test_commands_that_compute_ask_for_it(threads, files, tmp_path) -> None:
    def run(*arguments: object) -> list[int]:
        threads.clear()
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return list(threads)

    alone = [1, 3]
    assert run("fit", files.table, "-o", tmp_path / "m.safetensors", "--max-epochs", 1, "-q") == alone
    assert run("encode", files.table_model, files.table) == alone
    assert run("sample", files.table_model, "-n", 2) == alone
    detector = tmp_path / "d.safetensors"
    assert run("anomalies", files.table, "--set", "max_epochs=1", "--save", detector) == alone
    assert run("anomalies", files.table, "--model", detector) == alone
    assert run("encode", files.image_model, files.images, "-o", tmp_path / "codes.npy") == []
