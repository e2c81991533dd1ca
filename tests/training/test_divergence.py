"""A run that is lost goes back and lowers its rate; if that does not help, the last finite model remains."""

from __future__ import annotations

import math

import pytest
import torch

from isthmus.core.errors import DivergenceError, TrainingWarning
from isthmus.training import rescue


def test_a_far_too_high_rate_is_lowered_until_it_trains(workshop):
    model = workshop.model()
    trainer = workshop.trainer(model, workshop.values(400), held_out=40, learning_rate=1e6, max_epochs=20)
    with pytest.warns(TrainingWarning, match=r"Training had to help itself \(.*× rolled-back"):
        result = trainer.run()
    assert result.epochs == 20
    assert [row["epoch"] for row in result.history] == list(range(1, 21))
    told = [event["message"] for event in result.history.events if event["kind"] == "rolled-back"]
    assert "back to the start of epoch 1, learning rate lowered to 1e+05" in told[0]
    assert trainer.state.retries == len(told)
    assert result.history.rows[-1]["learning_rate"] == pytest.approx(1e6 * 0.1 ** len(told) * 1e-3)
    assert min(result.history.column("validation/reconstruction")) < trainer.state.reference - 2


def nan_after(model, steps):
    loss, calls = model.loss, []

    def patched(batch, noise, weights):
        terms = loss(batch, noise, weights)
        if model.training:
            calls.append(batch)
            if len(calls) > steps:
                terms.parts["reconstruction"] = terms.parts["reconstruction"] * math.nan
        return terms

    model.loss = patched


def test_always_nan_ends_in_divergence_error_with_the_last_finite_model(workshop):
    model = workshop.model()
    nan_after(model, 5)
    trainer = workshop.trainer(model, learning_rate=0.003)
    with pytest.raises(DivergenceError) as caught:
        trainer.run()
    assert "Training diverged: no gradient of the epoch was finite; lowering the learning rate 10 times" in str(
        caught.value
    )
    assert "from 0.003 to 3e-13, did not help. The model holds the last finite parameters." in str(caught.value)
    assert "use a smaller `learning_rate`" in str(caught.value)
    assert not model.training
    # The first retry began at epoch 2; as that was lost too, the others began anew, where the first step is NaN now.
    assert workshop.same(workshop.weights(model), workshop.weights(workshop.model()))
    assert [event["kind"] for event in trainer.history.events].count("rolled-back") == 10


def test_without_a_single_retry_the_best_epoch_is_kept(workshop, monkeypatch):
    monkeypatch.setattr(rescue, "MAXIMUM_RETRIES", 0)
    model = workshop.model()
    nan_after(model, 9)
    trainer = workshop.trainer(model, workshop.values(56), held_out=8, max_epochs=20)
    best = []
    finish = trainer._finish_epoch
    trainer._finish_epoch = lambda: (finish(), best.append(workshop.weights(model)))
    with pytest.raises(DivergenceError, match="lowering the learning rate 0 times"):
        trainer.run()
    losses = trainer.history.column("validation/total")
    assert len(losses) == 3
    assert workshop.same(workshop.weights(model), best[losses.index(min(losses))])


def test_saturated_outputs_are_found_and_the_run_begins_anew(workshop, monkeypatch):
    """Mean logistic, rate 1e6: the outputs are stuck at 0 and 1, the loss is finite, the gradient exactly zero."""
    values = workshop.values(128).sigmoid()
    model = workshop.model(kind="unit-interval")
    trainer = workshop.trainer(model, values, held_out=32, learning_rate=1e6, max_epochs=20)
    starts = []
    go_back = rescue.return_to_start

    def watched(run):
        go_back(run)
        starts.append((run.state.epoch, workshop.weights(model)))

    monkeypatch.setattr(rescue, "return_to_start", watched)
    with pytest.warns(TrainingWarning, match="rolled-back"):
        result = trainer.run()
    told = [event["message"] for event in result.history.events if event["kind"] == "rolled-back"]
    vanished = [words for words in told if words.startswith("the gradient vanished: the outputs are saturated")]
    assert vanished
    assert all("back to the start of epoch 1" in words for words in vanished)
    untrained = workshop.weights(workshop.model(kind="unit-interval"))
    assert all(workshop.same(start, untrained) for epoch, start in starts if epoch == 0)
    assert min(result.history.column("validation/reconstruction")) < trainer.state.reference


def test_worse_than_untrained_begins_anew_from_the_initial_weights(workshop):
    """The loss stays finite and is far from exploded, but the run ruins the model."""
    model = workshop.model()
    initial = workshop.weights(model)
    values = workshop.values(64)
    trainer = workshop.trainer(model, values, held_out=16, max_epochs=2, patience=None)
    step = trainer.step.optimisers[0].step

    def ruinous(rate):
        step(rate)
        if trainer.state.retries < 2:
            with torch.no_grad():
                for parameter in trainer.model.parameters():
                    parameter.add_(0.1)

    begun = []
    begin = trainer.step.run

    def watched(*arguments):
        if trainer.state.epoch == 0 and trainer.state.position == 0:
            begun.append(workshop.weights(model))
            assert all(
                not tensor.any() for name, tensor in trainer.live.items() if name.startswith("optimiser.")
            )  # the moments begin anew too
        return begin(*arguments)

    trainer.step.optimisers[0].step, trainer.step.run = ruinous, watched
    with pytest.warns(TrainingWarning, match="2 × rolled-back"):
        result = trainer.run()
    assert result.epochs == len(result.history) == 2
    assert [event["message"] for event in result.history.events] == [
        "training left the model worse than it began; back to the start of epoch 1, learning rate lowered to 0.0003",
        "training left the model worse than it began; back to the start of epoch 1, learning rate lowered to 3e-05",
    ]
    assert len(begun) == 3
    assert all(workshop.same(start, initial) for start in begun)


def test_a_hardly_trained_model_is_not_taken_for_a_diverged_one(workshop):
    trainer = workshop.trainer(held_out=20, learning_rate=1e-12, max_epochs=2)
    result = trainer.run()
    assert result.epochs == 2
    assert result.history.events == []


def test_a_perfect_model_is_not_taken_for_a_dead_one(workshop):
    """Binary rows fitted exactly: the gradient is zero because nothing is left to learn."""
    model = workshop.model(kind="binary", width=3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.decoder[-1].bias.copy_(torch.tensor([200.0, -200.0, 200.0]))
    values = torch.tensor([[1.0, 0.0, 1.0]]).repeat(64, 1)
    trainer = workshop.trainer(model, values, held_out=16, max_epochs=3)
    result = trainer.run()
    assert trainer.step.vanished_in_a_row == 9
    assert result.history.events == []
    assert result.epochs == 3


def test_running_out_of_time_with_a_ruined_model_is_said(workshop, monkeypatch):
    model = workshop.model()
    trainer = workshop.trainer(model, held_out=20, max_epochs=1000, max_seconds=0.3)
    step = trainer.step.optimisers[0].step

    def ruinous(rate):
        step(rate)
        with torch.no_grad():
            for parameter in trainer.model.parameters():
                parameter.fill_(0.6)

    trainer.step.optimisers[0].step = ruinous
    with pytest.warns(TrainingWarning, match="`max_seconds` ended the run when the model was worse than untrained"):
        assert trainer.run().stopped == "max_seconds"
