"""How a run is trained: plain numbers, resolved from "auto" once the rows are counted."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

# How many optimiser steps a run takes when the user does not say: enough for small data, a few epochs of large data.
STEPS = 2000
MINIMUM_EPOCHS = 4
MAXIMUM_EPOCHS = 400
# What a batch may hold unless the user says otherwise: the maps of convolutions take some fifty times as much.
BATCH_CELLS = 1 << 23


@dataclass(frozen=True)
class TrainingSettings:
    """Resolved settings of one run.

    Attributes
    ----------
    max_epochs : int
    max_seconds : float or None
        Stop after this much training time, whatever the epoch; the learning-rate schedule then follows the clock.
    batch_size : int
    learning_rate : float
        The peak of the schedule.
    learning_rate_schedule : str
        "one-cycle", "cosine" or "constant".
    patience : int or None
        Stop after this many epochs without a better held-out objective (never during warm-up).
    precision : str
        "float32" or "bfloat16" (matrix products under autocast).
    compile : bool
    """

    max_epochs: int
    max_seconds: float | None
    batch_size: int
    learning_rate: float
    learning_rate_schedule: str
    patience: int | None
    precision: str = "float32"
    compile: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict, which a checkpoint compares."""
        return asdict(self)


def resolve_batch_size(batch_size: int | str, rows: int, width: int = 1) -> int:
    """The default batch: 32 rows for small data, growing with the square root of n up to 128.

    Quality comes with steps, not with rows: on MNIST batches of 128 reach an error in less time than batches of 256.
    Rows of very many features (``width``) make smaller ones: 32 images of 256 × 256 × 3, but never fewer than 8.

    >>> [resolve_batch_size("auto", n) for n in (100, 1_347, 60_000, 1_000_000)]
    [32, 64, 128, 128]
    >>> [resolve_batch_size("auto", 60_000, side * side * 3) for side in (64, 128, 256, 512)]
    [128, 128, 32, 8]
    """
    if batch_size != "auto":
        return min(int(batch_size), rows)
    wanted = 2 ** round(math.log2(max(32.0, min(128.0, 1.5 * math.sqrt(rows)))))
    affordable = max(8, 1 << (BATCH_CELLS // max(1, width)).bit_length() - 1)
    return min(wanted, affordable, rows)


def resolve_epochs(max_epochs: int | str, rows: int, batch_size: int) -> int:
    """The default number of epochs: about 2,000 steps, but at least 4 and at most 400 epochs.

    >>> [resolve_epochs("auto", n, resolve_batch_size("auto", n)) for n in (100, 1_347, 60_000, 1_000_000)]
    [400, 91, 5, 4]
    """
    if max_epochs != "auto":
        return int(max_epochs)
    steps_per_epoch = math.ceil(rows / batch_size)
    return max(MINIMUM_EPOCHS, min(MAXIMUM_EPOCHS, math.ceil(STEPS / steps_per_epoch)))


def resolve_patience(patience: int | str | None, max_epochs: int) -> int | None:
    """The default patience: a quarter of the epochs, at least 10."""
    if patience is None or not isinstance(patience, str):
        return patience
    return max(10, max_epochs // 4)
