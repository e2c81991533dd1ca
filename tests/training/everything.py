"""A run with all that has a state, and its end compared with another's."""

from __future__ import annotations

import warnings

from isthmus.core.errors import TrainingWarning


class Everything:
    """A run with all that has a state: dropout, batch statistics, shared σ, warm-up, clipped and skipped steps."""

    def __init__(self, workshop, folder=None, **changes):
        values = workshop.values(75)
        values[40] = 1e30  # skipped
        self.model = workshop.vae(dropout=0.2, normalisation="batch", beta=2.0, warmup_epochs=2.5)
        self.trainer = workshop.trainer(
            self.model, values, held_out=11, max_epochs=4, patience=3, learning_rate=0.01, checkpoints=folder, **changes
        )

    def run(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TrainingWarning)
            return self.trainer.run()

    def end(self, workshop):
        return workshop.weights(self.model), workshop.timeless(self.trainer.history)


def assert_same_end(workshop, everything, expected):
    weights, history = everything.end(workshop)
    assert history == expected[1]
    assert workshop.same(weights, expected[0])
