"""A run that was stopped in the middle goes on to the same bits, whatever a model keeps besides its weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus import KL, MLP, VAE, Callback, CyclicalSchedule, GaussianNoise, StopRequest
from isthmus.testing import small_recipe
from isthmus.training.optimiser import Optimiser

X = np.random.default_rng(0).normal(size=(90, 6)).astype(np.float32)

KEPT = {
    "a critic and its optimiser": "factor-vae",
    "a codebook of moving averages": "vq-vae",
    "codebooks that are reset": "residual-vq-vae",
    "the directions of spectral norms": "rae-sn",
    "a capacity that grows": "annealed-beta-vae",
    "other losses for the encoder": "piwae",
    "pseudo-inputs": "vamp-vae",
    "a weight in cycles": "cyclical-vae",
    "damage to the rows": "denoising-autoencoder",
    "random tails of the code": "ordered-autoencoder",
}


class StopAfter(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, event):
        return event.epoch == self.epoch


def run(name, folder=None, **params):
    model = small_recipe(name, max_epochs=4, batch_size=16, random_state=3, checkpoint=folder, **params)
    return model.fit(X)


def assert_same(a, b):
    state = b.module_.state_dict()
    different = [name for name, tensor in a.module_.state_dict().items() if not torch.equal(tensor, state[name])]
    assert different == []
    np.testing.assert_array_equal(a.score_samples(X), b.score_samples(X))
    np.testing.assert_array_equal(a.sample(5, random_state=0), b.sample(5, random_state=0))
    timeless = [[{key: row[key] for key in row if key != "seconds"} for row in model.history_] for model in (a, b)]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize("kept", KEPT)
def test_stopped_after_an_epoch_and_resumed(kept, tmp_path):
    name = KEPT[kept]
    stopped = run(name, tmp_path, callbacks=[StopAfter(2)])
    assert (stopped.stopped_, stopped.n_iter_) == ("callback", 2)
    resumed = run(name, tmp_path)
    assert resumed.n_iter_ == 4
    whole = run(name)
    assert_same(resumed, whole)
    assert not all(
        torch.equal(tensor, whole.module_.state_dict()[key]) for key, tensor in stopped.module_.state_dict().items()
    )


@pytest.mark.parametrize("name", ["factor-vae", "vq-vae", "rae-sn", "annealed-beta-vae", "piwae"])
def test_stopped_in_the_middle_of_an_epoch_and_resumed(name, tmp_path, monkeypatch):
    stop = StopRequest()
    step, calls = Optimiser.step, []

    def patched(self, rate):
        calls.append(1)
        if len(calls) == 9:
            stop.reason = "SIGTERM"
        step(self, rate)

    with monkeypatch.context() as patch:
        patch.setattr(Optimiser, "step", patched)
        stopped = run(name, tmp_path, callbacks=[stop])
    assert stopped.stopped_ == "SIGTERM"
    assert stopped.n_iter_ < 3
    assert_same(run(name, tmp_path), run(name))


def test_everything_at_once_is_resumed(tmp_path):
    """Dropout, batch statistics, damage and a schedule together."""

    def fit(folder=None, **params):
        network = MLP(hidden=(8,), dropout=0.1, normalisation="batch")
        penalties = {"kl": KL(weight=CyclicalSchedule(cycles=2))}
        shared = {"max_epochs": 4, "batch_size": 16, "random_state": 3, "checkpoint": folder, **params}
        return VAE(2, network=network, penalties=penalties, corruption=GaussianNoise(0.1), **shared).fit(X)

    fit(tmp_path, callbacks=[StopAfter(2)])
    assert_same(fit(tmp_path), fit())
