"""What becomes of the parts of a loss: sums, weights, groups, schedules."""

from __future__ import annotations

import math

import torch
from linear_models import known_data, linear_model

from isthmus.components.penalties.kl import KL
from isthmus.core.batch import Batch
from isthmus.core.loss_terms import LossTerms, weighted_total
from isthmus.core.noise import Noise
from isthmus.core.progress import START, Progress
from isthmus.core.schedule import CosineSchedule, CyclicalSchedule, LinearSchedule

from .known_numbers import close, item, values


def losses_are_sums_over_rows() -> None:
    data = known_data(24)
    model = linear_model(data.width, 2)
    noise = Noise(values(24, 2))
    weights = {"kl": 0.3}
    whole = model.loss(Batch(data.rows), noise, weights)
    pieces = [model.loss(Batch(data.rows[s]), noise[s], weights) for s in (slice(0, 5), slice(5, 24))]
    for name, part in whole.parts.items():
        close(item(part), sum(item(piece.parts[name]) for piece in pieces), 1e-12)
    assert (whole.rows, [piece.rows for piece in pieces]) == (24, [5, 19])
    close(item(whole.total), (item(whole.parts["reconstruction"]) + 0.3 * item(whole.parts["kl"])) / 24, 1e-12)
    one = torch.tensor(1.0, dtype=torch.float64)
    close(LossTerms({"a": one, "b": 3 * one}, {"b": 0.5, "a": 1.0}, 4).total, 2.5 / 4, 1e-12)
    close(LossTerms({"a": one, "b": 3 * one}, {"b": 0.5 * one}, 4).total, 2.5 / 4, 1e-12)


def groups_minimise_what_is_theirs() -> None:
    parts = {name: torch.tensor(number, dtype=torch.float64) for name, number in (("a", 1.0), ("b", 3.0), ("c", 5.0))}
    terms = LossTerms(
        parts, {"a": 0.5, "c": 0.0}, 4, group_weights={"critic": {"c": 1.0}, "both": {"a": 2.0, "c": 1.0}}
    )
    close(terms.total, (0.5 + 3) / 4, 1e-12)
    close(terms.total_of("critic"), 5 / 4, 1e-12)
    close(terms.total_of("both"), (2 + 5) / 4, 1e-12)
    close(terms.total_of("decoder"), terms.total, 0)
    close(weighted_total({"a": 1.0, "b": 3.0, "c": 5.0}, {"a": 0.5, "c": 0.0}), 3.5, 1e-12)


def weights_follow_their_schedule() -> None:
    warming = KL(weight=4.0, warmup_epochs=10)
    assert [warming.weight_at(Progress(epoch, 0.1)) for epoch in (0, 2.5, 10, 20)] == [0.0, 1.0, 4.0, 4.0]
    assert KL(weight=2.0).weight_at(START) == 2.0
    settled = [warming.settled(Progress(epoch, 0.1)) for epoch in (9.9, 10, 11)]
    assert settled == [False, True, True]
    model = linear_model(4, 2, beta=3.0)
    assert model.weights(START) == {"kl": 3.0}
    for schedule, wanted in (
        (LinearSchedule(1, 3, until=0.5), [1, 2, 3, 3, 3]),
        (CosineSchedule(0, 4, until=1.0), [0, 2 - math.sqrt(2), 2, 2 + math.sqrt(2), 4]),
        (CyclicalSchedule(0.5, 1.5, cycles=2, ramp=0.5), [0.5, 1.5, 0.5, 1.5, 1.5]),
    ):
        close([schedule.at(share / 4) for share in range(5)], wanted, 1e-12)
        assert KL(weight=schedule).weight_at(Progress(7, 0.25)) == schedule.at(0.25)
        assert KL(weight=schedule).settled(Progress(7, schedule.settles))
        assert not KL(weight=schedule).settled(Progress(7, schedule.settles - 0.01))
        shares = [schedule.settles + (1 - schedule.settles) * step / 8 for step in range(9)]
        assert len({schedule.at(share) for share in shares}) == 1, "settled weights must not change"
