"""A run that is interrupted anywhere leaves a usable model, and ends in the same bits as one that was not."""

from __future__ import annotations

import os
import random
import sys
from functools import partial
from pathlib import Path

import torch

import isthmus
from isthmus.training.callbacks import Callback

from .everything import Everything, assert_same_end


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
