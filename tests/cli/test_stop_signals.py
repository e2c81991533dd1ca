"""Ctrl-C and SIGTERM: a clean stop, a second one at once, and a resumed run that ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from safetensors.torch import load_file

import isthmus
from isthmus.cli.signals import StopSignals, TrainingStop

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

EPOCHS = 12

# A shell may start background jobs with SIGINT ignored; what is tested is a process of a terminal. A pause after each
# epoch leaves time for the signal to arrive in the middle of the run. All runs in one process, which tells their codes.
COMMANDS = """
import json, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
import torch
torch.set_num_threads(1)
from isthmus.cli import progress
told = progress.EpochLines.on_epoch_end
def slowly(self, event):
    told(self, event)
    sys.stderr.flush()
    if event.epoch >= 3:
        time.sleep(0.2)
progress.EpochLines.on_epoch_end = slowly
from isthmus.cli.main import app
for words in json.loads(sys.argv[1]):
    try:
        app.main(words, prog_name="isthmus")
    except SystemExit as end:
        print(end.code, file=sys.stderr, flush=True)
"""

STOPPABLE = """
import hashlib, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from isthmus.cli.signals import StopSignals, TrainingStop
stop = TrainingStop()
with StopSignals(stop):
    stop.on_start(1)
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)  # minutes in which no handler can run
"""


def options(data: Path, model: Path, folder: Path) -> list[str]:
    plain = ["fit", data, "-o", model, "--checkpoint", folder, "--max-epochs", EPOCHS, "--set", "patience=None"]
    return [str(part) for part in plain]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("signals") / "x.npy"
    np.save(path, random.normal(size=(200, 2)) @ random.normal(size=(2, 6)) + 0.1 * random.normal(size=(200, 6)))
    return path


@dataclass(frozen=True)
class Stopped:
    """A run that got a signal after its third epoch: its model, its folder, its exit code and its standard error."""

    model: Path
    folder: Path
    code: int
    said: str


@pytest.fixture(scope="module")
def stopped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[signal.Signals, Stopped]:
    """One run for each signal."""
    base = tmp_path_factory.mktemp("stopped")
    signals = (signal.SIGINT, signal.SIGTERM)
    places = {number: (base / f"{number.name}.safetensors", base / number.name) for number in signals}
    runs = [[*options(data, *places[number]), "-v"] for number in signals]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMANDS, json.dumps(runs)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    found = {}
    too_long = threading.Timer(120, process.kill)
    too_long.start()
    try:
        for number, place in places.items():
            said = []
            for line in process.stderr:
                if line.strip().isdecimal():
                    found[number] = Stopped(*place, int(line), "".join(said))
                    break
                said.append(line)
                if f"epoch 3/{EPOCHS}" in line:
                    process.send_signal(number)
            assert number in found, "".join(said)
        assert process.wait(60) == 0
    finally:
        too_long.cancel()
        process.kill()
        process.stderr.close()
    return found


def test_sigint_then_resume_ends_bit_equal(
    data: Path, stopped: dict[signal.Signals, Stopped], run: Callable[..., Result], tmp_path: Path
) -> None:
    by = stopped[signal.SIGINT]
    model, folder = by.model, by.folder
    assert by.code == 130, by.said
    assert "isthmus: SIGINT: stopping and saving; once more to quit without saving." in by.said
    assert f"Go on with --checkpoint {folder} --resume." in by.said
    assert "Traceback" not in by.said
    partial = isthmus.load(model)
    assert partial.stopped_ == "SIGINT"
    assert 3 <= partial.n_iter_ < EPOCHS
    assert np.isfinite(partial.transform(np.load(data))).all()

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        resumed = run(*options(data, model, folder), "--resume", "-q")
        assert resumed.exit_code == 0, resumed.stderr
        whole = tmp_path / "whole.safetensors"
        assert run(*options(data, whole, tmp_path / "other"), "-q").exit_code == 0
    finally:
        torch.set_num_threads(threads)
    first, second = load_file(model), load_file(whole)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert isthmus.load(model).n_iter_ == EPOCHS


def test_sigterm_leaves_checkpoint_and_model(stopped: dict[signal.Signals, Stopped]) -> None:
    by = stopped[signal.SIGTERM]
    assert by.code == 143, by.said
    assert isthmus.load(by.model).stopped_ == "SIGTERM"
    assert [path.suffix for path in by.folder.glob("checkpoint-*")] == [".safetensors"]


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_ends_even_a_long_computation(second: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPABLE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        sent = time.monotonic()
        process.send_signal(second)
        said = process.communicate(timeout=20)[1]
        assert time.monotonic() - sent < 2
    finally:
        process.kill()
    assert process.returncode == 128 + second
    assert "isthmus: quit at once; nothing more was saved." in said


def test_before_training_there_is_nothing_to_save() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), StopSignals(TrainingStop()):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught, StopSignals(TrainingStop()):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_handlers_and_threads_are_put_back(files, run: Callable[..., Result], tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.set_wakeup_fd(-1)
    assert run("fit", files.array, "-o", tmp_path / "m.safetensors", "--max-epochs", 1, "-q").exit_code == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.set_wakeup_fd(-1)) == before
    deadline = time.monotonic() + 10
    while any(thread.name == "stop-signals" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_outside_of_the_main_thread_it_does_nothing() -> None:
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            with StopSignals(TrainingStop()):
                pass
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert failures == []
