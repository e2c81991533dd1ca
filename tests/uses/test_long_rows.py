"""Rows of very many features go through the model a few at a time wherever nothing else says how many."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator
from isthmus.core.rows_at_once import rows_at_once
from isthmus.estimators.fitting import FIRST_CELLS, FIRST_ROWS
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete
from isthmus.training import held_out
from isthmus.training.held_out import HeldOut
from isthmus.training.settings import resolve_batch_size
from isthmus.uses import calibration

SHAPE = (64, 64, 3)
WIDTH = math.prod(SHAPE)


class Held:
    """Rows in memory, as a source that counts what is taken."""

    def __init__(self, values: torch.Tensor) -> None:
        self.values, self.taken = values, []

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: slice | torch.Tensor) -> Batch:
        batch = Batch(self.values[index])
        self.taken.append(len(batch))
        return batch


@pytest.fixture(scope="module")
def model() -> ComposedAutoencoder:
    block = Block("unit-interval", 0, WIDTH, SHAPE, step=1 / 255, variance=0.1)
    parts = Parts(latent_dim=2, network=MLP(hidden=(2,)), stochastic=True, squared_error=False)
    built = complete(parts, [block]).build([block], torch_generator(0))
    built.scale.fill_(1 / 255)
    return built


def pixels(n: int) -> torch.Tensor:
    return torch.randint(0, 256, (n, WIDTH), dtype=torch.uint8, generator=torch_generator(1))


@pytest.mark.parametrize(("side", "batch"), [(28, 128), (64, 128), (128, 128), (256, 32), (300, 16), (1024, 8)])
def test_batches_of_large_images_are_small(side: int, batch: int) -> None:
    assert resolve_batch_size("auto", 60_000, side * side * 3) == batch
    assert resolve_batch_size("auto", 5, side * side * 3) == 5
    assert resolve_batch_size(100, 60_000, side * side * 3) == 100


def test_held_out_rows_are_measured_a_few_at_a_time(
    model: ComposedAutoencoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, seen = Held(pixels(400)), []
    index, weights = torch.arange(400), {"kl": 1.0}
    loss = ComposedAutoencoder.loss

    def counted(self: ComposedAutoencoder, batch: Batch, *rest: object) -> object:
        seen.append(len(batch))
        return loss(self, batch, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ComposedAutoencoder, "loss", counted)
    noise = model.draw_noise(400, torch_generator(2))
    few = HeldOut(rows, index, noise, torch.device("cpu"), "float32")
    assert few.chunk == 341
    found = few.evaluate(model, weights)
    assert seen == [341, 59]
    whole = HeldOut(rows, index, noise, torch.device("cpu"), "float32", chunk=400)
    assert whole.evaluate(model, weights)["total"] == pytest.approx(found["total"], rel=1e-5)
    assert seen == [341, 59, 400]
    # What does not fit is not kept, but taken again.
    monkeypatch.setattr(held_out, "RESIDENT_BYTES", 399 * WIDTH)
    rows.taken.clear()
    HeldOut(rows, index, noise, torch.device("cpu"), "float32").evaluate(model, weights)
    assert rows.taken == [1, 341, 59]


def test_calibration_draws_long_rows_less_often(model: ComposedAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows_at_once(calibration.DRAWN_ROWS, WIDTH, calibration.DRAWN_CELLS) == 1365
    assert rows_at_once(calibration.DRAWN_ROWS, 28 * 28, calibration.DRAWN_CELLS) == 20_000
    monkeypatch.setattr(calibration, "DRAWN_CELLS", 360 * WIDTH)
    rows = Held(pixels(50))
    calibration.calibrate_likelihood(model, rows, torch.arange(50), 0)
    assert rows.taken == [341, 59]


def test_the_first_look_takes_pieces(model: ComposedAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    hook = model.encoder.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    model.begin(Batch(pixels(400)), 400, torch_generator(0))
    hook.remove()
    assert seen == [341, 59]
    assert rows_at_once(FIRST_ROWS, WIDTH, FIRST_CELLS) == 2048
    assert rows_at_once(FIRST_ROWS, 256 * 256 * 3, FIRST_CELLS) == 682


def test_there_is_always_one_row() -> None:
    assert rows_at_once(4096, 10**9) == 1
    assert rows_at_once(4096, 0) == 4096
    assert np.all([rows_at_once(n, 1) == n for n in (1, 7)])
