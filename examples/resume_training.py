"""A run that is stopped in the middle and goes on later, to the same bits as one that was never stopped."""

import tempfile

import numpy as np
from sklearn.datasets import load_breast_cancer

from isthmus import VAE, Checkpoint, StopRequest
from isthmus.training.callbacks import EpochEnd


class StopAfter(StopRequest):
    """Ask for a stop after some epochs, as a signal or a button would."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, event: EpochEnd) -> None:
        if event.epoch == self.epochs:
            self.reason = "the example's own wish"


X = load_breast_cancer().data
settings = {"latent_dim": 5, "max_epochs": 20, "random_state": 0}

with tempfile.TemporaryDirectory() as folder:
    checkpoint = Checkpoint(folder, every_seconds=30)
    first = VAE(**settings, checkpoint=checkpoint, callbacks=[StopAfter(7)]).fit(X)
    print(f"stopped by {first.stopped_} after {first.n_iter_} of {settings['max_epochs']} epochs")
    resumed = VAE(**settings, checkpoint=checkpoint).fit(X)

uninterrupted = VAE(**settings).fit(X)
print(f"resumed run: {resumed.n_iter_} epochs, score {resumed.score(X):.6f}")
print(f"uninterrupted run: {uninterrupted.n_iter_} epochs, score {uninterrupted.score(X):.6f}")

identical = np.array_equal(resumed.transform(X), uninterrupted.transform(X))
print(f"the same codes, bit for bit: {identical}")
