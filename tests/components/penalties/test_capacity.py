"""Capacity: the distance of the mean divergence from a scheduled target."""

from __future__ import annotations

import pytest
import torch

from isthmus.components.penalties.capacity import Capacity
from isthmus.core.batch import Batch
from isthmus.core.progress import END, START, Progress
from isthmus.core.schedule import LinearSchedule
from isthmus.distributions import DiagonalNormal
from isthmus.testing.examples import WIDTH, example_model, example_rows

# The rows' divergences are 0.5 and 4.5 nats, 2.5 on average.
MEAN = torch.tensor([[1.0, 0.0], [0.0, 3.0]], dtype=torch.float64)


@pytest.mark.parametrize(("target", "wanted"), [(0.0, 2.5), (1.0, 1.5), (2.5, 0.0), (4.0, 1.5)])
def test_value_is_rows_times_the_distance_of_the_mean(target: float, wanted: float) -> None:
    posterior = DiagonalNormal(MEAN, torch.zeros_like(MEAN))
    found = example_model(True).pass_of(posterior, Batch(torch.zeros(2, WIDTH, dtype=torch.float64)), None)
    assert float(Capacity().value(found, None, {"target": target})) == pytest.approx(2 * wanted, abs=1e-14)
    assert float(Capacity(capacity=target).value(found)) == pytest.approx(2 * wanted, abs=1e-14)
    grown = Capacity(capacity=LinearSchedule(9.0, target))
    assert float(grown.value(found)) == pytest.approx(2 * wanted, abs=1e-14)


def test_the_target_follows_its_schedule_into_the_loss() -> None:
    model = example_model(True, {"kl": Capacity(capacity=LinearSchedule(0.0, 20.0, until=0.5))})
    batch, noise = example_rows(model)
    halfway = model.weights(Progress(epoch=1.0, fraction=0.25))
    assert halfway == {"kl": 1000.0, "kl.target": 10.0}
    assert model.weights(END)["kl.target"] == 20.0
    at_start = float(model.loss(batch, noise, model.weights(START)).parts["kl"].detach())
    rate = at_start / len(batch)  # the target is 0 there
    assert 0 < rate < 10
    assert float(model.loss(batch, noise, halfway).parts["kl"].detach()) == pytest.approx(
        len(batch) * (10 - rate), rel=1e-12
    )


def test_it_settles_with_the_later_of_its_schedules() -> None:
    early, late = Progress(1.0, 0.3), Progress(2.0, 0.5)
    assert not Capacity().settled(early)
    assert Capacity().settled(late)
    assert Capacity(capacity=3.0).settled(START)
    waiting = Capacity(weight=LinearSchedule(0.0, 1.0, until=0.8))
    assert not waiting.settled(late)
    assert waiting.settled(END)


def test_too_small_a_code_is_asked_to_tell_more() -> None:
    mean = MEAN.clone().requires_grad_()
    posterior = DiagonalNormal(mean, torch.zeros_like(mean))
    found = example_model(True).pass_of(posterior, Batch(torch.zeros(2, WIDTH, dtype=torch.float64)), None)
    Capacity().value(found, None, {"target": 4.0}).backward()
    torch.testing.assert_close(mean.grad, -MEAN)


def test_the_target_may_be_a_tensor() -> None:
    """As a compiled step hands it over."""
    model = example_model(True, {"kl": Capacity(capacity=2.0)})
    batch, noise = example_rows(model)
    plain = model.loss(batch, noise, model.weights(END))
    weights = {name: torch.tensor(value) for name, value in model.weights(END).items()}
    torch.testing.assert_close(model.loss(batch, noise, weights).total, plain.total)
