"""Checkpoints through the estimator's ``checkpoint`` parameter."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import isthmus
from isthmus import VAE, Autoencoder, Callback, Checkpoint, StopRequest
from isthmus.core.errors import CheckpointWarning, ResumeError, RunFolderBusyError
from isthmus.estimators import fitting
from isthmus.training.optimiser import Optimiser

X = np.random.default_rng(0).normal(size=(150, 5)).astype(np.float32)


def vae(folder=None, **parameters):
    network = isthmus.MLP(hidden=(8,), dropout=0.1, normalisation="batch")
    settings = {"network": network, "max_epochs": 4, "batch_size": 32, "random_state": 3, "checkpoint": folder}
    return VAE(2, **{**settings, **parameters})


class StopAfter(Callback):
    def __init__(self, epoch, error=None):
        self.epoch, self.error = epoch, error

    def on_epoch_end(self, event):
        if event.epoch == self.epoch and self.error is not None:
            raise self.error
        return event.epoch == self.epoch


def assert_same(a, b):
    assert all(torch.equal(tensor, b.module_.state_dict()[name]) for name, tensor in a.module_.state_dict().items())
    np.testing.assert_array_equal(a.transform(X), b.transform(X))
    np.testing.assert_array_equal(a.score_samples(X), b.score_samples(X))
    np.testing.assert_array_equal(a.sample(5, random_state=0), b.sample(5, random_state=0))
    timeless = [
        [{name: value for name, value in row.items() if name != "seconds"} for row in model.history_]
        for model in (a, b)
    ]
    assert timeless[0] == timeless[1]
    assert a.history_.events == b.history_.events
    assert a.n_iter_ == b.n_iter_


def test_interrupted_and_resumed_equals_uninterrupted(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        vae(tmp_path, callbacks=[StopAfter(2, KeyboardInterrupt())]).fit(X)
    resumed = vae(tmp_path).fit(X)
    assert resumed.stopped_ is None
    assert [row["epoch"] for row in resumed.history_] == [1, 2, 3, 4]
    assert_same(resumed, vae().fit(X))
    # And once more, from the finished run.
    assert_same(vae(tmp_path).fit(X), resumed)


def test_interrupt_inside_a_step_at_a_random_moment(tmp_path, monkeypatch):
    expected = vae().fit(X)
    step = Optimiser.step
    chosen = random.Random(int.from_bytes(os.urandom(4), "little"))
    for number in range(4):
        at, after, calls = chosen.randint(1, 19), chosen.random() < 0.5, []

        def patched(self, rate, at=at, after=after, calls=calls):
            calls.append(1)
            if len(calls) == at and not after:
                raise KeyboardInterrupt
            step(self, rate)
            if len(calls) == at:
                raise KeyboardInterrupt

        folder = tmp_path / str(number)
        with monkeypatch.context() as patch:
            patch.setattr(Optimiser, "step", patched)
            partial = vae(folder)
            with pytest.raises(KeyboardInterrupt):
                partial.fit(X)
        assert np.isfinite(partial.score_samples(X)).all()
        assert partial.stopped_ == "KeyboardInterrupt"
        assert_same(vae(folder).fit(X), expected)


def test_a_stop_request_in_the_middle_of_an_epoch_is_resumed(tmp_path, monkeypatch):
    stop = StopRequest()
    step, calls = Optimiser.step, []

    def patched(self, rate):
        calls.append(1)
        if len(calls) == 7:
            stop.reason = "SIGTERM"
        step(self, rate)

    with monkeypatch.context() as patch:
        patch.setattr(Optimiser, "step", patched)
        partial = vae(tmp_path, callbacks=[stop]).fit(X)
    assert (partial.stopped_, partial.n_iter_, len(calls)) == ("SIGTERM", 1, 7)
    assert_same(vae(tmp_path).fit(X), vae().fit(X))


def test_a_run_whose_seed_was_left_to_chance_goes_on_with_it(tmp_path):
    stopped = vae(tmp_path, random_state=None, callbacks=[StopAfter(2)]).fit(X)
    assert stopped.stopped_ == "callback"
    resumed = vae(tmp_path, random_state=None).fit(X)
    assert resumed.history_.rows[:2] == stopped.history_.rows
    again = vae(tmp_path, random_state=None).fit(X)
    assert_same(again, resumed)
    np.testing.assert_array_equal(again.transform(X), resumed.transform(X))


def test_a_generator_as_random_state(tmp_path):
    vae(tmp_path, random_state=np.random.RandomState(4), callbacks=[StopAfter(2)]).fit(X)
    assert_same(
        vae(tmp_path, random_state=np.random.RandomState(4)).fit(X), vae(random_state=np.random.RandomState(4)).fit(X)
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch_size": 16}, "settings.batch_size (checkpoint: 32, now: 16)"),
        ({"learning_rate": 0.01}, "settings.learning_rate (checkpoint: 0.003, now: 0.01)"),
        ({"random_state": 4}, "seed (checkpoint: '3', now: '4')"),
        ({"beta": 2.0}, "composition.penalties.kl.params.weight (checkpoint: 1.0, now: 2.0)"),
        (
            {"validation_fraction": 0.2},
            "rows.held out (checkpoint: 15, now: 30); rows.training (checkpoint: 135, now: 120)",
        ),
    ],
)
def test_other_parameters_are_refused_by_name_unless_accepted(tmp_path, change, words):
    vae(tmp_path, callbacks=[StopAfter(2)]).fit(X)
    with pytest.raises(ResumeError) as caught:
        vae(tmp_path, **change).fit(X)
    assert f"It differs in {words}. Train in another folder, or resume all the same with Checkpoint(" in str(
        caught.value
    )
    accepted = vae(Checkpoint(tmp_path, accept_mismatch=True), **change).fit(X)
    assert [row["epoch"] for row in accepted.history_] == [1, 2, 3, 4]


def test_other_data_and_versions_are_refused_by_name(tmp_path, monkeypatch):
    vae(tmp_path, callbacks=[StopAfter(2)]).fit(X)
    other = X.copy()
    other[70, 2] += 1e-3
    with pytest.raises(ResumeError, match=r"It differs in data \(checkpoint: '[0-9a-f]{64}', now: '[0-9a-f]{64}'\)"):
        vae(tmp_path).fit(other)
    with monkeypatch.context() as patch:
        patch.setattr(fitting.torch, "__version__", "9.9.9")
        with pytest.raises(ResumeError, match=r"It differs in torch \(checkpoint: '.*', now: '9\.9\.9'\)"):
            vae(tmp_path).fit(X)
        assert vae(Checkpoint(tmp_path, accept_mismatch=True)).fit(X).n_iter_ == 4


def test_a_damaged_newest_checkpoint(tmp_path):
    expected = vae(Checkpoint(tmp_path, every_seconds=0)).fit(X)
    older, newest = sorted(tmp_path.glob("checkpoint-*"))
    newest.write_bytes(newest.read_bytes()[:-1])
    resumed = vae(tmp_path)
    with pytest.warns(CheckpointWarning) as caught:
        resumed.fit(X)
    assert caught[0].filename == __file__
    assert str(newest) in str(caught[0].message)
    assert f"going on from {older} instead." in str(caught[0].message)
    assert_same(resumed, expected)


CHILD = """
import sys, time
import numpy as np
import isthmus
class Slow(isthmus.Callback):
    def on_epoch_end(self, event):
        print(event.epoch, flush=True)
        time.sleep(0.2 if event.epoch < 3 else 60)
