"""What a step does with a bad gradient, and when memory runs out."""

from __future__ import annotations

import math
import re

import pytest
import torch

from isthmus.components.penalties.kl import KL
from isthmus.core.errors import ParameterError
from isthmus.training.guard import SpikeGuard


def scaled_loss(model, factor_at):
    """Make the model multiply the loss of its n-th training step."""
    loss, calls = model.loss, []

    def patched(batch, noise, weights):
        terms = loss(batch, noise, weights)
        if model.training:
            calls.append(len(batch))
            factor = factor_at(len(calls))
            if factor != 1:
                for name, part in terms.parts.items():
                    terms.parts[name] = part * factor
        return terms

    model.loss = patched
    return calls


def test_one_nan_gradient_is_skipped_and_changes_nothing_else(workshop, monkeypatch):
    model = workshop.vae(normalisation="batch")
    scaled_loss(model, lambda call: math.nan if call == 3 else 1)
    trainer = workshop.trainer(model, max_epochs=1)
    run, seen = trainer.step.run, []

    def watched(*step):
        before, counters = workshop.weights(model), trainer.step.guards[0].state()
        optimiser = {name: tensor.clone() for name, tensor in trainer.live.items()}
        result = run(*step)
        seen.append(result is None)
        if result is None:
            assert workshop.same(before, model.state_dict())  # batch statistics and σ² too
            assert workshop.same(optimiser, trainer.live)
            assert trainer.step.guards[0].state() == counters
        return result

    monkeypatch.setattr(trainer.step, "run", watched)
    with pytest.warns(match=re.escape("Training had to help itself (1 × skipped); `history_.events` has the details.")):
        history = trainer.run().history
    assert seen == [False, False, True, False]
    assert history.events == [
        {"epoch": 1, "kind": "skipped", "message": "a step was skipped: its gradient was not finite", "count": 1}
    ]
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


def test_stale_batch_statistics_of_a_skipped_step_are_not_applied_by_a_batch_of_one(workshop):
    model = workshop.model(normalisation="batch")
    scaled_loss(model, lambda call: 1)
    values = workshop.values(17)
    values[3] = math.nan
    trainer = workshop.trainer(model, values, max_epochs=2)
    with pytest.warns(match="skipped"):
        trainer.run()
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


def test_a_spike_is_clipped_and_logged(workshop, monkeypatch):
    model = workshop.model()
    scaled_loss(model, lambda call: 1e4 if call == 30 else 1)
    trainer = workshop.trainer(model, max_epochs=10)
    factors = []
    factor = trainer.step.guards[0].factor
    monkeypatch.setattr(
        trainer.step.guards[0], "factor", lambda norm: factors.append((norm, factor(norm))) or factors[-1][1]
    )
    history = trainer.run().history
    clipped = [(number, norm, value) for number, (norm, value) in enumerate(factors) if value != 1.0]
    assert [number for number, *_ in clipped] == [29]
    _, norm, value = clipped[0]
    assert history.events == [
        {
            "epoch": 8,
            "kind": "clipped",
            "message": f"a gradient of norm {norm:.3g} was clipped to {norm * value:.3g}",
            "count": 1,
        }
    ]
    usual = sorted(norm for number, (norm, _) in enumerate(factors) if number != 29)[len(factors) // 2]
    assert norm > 1000 * usual
    assert norm * value < 20 * usual


def test_guard_by_hand():
    guard = SpikeGuard()
    assert [guard.factor(2.0) for _ in range(20)] == [1.0] * 20
    assert guard.state() == {"mean": 2.0, "seen": 20}
    assert guard.factor(19.9) == 1.0
    mean = 2.0 + 0.02 * 0 + (19.9 - 2.0) / 21
    assert guard.mean == pytest.approx(mean)
    assert guard.factor(1e6) == pytest.approx(mean * 1.18 / 1e6)  # the mean moves as if the norm had been 10 × itself
    again = SpikeGuard()
    again.restore(guard.state())
    assert again.factor(3.0) == guard.factor(3.0)
    assert again.state() == guard.state()
    gradients = [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]
    assert guard.norm(gradients) == 5.0


def short_of_memory(model, rows, error):
    loss = model.loss

    def patched(batch, noise, weights):
        if model.training and len(batch) > rows:
            raise error
        return loss(batch, noise, weights)

    model.loss = patched
    return model


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 12 bytes."),
    ],
)
def test_a_batch_that_does_not_fit_is_split_with_the_same_gradient(workshop, error):
    whole = workshop.vae(warmup_epochs=1.0)
    workshop.trainer(whole, max_epochs=2).run()
    split = short_of_memory(workshop.vae(warmup_epochs=1.0), 5, error)
    trainer = workshop.trainer(split, max_epochs=2)
    with pytest.warns(match="2 × split-batch"):
        result = trainer.run()
    assert trainer.step.splits == 4
    assert [event["message"] for event in result.history.events] == [
        "out of memory: each batch of 16 rows is now worked off in 2 pieces, with the same gradient"
    ]
    assert result.history.events[0]["count"] == 2
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(split.state_dict()[name], tensor, rtol=2e-4, atol=2e-5, msg=name)


