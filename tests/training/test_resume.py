"""A run that was stopped or killed anywhere ends in the same bits as one that was not."""

from __future__ import annotations

import os
import random
import warnings

import pytest

from isthmus.core.errors import TrainingWarning
from isthmus.training.callbacks import StopRequest

from .everything import Everything, assert_same_end


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