X = np.random.default_rng(0).normal(size=(150, 5)).astype(np.float32)
network = isthmus.MLP(hidden=(8,), dropout=0.1, normalisation="batch")
checkpoint = isthmus.Checkpoint(sys.argv[1], every_seconds=0)
isthmus.VAE(2, network=network, max_epochs=4, batch_size=32, random_state=3, checkpoint=checkpoint,
            callbacks=[Slow()]).fit(X)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_process_is_refused_while_it_lives_and_its_run_goes_on_after(tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    ) as child:
        try:
            assert child.stdout is not None
            for expected in (b"1", b"2"):
                assert child.stdout.readline().strip() == expected
            with pytest.raises(RunFolderBusyError, match=f"is in use by process {child.pid}"):
                vae(tmp_path).fit(X)
            assert child.stdout.readline().strip() == b"3"
        finally:
            child.kill()
    start = time.monotonic()
    resumed = vae(tmp_path).fit(X)
    assert time.monotonic() - start < 30
    assert resumed.n_iter_ == 4
    assert_same(resumed, vae().fit(X))


def test_two_fits_in_one_process_cannot_share_a_folder(tmp_path):
    class Nested(Callback):
        def on_epoch_end(self, event):
            with pytest.raises(RunFolderBusyError, match=f"is in use by this process \\({os.getpid()}\\)"):
                Autoencoder(2, checkpoint=tmp_path).fit(X)

    assert Autoencoder(2, checkpoint=tmp_path, max_epochs=1, callbacks=[Nested()]).fit(X).n_iter_ == 1