def test_whole_batch_penalties_refuse_splitting_by_name(workshop, monkeypatch):
    monkeypatch.setattr(KL, "scope", "batch")
    model = short_of_memory(workshop.vae(), 5, torch.OutOfMemoryError("out of memory"))
    with pytest.raises(ParameterError) as caught:
        workshop.trainer(model).run()
    assert str(caught.value) == (
        "Out of memory with batches of 16 rows, and penalty `kl` needs the whole batch at once, so they cannot be "
        "split. Use a smaller `batch_size`."
    )


def test_hard_limit_is_a_clean_error_and_the_last_checkpoint_is_valid(workshop, tmp_path):
    with workshop.folder(tmp_path, every_seconds=0) as folder:
        model = workshop.model()
        loss = model.loss

        def failing(batch, noise, weights):
            if model.training and trainer.state.epoch == 1:
                raise MemoryError
            return loss(batch, noise, weights)

        model.loss = failing
        trainer = workshop.trainer(model, checkpoints=folder)
        with pytest.raises(MemoryError, match="Out of memory even with one row at a time \\(batch of 16\\)"):
            trainer.run()
        assert not model.training
        assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())
    reference = workshop.model()
    workshop.trainer(reference).run()
    resumed = workshop.model()
    with workshop.folder(tmp_path) as folder:
        trainer = workshop.trainer(resumed, checkpoints=folder)
        result = trainer.run()
    assert result.epochs == 3
    assert workshop.same(workshop.weights(resumed), workshop.weights(reference))


def test_validation_halves_its_chunks_when_memory_is_short(workshop):
    model = workshop.model()
    trainer = workshop.trainer(model, held_out=20)
    expected = trainer.held_out.evaluate(model, {})
    loss = model.loss

    def patched(batch, noise, weights):
        if len(batch) > 7:
            raise torch.OutOfMemoryError("out of memory")
        return loss(batch, noise, weights)

    model.loss = patched
    assert trainer.held_out.evaluate(model, {}) == pytest.approx(expected, rel=1e-6)
    assert trainer.held_out.chunk == 4


def test_a_large_batch_and_a_last_batch_of_one_train(workshop):
    for batch_size, rows in ((500, 20), (16, 33)):
        model = workshop.vae(normalisation="batch")
        before = workshop.weights(model)
        result = workshop.trainer(model, workshop.values(rows), batch_size=batch_size, max_epochs=5).run()
        assert result.epochs == 5
        assert result.history.events == []
        assert result.history.rows[-1]["train/total"] < result.history.rows[0]["train/total"]
        assert not torch.equal(before["encoder.1.mean"], model.state_dict()["encoder.1.mean"])
