"""A run that was stopped, killed or interrupted anywhere ends in the same bits as one that was not.

This file is long because every way of stopping a run is tried against the same fixtures and the same comparison.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import pytest
import torch

import isthmus
from isthmus.core.errors import (
    CheckpointWarning,
    ModelFileError,
    ResumeError,
    RunFolderBusyError,
    TrainingWarning,
)
from isthmus.files.sealed import read_sealed, write_sealed
from isthmus.training import checkpoints as checkpoints_module
from isthmus.training import guard
from isthmus.training.callbacks import Callback, StopRequest

KIND = checkpoints_module.KIND


class Everything:
    """A run with all that has a state: dropout, batch statistics, shared σ, warm-up, clipped and skipped steps."""

    def __init__(self, workshop, folder=None, **changes):
        values = workshop.values(75)
        values[40] = 1e30  # skipped
        self.model = workshop.vae(dropout=0.2, normalisation="batch", beta=2.0, warmup_epochs=2.5)
        self.trainer = workshop.trainer(
            self.model, values, held_out=11, max_epochs=4, patience=3, learning_rate=0.01, checkpoints=folder, **changes
        )

    def run(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            return self.trainer.run()

    def end(self, workshop):
        return workshop.weights(self.model), workshop.timeless(self.trainer.history)


@pytest.fixture
def uninterrupted(workshop, monkeypatch):
    monkeypatch.setattr(guard, "SETTLE", 1)
    monkeypatch.setattr(guard, "SPIKE", 1.3)
    everything = Everything(workshop)
    assert everything.run().stopped is None
    weights, (rows, events) = everything.end(workshop)
    assert len(rows) == 4
    assert {event["kind"] for event in events} == {"clipped", "skipped"}
    return weights, (rows, events)


def assert_same_end(workshop, everything, expected):
    weights, history = everything.end(workshop)
    assert history == expected[1]
    assert workshop.same(weights, expected[0])


@pytest.mark.parametrize("steps", [0, 1, 4, 5, 11, 15])
def test_stop_and_resume_anywhere_is_bit_equal(workshop, uninterrupted, tmp_path, steps):
    """Four steps an epoch: in the middle of one, and on the border between two."""
    stop = StopRequest()
    with workshop.folder(tmp_path) as folder:
        first = Everything(workshop, folder, callbacks=[stop])
        run, done = first.trainer.step.run, []

        def counting(*step):
            done.append(1)
            if len(done) == steps:
                stop.reason = "enough"
            return run(*step)

        first.trainer.step.run = counting
        if steps == 0:
            stop.reason = "enough"
        assert first.run().stopped == "enough"
    assert len(done) == steps
    with workshop.folder(tmp_path) as folder:
        second = Everything(workshop, folder)
        history = second.trainer.history
        assert second.run().history is history
    assert_same_end(workshop, second, uninterrupted)


def test_checkpoints_between_any_two_steps(workshop, uninterrupted, tmp_path):
    """As after a SIGKILL: every checkpoint that is written now and then leads to the same end."""
    kept = tmp_path / "kept"
    kept.mkdir()
    with workshop.folder(tmp_path / "run", every_seconds=0) as folder:
        save = folder.save

        def saved(*content):
            path = save(*content)
            os.link(path, kept / path.name)
            return path

        folder.save = saved
        watched = Everything(workshop, folder)
        watched.run()
    assert_same_end(workshop, watched, uninterrupted)
    files = sorted(kept.iterdir())
    assert len(files) == 17
    for file in random.Random(0).sample(files, 5):
        again = tmp_path / file.stem
        again.mkdir()
        os.link(file, again / file.name)
        with workshop.folder(again) as folder:
            resumed = Everything(workshop, folder)
            resumed.run()
        assert_same_end(workshop, resumed, uninterrupted)


def test_resuming_a_finished_run_gives_the_same_model_and_writes_nothing(workshop, uninterrupted, tmp_path):
    with workshop.folder(tmp_path) as folder:
        Everything(workshop, folder).run()
    files = {path.name: path.read_bytes() for path in tmp_path.glob("checkpoint-*")}
    assert list(files) == ["checkpoint-000001.safetensors"]
    with workshop.folder(tmp_path) as folder:
        again = Everything(workshop, folder)
        result = again.run()
    assert (result.epochs, result.stopped) == (4, None)
    assert_same_end(workshop, again, uninterrupted)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("checkpoint-*")} == files


def test_resuming_a_run_that_stopped_by_patience_stops_at_once(workshop, tmp_path):
    def impatient(folder):
        return workshop.trainer(model, held_out=20, patience=1, learning_rate=1.0, max_epochs=50, checkpoints=folder)

    model = workshop.model()
    with workshop.folder(tmp_path) as folder:
        first = impatient(folder).run()
    weights = workshop.weights(model)
    assert first.stopped == "patience"
    model = workshop.model()
    with workshop.folder(tmp_path) as folder:
        second = impatient(folder).run()
    assert (second.stopped, second.epochs) == ("patience", first.epochs)
    assert workshop.same(workshop.weights(model), weights)


class InterruptAtLine:
    """Raise KeyboardInterrupt when the package is about to run its n-th line, as a signal might."""

    root = str(Path(isthmus.__file__).parent)

    def __init__(self, line):
        self.line, self.seen = line, 0

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(self.root):
            return None
        return self.each_line

    def each_line(self, frame, event, argument):
        if event == "line":
            self.seen += 1
            if self.seen == self.line:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self.each_line

    def during(self, function):
        previous = sys.gettrace()
        sys.settrace(self)
        try:
            return function()
        finally:
            sys.settrace(previous)


def test_an_interrupt_at_any_line_leaves_a_usable_model_and_a_bit_equal_resume(workshop, uninterrupted, tmp_path):
    counter = InterruptAtLine(-1)
    with workshop.folder(tmp_path / "count") as folder:
        counter.during(Everything(workshop, folder).run)
    lines = counter.seen
    assert lines > 500
    seed = int.from_bytes(os.urandom(4), "little")
    stopped = 0
    for number, line in enumerate(random.Random(seed).sample(range(1, lines + 1), 25)):
        where = f"seed {seed}, line {line}"
        path = tmp_path / str(number)
        with workshop.folder(path) as folder:
            first = Everything(workshop, folder)
            try:
                result = InterruptAtLine(line).during(first.run)
                stopped += result.stopped == "KeyboardInterrupt"
            except KeyboardInterrupt:
                pass  # before the run was set up, or after it was put away
        assert not first.trainer._ready or not first.model.training, where
        assert all(torch.isfinite(tensor).all() for tensor in first.model.state_dict().values()), where
        with workshop.folder(path) as folder:
            second = Everything(workshop, folder)
            second.run()
        weights, history = second.end(workshop)
        assert history == uninterrupted[1], where
        assert workshop.same(weights, uninterrupted[0]), where
    assert stopped > 10


def test_interrupts_from_callbacks_and_from_inside_the_optimiser(workshop, uninterrupted, tmp_path):
    class Impatient(Callback):
        def on_epoch_end(self, event):
            if event.epoch == 2:
                raise KeyboardInterrupt

    def before_update(step):
        raise KeyboardInterrupt

    def after_update(step):
        step()
        raise KeyboardInterrupt

    def from_optimiser(trainer, at, how):
        step, calls = trainer.step.optimisers[0].step, []

        def patched(rate):
            calls.append(1)
            return how(partial(step, rate)) if len(calls) == at else step(rate)

        trainer.step.optimisers[0].step = patched

    cases = [(None, None), (2, before_update), (7, before_update), (6, after_update), (12, after_update)]
    for number, (at, how) in enumerate(cases):
        with workshop.folder(tmp_path / str(number)) as folder:
            first = Everything(workshop, folder, callbacks=[Impatient()] if at is None else [])
            if at is not None:
                from_optimiser(first.trainer, at, how)
            assert first.run().stopped == "KeyboardInterrupt"
        assert not first.model.training
        with workshop.folder(tmp_path / str(number)) as folder:
            second = Everything(workshop, folder)
            second.run()
        assert_same_end(workshop, second, uninterrupted)


def test_resume_after_a_divergence_is_bit_equal(workshop, tmp_path):
    def diverging(folder=None, callbacks=()):
        model = workshop.model(dropout=0.1)
        values = workshop.values(200)
        return model, workshop.trainer(
            model, values, held_out=40, learning_rate=30.0, max_epochs=6, checkpoints=folder, callbacks=callbacks
        )

    reference, trainer = diverging()
    with pytest.warns(TrainingWarning, match="rolled-back"):
        trainer.run()
    expected = workshop.timeless(trainer.history)
    for steps in (13, 47, 62):
        stop = StopRequest()
        path = tmp_path / str(steps)
        with workshop.folder(path) as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            _, first = diverging(folder, [stop])
            run, done = first.step.run, []

            def counting(*step, run=run, done=done, stop=stop, steps=steps):
                done.append(1)
                if len(done) == steps:
                    stop.reason = "enough"
                return run(*step)

            first.step.run = counting
            assert first.run().stopped == "enough"
        with workshop.folder(path) as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            model, second = diverging(folder)
            second.run()
        assert workshop.timeless(second.history) == expected
        assert workshop.same(workshop.weights(model), workshop.weights(reference))


# Refusals


def stopped_run(workshop, path, identity=None, at=6):
    stop = StopRequest()
    with workshop.folder(path, identity) as folder:
        trainer = workshop.trainer(checkpoints=folder, callbacks=[stop])
        run, done = trainer.step.run, []

        def counting(*step):
            done.append(1)
            if len(done) == at:
                stop.reason = "enough"
            return run(*step)

        trainer.step.run = counting
        trainer.run()
    return trainer


IDENTITY = {
    "data": "abc",
    "settings": {"batch_size": 16, "learning_rate": 0.1},
    "layers": [{"hidden": [8]}],
    "torch": "2.13.0",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": "xyz"}, "data (checkpoint: 'abc', now: 'xyz')"),
        ({"torch": "2.14.0"}, "torch (checkpoint: '2.13.0', now: '2.14.0')"),
        (
            {"settings": {"batch_size": 32, "learning_rate": 0.2}},
            "settings.batch_size (checkpoint: 16, now: 32); settings.learning_rate (checkpoint: 0.1, now: 0.2)",
        ),
        ({"layers": [{"hidden": [9]}]}, "layers.0.hidden.0 (checkpoint: 8, now: 9)"),
        ({"new": 1}, "new (checkpoint: None, now: 1)"),
    ],
)
def test_another_identity_is_refused_by_name_unless_accepted(workshop, tmp_path, change, words):
    stopped_run(workshop, tmp_path, IDENTITY)
    before = sorted(path.name for path in tmp_path.glob("checkpoint-*"))
    with workshop.folder(tmp_path, {**IDENTITY, **change}) as folder, pytest.raises(ResumeError) as caught:
        workshop.trainer(checkpoints=folder).run()
    assert str(caught.value) == (
        f"Checkpoint {tmp_path / before[-1]} belongs to another run. It differs in {words}. Train in another folder, "
        "or resume all the same with Checkpoint(folder, accept_mismatch=True) or `--accept-mismatch`."
    )
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == before
    with workshop.folder(tmp_path, {**IDENTITY, **change}, accept_mismatch=True) as folder:
        result = workshop.trainer(checkpoints=folder).run()
    assert result.epochs == 3
    assert [row["epoch"] for row in result.history] == [1, 2, 3]


def rewritten(path, change):
    manifest, tensors = read_sealed(path, KIND, allow_nonfinite=True)
    change(manifest, tensors)
    write_sealed(path, KIND, manifest, tensors, allow_nonfinite=True)


def test_a_missing_generator_state_is_refused_unless_accepted(workshop, tmp_path):
    stopped_run(workshop, tmp_path)
    path = tmp_path / "checkpoint-000001.safetensors"
    rewritten(path, lambda manifest, tensors: tensors.pop("generator.start"))
    with workshop.folder(tmp_path) as folder, pytest.raises(ResumeError) as caught:
        workshop.trainer(checkpoints=folder).run()
    assert f"Checkpoint {path} holds no generator state, so that an exact resume is impossible. Train in" in str(
        caught.value
    )
    with workshop.folder(tmp_path, accept_mismatch=True) as folder:
        assert workshop.trainer(checkpoints=folder).run().epochs == 3


def test_another_model_and_an_incomplete_checkpoint_are_refused_even_if_accepted(workshop, tmp_path):
    stopped_run(workshop, tmp_path)
    model = workshop.model(hidden=(9,))
    before = workshop.weights(model)
    with workshop.folder(tmp_path, accept_mismatch=True) as folder, pytest.raises(ResumeError) as caught:
        workshop.trainer(model, checkpoints=folder).run()
    assert "holds another model: 'model.decoder.0.bias' is (8,) float32 there and (9,) float32 here." in str(
        caught.value
    )
    assert workshop.same(workshop.weights(model), before)
    rewritten(tmp_path / "checkpoint-000001.safetensors", lambda manifest, tensors: manifest["state"].pop("counters"))
    with (
        workshop.folder(tmp_path) as folder,
        pytest.raises(ResumeError, match=r"is incomplete \(KeyError\('counters'\)\)"),
    ):
        workshop.trainer(checkpoints=folder).run()


# Damage


def two_checkpoints(workshop, path):
    with workshop.folder(path, every_seconds=0) as folder:
        reference = workshop.trainer(checkpoints=folder)
        reference.run()
    newest, older = sorted(path.glob("checkpoint-*"), reverse=True)
    return reference, newest, older


def test_a_corrupt_newest_checkpoint_is_passed_over_with_a_warning(workshop, tmp_path):
    reference, newest, older = two_checkpoints(workshop, tmp_path)
    content = bytearray(newest.read_bytes())
    content[-100] ^= 1
    newest.write_bytes(content)
    with workshop.folder(tmp_path) as folder:
        trainer = workshop.trainer(checkpoints=folder)
        with pytest.warns(CheckpointWarning) as caught:
            result = trainer.run()
    assert len(caught) == 1
    words = str(caught[0].message)
    assert words.startswith(f"Checkpoint {newest} cannot be read (Cannot load")
    assert words.endswith(f"going on from {older} instead.")
    assert result.epochs == 3
    assert workshop.same(workshop.weights(trainer.model), workshop.weights(reference.model))
    # The damaged one is gone, and two good ones are kept.
    kept = sorted(tmp_path.glob("checkpoint-*"))
    assert newest not in kept
    assert kept[0] == older
    assert len(kept) == 2
    for path in kept:
        read_sealed(path, KIND, allow_nonfinite=True)


def test_only_corrupt_checkpoints_are_an_error(workshop, tmp_path):
    _, newest, older = two_checkpoints(workshop, tmp_path)
    for path in (newest, older):
        path.write_bytes(path.read_bytes()[:-5])
    with (
        workshop.folder(tmp_path) as folder,
        pytest.warns(CheckpointWarning),
        pytest.raises(ModelFileError, match=older.name),
    ):
        workshop.trainer(checkpoints=folder).run()
    assert newest.exists()
    assert older.exists()


HOLDER = """
import sys, time
from isthmus.training.checkpoints import CheckpointFolder
with CheckpointFolder(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_folder_in_use_is_refused_and_recovered_after_a_kill(workshop, tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout.readline().strip() == b"held"
            with pytest.raises(RunFolderBusyError) as caught, workshop.folder(tmp_path):
                pass
            assert f"The run folder '{tmp_path}' is in use by process {child.pid}." in str(caught.value)
        finally:
            child.send_signal(signal.SIGKILL)
    with workshop.folder(tmp_path) as folder:
        assert workshop.trainer(checkpoints=folder).run().epochs == 3
