"""What the history says is what a recomputation by hand gives."""

from __future__ import annotations

import json
import math

import pytest
import torch

from isthmus.training.epoch_means import EpochMeans
from isthmus.training.history import History
from isthmus.training.schedules import SCHEDULES, one_cycle


def parts_by_hand(model, values, noise):
    """Minus log p(x|z) and KL of a VAE with a shared σ, in float64, summed over rows."""
    double = {name: parameter.detach().double() for name, parameter in model.state_dict().items()}

    def network(prefix, rows):
        hidden = torch.nn.functional.gelu(rows @ double[f"{prefix}.0.weight"].T + double[f"{prefix}.0.bias"])
        return hidden @ double[f"{prefix}.2.weight"].T + double[f"{prefix}.2.bias"]

    mean, log_std = network("encoder", values.double()).split(2, -1)
    decoded = network("decoder", mean + log_std.exp() * noise.latent.double())
    variance = double["likelihood.parts.0.variance"]
    squared = (values.double() - decoded).square().sum()
    reconstruction = squared / (2 * variance) + values.numel() / 2 * (2 * math.pi * variance).log()
    kl = 0.5 * (mean.square() + (2 * log_std).exp() - 1 - 2 * log_std).sum()
    return float(reconstruction), float(kl)


def test_training_and_validation_means_equal_a_recomputation(workshop, monkeypatch):
    model = workshop.vae(beta=2.0, warmup_epochs=2.0)
    trainer = workshop.trainer(model, held_out=13, max_epochs=3)
    sums = []
    run, finish = trainer.step.run, trainer._finish_epoch
    validation = []

    def recorded(batch, noise, weights, rate):
        sums.append((*parts_by_hand(model, batch.values, noise), len(batch)))
        return run(batch, noise, weights, rate)

    def finished():
        held_out = trainer.held_out
        parts = parts_by_hand(model, held_out.rows.take(held_out.index).values, held_out.noise)
        validation.append([part / 13 for part in parts])
        finish()

    monkeypatch.setattr(trainer.step, "run", recorded)
    monkeypatch.setattr(trainer, "_finish_epoch", finished)
    history = trainer.run().history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    for number, row in enumerate(history):
        steps = sums[number * 3 : number * 3 + 3]
        assert [rows for *_, rows in steps] == [16, 16, 15]
        reconstruction, kl = (sum(step[part] for step in steps) / 47 for part in (0, 1))
        weight = [1.0, 2.0, 2.0][number]
        assert row["train/kl_weight"] == weight
        assert row["train/reconstruction"] == pytest.approx(reconstruction, rel=1e-5)
        assert row["train/kl"] == pytest.approx(kl, rel=1e-5)
        assert row["train/total"] == pytest.approx(reconstruction + weight * kl, rel=1e-5)
        assert row["validation/reconstruction"] == pytest.approx(validation[number][0], rel=1e-5)
        assert row["validation/kl"] == pytest.approx(validation[number][1], rel=1e-5)
        # At full weight from the first epoch on, whatever the warm-up.
        assert row["validation/total"] == pytest.approx(validation[number][0] + 2 * validation[number][1], rel=1e-5)


def test_rate_of_every_step_follows_the_schedule(workshop, monkeypatch):
    trainer = workshop.trainer(max_epochs=2, learning_rate=0.01)
    rates = []
    run = trainer.step.run
    monkeypatch.setattr(trainer.step, "run", lambda *step: rates.append(step[-1]) or run(*step))
    history = trainer.run().history

    def by_hand(fraction):
        if fraction < 0.25:
            low, high, share = 0.01 / 25, 0.01, fraction / 0.25
        else:
            low, high, share = 0.01, 0.01 / 1000, (fraction - 0.25) / 0.75
        return low + (high - low) * (1 - math.cos(math.pi * share)) / 2

    assert rates == pytest.approx([by_hand(step / 8) for step in range(8)], rel=1e-12)
    assert history.column("learning_rate") == pytest.approx([by_hand(0.5), by_hand(1.0)], rel=1e-12)


