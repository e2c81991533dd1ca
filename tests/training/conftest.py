"""Small models and runs that tests of the training layer share."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from isthmus.components.networks.mlp import MLP
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator
from isthmus.models.defaults import Parts, complete
from isthmus.training import guard
from isthmus.training.checkpoints import CheckpointFolder
from isthmus.training.loop import Trainer
from isthmus.training.settings import TrainingSettings

from .everything import Everything

CPU = torch.device("cpu")


class TensorRows:
    """Rows that are held in one tensor."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def take(self, index):
        return Batch(self.values).rows(index)


class Workshop:
    """Makes data, models and trainers; what a test does not name is small and plain."""

    settings = TrainingSettings(
        max_epochs=3,
        max_seconds=None,
        batch_size=16,
        learning_rate=3e-3,
        learning_rate_schedule="one-cycle",
        patience=None,
    )

    def values(self, rows=60, width=5, seed=0):
        basis = torch.randn(2, width, generator=torch_generator(7))
        noise = 0.1 * torch.randn(rows, width, generator=torch_generator(seed + 1))
        return torch.randn(rows, 2, generator=torch_generator(seed)) @ basis + noise

    def model(self, width=5, seed=0, kind="continuous", hidden=(8,), dropout=0.0, normalisation="none", **parts):
        network = MLP(hidden=hidden, dropout=dropout, normalisation=normalisation)
        block = Block(kind, 0, width, (width,))
        return complete(Parts(latent_dim=2, network=network, **parts), [block]).build([block], torch_generator(seed))

    def vae(self, **parts):
        return self.model(stochastic=True, squared_error=False, **parts)

    def trainer(self, model=None, values=None, held_out=0, callbacks=(), checkpoints=None, seed=0, **settings):
        values = self.values() if values is None else values
        index = torch.arange(len(values))
        split = len(values) - held_out
        return Trainer(
            self.model() if model is None else model,
            TensorRows(values),
            index[:split],
            index[split:],
            replace(self.settings, **settings),
            seed,
            CPU,
            callbacks,
            checkpoints,
        )

    def folder(self, path, identity=None, every_seconds=1e9, accept_mismatch=False):
        folder = CheckpointFolder(path, every_seconds, accept_mismatch)
        folder.identity = {"data": "abc"} if identity is None else identity
        return folder

    def weights(self, model):
        return {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def same(self, a, b):
        return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)

    def timeless(self, history):
        """A history without the one column that no two runs share."""
        rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]
        return rows, history.events


@pytest.fixture
def workshop():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Workshop()
    torch.set_num_threads(threads)


@pytest.fixture
def uninterrupted(workshop, monkeypatch):
    monkeypatch.setattr(guard, "SETTLE", 1)
    monkeypatch.setattr(guard, "SPIKE", 1.3)
    everything = Everything(workshop)
    assert everything.run().stopped is None
    weights, (rows, events) = everything.end(workshop)
    assert len(rows) == 4
    assert {event["kind"] for event in events} == {"clipped", "skipped"}
    return weights, (rows, events)
