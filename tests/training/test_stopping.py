"""Patience, time, callbacks and stop requests."""

from __future__ import annotations

import io
import math
import time

import pytest
import torch

from isthmus.training.callbacks import Callback, ProgressBar, StopRequest, step_bar


def with_objectives(trainer, objectives):
    """Let validation give these numbers, and collect the weights of each epoch."""
    weights, evaluate = [], trainer.held_out.evaluate
    given = iter(objectives)

    def patched(model, at):
        measured = evaluate(model, at)
        if trainer._ready:
            measured["total"] = next(given)
            weights.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return measured

    trainer.held_out.evaluate = patched
    return weights


def test_early_stopping_restores_the_best_epoch_bit_exactly(workshop):
    model = workshop.model()
    trainer = workshop.trainer(model, held_out=12, max_epochs=50, patience=3)
    weights = with_objectives(trainer, [5.0, 4.0, 4.5, 3.0, 3.0, 3.5, 3.1, 0.0])
    result = trainer.run()
    assert result.stopped == "patience"
    assert result.epochs == len(result.history) == 7  # 3 epochs without a better one after the fourth
    assert workshop.same(workshop.weights(model), weights[3])
    assert not workshop.same(weights[3], weights[6])
    assert trainer.state.best == 3.0


def test_no_early_stopping_during_warm_up(workshop):
    model = workshop.vae(warmup_epochs=5.0)
    trainer = workshop.trainer(model, held_out=12, max_epochs=30, patience=1)
    weights = with_objectives(trainer, [1.0, 2.0, 3.0, 4.0, 5.0, 4.5, 4.6, 0.0])
    result = trainer.run()
    # Epochs 1 to 4 count neither as better nor as worse; the fifth is the first of full weight.
    assert result.epochs == 7
    assert workshop.same(workshop.weights(model), weights[5])


def test_an_objective_that_is_not_finite_is_never_the_best(workshop):
    model = workshop.model()
    trainer = workshop.trainer(model, held_out=12, max_epochs=30, patience=2)
    weights = with_objectives(trainer, [math.nan, 2.0, math.inf, math.nan, 1.0])
    result = trainer.run()
    assert (result.stopped, result.epochs) == ("patience", 4)
    assert workshop.same(workshop.weights(model), weights[1])


def test_patience_without_a_finite_objective_keeps_the_last_weights(workshop):
    model = workshop.model()
    trainer = workshop.trainer(model, held_out=12, max_epochs=30, patience=2)
    weights = with_objectives(trainer, [math.nan] * 5)
    assert trainer.run().stopped == "patience"
    assert workshop.same(workshop.weights(model), weights[-1])


def test_max_seconds_stops_and_counts_the_epoch_it_cut_short(workshop, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    model = workshop.model()
    trainer = workshop.trainer(model, held_out=12, max_epochs=100, max_seconds=10.0, learning_rate=0.01)
    run, rates = trainer.step.run, []

    def slow(*step):
        now[0] += 1.0
        rates.append(step[-1])
        return run(*step)

    trainer.step.run = slow
    result = trainer.run()
    assert result.stopped == "max_seconds"
    assert len(rates) == 10
    assert result.epochs == 4  # three steps each, and one more
    assert result.history.column("seconds") == [3.0, 6.0, 9.0, 10.0]
    # The schedule followed the clock: its peak after a quarter of the time, next to nothing at the end.
    assert rates[0] == pytest.approx(0.01 / 25)
    assert max(rates) in rates[2:4]
    assert rates[9] < 0.001


class Recorder(Callback):
    def __init__(self, name, log, stop_at=None):
        self.name, self.log, self.stop_at = name, log, stop_at

    def on_start(self, max_epochs):
        self.log.append((self.name, "start", max_epochs))

    def on_epoch_end(self, event):
        assert len(event.history) == event.epoch
        self.log.append((self.name, "epoch", event.epoch))
        return event.epoch == self.stop_at

    def on_end(self):
        self.log.append((self.name, "end", None))


def test_callbacks_are_called_in_order_and_may_stop(workshop):
    log = []
    result = workshop.trainer(callbacks=[Recorder("a", log, stop_at=2), Recorder("b", log)]).run()
    assert result.stopped == "callback"
    assert result.epochs == 2
    assert log == [
        ("a", "start", 3),
        ("b", "start", 3),
        ("a", "epoch", 1),
        ("b", "epoch", 1),
        ("a", "epoch", 2),
        ("b", "epoch", 2),
        ("a", "end", None),
        ("b", "end", None),
    ]


def test_an_error_in_a_callback_still_ends_the_others_and_leaves_a_usable_model(workshop):
    class Failing(Callback):
        def on_epoch_end(self, event):
            raise LookupError("mine")

    log = []
    model = workshop.model(dropout=0.5)
    with pytest.raises(LookupError, match="mine"):
        workshop.trainer(model, callbacks=[Failing(), Recorder("b", log)]).run()
    assert log == [("b", "start", 3), ("b", "end", None)]
    assert not model.training
    assert all(layer.generator is None for layer in model._dropouts)


def test_a_stop_request_is_seen_before_the_next_step(workshop):
    stop = StopRequest()
    trainer = workshop.trainer(callbacks=[stop])
    run, steps = trainer.step.run, []

    def counting(*step):
        steps.append(1)
        if len(steps) == 6:
            stop.reason = "SIGTERM"
        return run(*step)

    trainer.step.run = counting
    result = trainer.run()
    assert (result.stopped, len(steps), result.epochs) == ("SIGTERM", 6, 1)
    assert trainer.state.position == 2


class Slow(Callback):
    """Long enough for the bar to be drawn again."""

    def on_epoch_end(self, event):
        time.sleep(0.11)


def test_progress_bar_writes_to_standard_error_only(workshop, capsys):
    workshop.trainer(held_out=12, callbacks=[Slow(), ProgressBar("digits", disable=False)]).run()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "digits: 100%" in captured.err
    assert "train=" in captured.err
    assert "held out=" in captured.err


def test_progress_bar_is_silent_without_a_terminal(workshop, capsys, monkeypatch):
    workshop.trainer(callbacks=[ProgressBar("digits")]).run()
    assert capsys.readouterr() == ("", "")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    workshop.trainer(callbacks=[Slow(), ProgressBar("digits")]).run()
    assert "3/3" in terminal.getvalue()


def test_step_bar_appears_with_the_first_step_and_ends_whatever_happens(capsys):
    with step_bar("symbols", disable=False):
        pass
    assert capsys.readouterr() == ("", "")

    def interrupted():
        with step_bar("symbols", disable=False) as on_step:
            on_step(2, 4)
            time.sleep(0.11)
            on_step(3, 4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "symbols:  75%" in captured.err
    with step_bar("symbols", disable=True) as on_step:
        on_step(1, 4)
    assert capsys.readouterr() == ("", "")


def test_bfloat16_trains_on_the_cpu(workshop):
    model = workshop.vae()
    history = (
        workshop.trainer(model, held_out=20, max_epochs=20, learning_rate=0.01, precision="bfloat16").run().history
    )
    losses = history.column("validation/total")
    assert losses[-1] < losses[0] - 1
    assert {tensor.dtype for tensor in model.parameters()} == {torch.float32}
    exact = workshop.vae()
    workshop.trainer(exact, held_out=20, max_epochs=20, learning_rate=0.01).run()
    assert not workshop.same(workshop.weights(model), workshop.weights(exact))