def test_schedules():
    assert [SCHEDULES["constant"](fraction) for fraction in (0.0, 0.5, 1.0)] == [1.0, 1.0, 1.0]
    assert SCHEDULES["cosine"](0.0) == 1.0
    assert SCHEDULES["cosine"](0.5) == pytest.approx((1 + 1e-3) / 2)
    assert SCHEDULES["cosine"](1.0) == pytest.approx(1e-3)
    assert one_cycle(0.125) == pytest.approx((1 / 25 + 1) / 2)
    assert [one_cycle(0.0), one_cycle(0.25), one_cycle(1.0)] == pytest.approx([1 / 25, 1.0, 1e-3])


def test_skipped_steps_neither_poison_the_means_nor_count(workshop):
    values = workshop.values(48)
    values[5] = 1e30  # its squared error overflows
    model = workshop.model()
    reconstructions = []
    trainer = workshop.trainer(model, values, max_epochs=1)
    run = trainer.step.run

    def recorded(batch, noise, weights, rate):
        with torch.no_grad():
            reconstructions.append(float(model.loss(batch, noise, weights).parts["reconstruction"]))
        return run(batch, noise, weights, rate)

    trainer.step.run = recorded
    with pytest.warns(match="1 × skipped"):
        row = trainer.run().history.rows[0]
    finite = [value for value in reconstructions if math.isfinite(value)]
    assert len(finite) == 2
    assert row["train/reconstruction"] == pytest.approx(sum(finite) / 32, rel=1e-6)


def test_long_epochs_are_folded_exactly(monkeypatch):
    monkeypatch.setattr("isthmus.training.epoch_means.FOLD", 3)
    means = EpochMeans()
    means.names = ("a", "b")
    for step in range(10):
        means.add([torch.tensor(float(step)), torch.tensor(1e8 + step)], rows=2)
    assert len(means.pending) == 2
    assert means.means() == {
        "a": 45 / 20,
        "b": (10 * 1e8 + sum(float(torch.tensor(1e8 + s)) - 1e8 for s in range(10))) / 20,
    }
    again = EpochMeans()
    again.restore(means.tensors(), means.names, means.rows, torch.device("cpu"))
    assert again.means() == means.means()
    means.clear()
    assert means.means() == {}


def test_events_are_counted_per_epoch_and_survive_json():
    history = History([{"epoch": 1, "train/total": math.inf, "validation/total": math.nan}])
    history.record(1, "clipped", "first")
    history.record(1, "clipped", "second")
    history.record(1, "skipped", "once")
    history.record(2, "clipped", "third")
    assert history.events == [
        {"epoch": 1, "kind": "clipped", "message": "first", "count": 2},
        {"epoch": 1, "kind": "skipped", "message": "once", "count": 1},
        {"epoch": 2, "kind": "clipped", "message": "third", "count": 1},
    ]
    assert history.summary() == "1 × skipped"
    again = History.from_json(json.loads(json.dumps(history.to_json(), allow_nan=False)))
    assert again.events == history.events
    assert again.rows[0]["train/total"] == math.inf
    assert math.isnan(again.rows[0]["validation/total"])
    assert math.isnan(again.column("validation/total")[0])
    with pytest.raises(KeyError, match="no column 'loss'; it has epoch, train/total, validation/total"):
        again.column("loss")
    assert repr(again) == "History(1 epochs, 3 events)"


def test_validation_noise_is_fixed(workshop):
    trainer = workshop.trainer(workshop.vae(), held_out=20)
    first = trainer.held_out.evaluate(trainer.model, {"kl": 1.0})
    trainer.generator.manual_seed(99)
    assert trainer.held_out.evaluate(trainer.model, {"kl": 1.0}) == first
    assert workshop.trainer(workshop.vae(), held_out=20, seed=1).held_out.evaluate(trainer.model, {"kl": 1.0}) != first
    assert first["total"] == pytest.approx(first["reconstruction"] + first["kl"])
