"""Where a run stands: everything that an interrupt, a divergence or another process must find again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Copies = dict[str, Tensor]


def _no_state() -> Tensor:
    return torch.empty(0, dtype=torch.uint8)


@dataclass
class RunState:
    """A run between two steps.

    Only :attr:`position` is changed in place. Every other change makes a new state (``dataclasses.replace``), and
    assigning it is one indivisible act: an interrupt finds the old state or the new one, never half of it.

    Attributes
    ----------
    epoch : int
        Completed epochs.
    position : int
        Completed steps of the epoch under way.
    begun : bool
        The epoch under way has drawn from the generators: going on with it means drawing again from where it began.
    seconds : float
        Training time of completed work; ``clock`` is when that time began to run in this process.
    reference : float or None
        The reconstruction loss before the first step, in nats per row; None if it was not finite.
    diverged_epoch : int or None
        The epoch (from 0) that diverged last: if it does so again, the run begins anew.
    best : float or None
        The least held-out objective so far, reached with ``best_copies``.
    start : dict of str to Tensor
        Model and optimiser as they were when the epoch under way began; ``untrained`` the model before the first.
    generator, noise_generator : Tensor
        The generators' states when the epoch under way began; ``step_at_start`` the guard's and the counters'.
    events_at_start : int
        How many events had been recorded when it began.
    """

    epoch: int = 0
    position: int = 0
    begun: bool = False
    seconds: float = 0.0
    clock: float = 0.0
    reference: float | None = None
    best: float | None = None
    epochs_without_gain: int = 0
    rate_factor: float = 1.0
    retries: int = 0
    diverged_epoch: int | None = None
    events_at_start: int = 0
    step_at_start: dict[str, float] = field(default_factory=dict)
    start: Copies = field(default_factory=dict)
    best_copies: Copies | None = None
    untrained: Copies = field(default_factory=dict)
    generator: Tensor = field(default_factory=_no_state)
    noise_generator: Tensor = field(default_factory=_no_state)

    def to_json(self) -> dict[str, Any]:
        """The plain values, JSON-ready."""
        return {name: getattr(self, name) for name in _PLAIN}

    @classmethod
    def from_json(cls, manifest: Mapping[str, Any]) -> RunState:
        """The plain values that :meth:`to_json` gave; raises KeyError if one is missing."""
        return cls(**{name: manifest[name] for name in _PLAIN})


_PLAIN = (
    "epoch",
    "position",
    "begun",
    "seconds",
    "reference",
    "best",
    "epochs_without_gain",
    "rate_factor",
    "retries",
    "diverged_epoch",
    "events_at_start",
    "step_at_start",
)
