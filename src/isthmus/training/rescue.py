"""The ways back: from a divergence, and from an interrupt in the middle of a step."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from isthmus.core.errors import DivergenceError

from .snapshot import all_finite, model_part, restore

if TYPE_CHECKING:
    from .loop import Trainer

LOWER_BY = 0.1
MAXIMUM_RETRIES = 10


class DivergedError(Exception):
    """The run is lost at this learning rate. Only the loop sees it: it goes back and lowers the rate.

    Attributes
    ----------
    from_scratch : bool
        The start of the epoch is lost as well: back to the untrained model.
    """

    def __init__(self, reason: str, from_scratch: bool = False) -> None:
        super().__init__(reason)
        self.from_scratch = from_scratch


def go_back(trainer: Trainer, lost: DivergedError) -> None:
    """Lower the rate, and return to the start of the epoch, or of the run where that start is lost too.

    Raises
    ------
    DivergenceError
        The rate has been lowered as often as makes sense. The model holds its last finite parameters.
    """
    trainer.step.updating = True  # an interrupt in here returns to the start of the epoch
    state = trainer.state
    if state.retries >= MAXIMUM_RETRIES:
        _give_up(trainer, lost)
    rate_factor = state.rate_factor * LOWER_BY
    # An epoch that diverges at a lower rate too has inherited parameters that are beyond help.
    from_scratch = lost.from_scratch or state.diverged_epoch == state.epoch
    changes: dict[str, Any] = {
        "diverged_epoch": state.epoch,
        "step_at_start": {**state.step_at_start, "skipped": 0.0, "vanished": 0.0},
    }
    if from_scratch:
        changes = {
            "epoch": 0,
            "diverged_epoch": None,
            "best": None,
            "best_copies": None,
            "epochs_without_gain": 0,
            "start": _untrained_start(trainer),
            "step_at_start": dict.fromkeys(state.step_at_start, 0.0),
        }
    trainer.report(
        "rolled-back",
        f"{lost}; back to the start of epoch {changes.get('epoch', state.epoch) + 1}, learning rate lowered to "
        f"{trainer.settings.learning_rate * rate_factor:.3g}",
    )
    trainer.state = replace(
        state,
        begun=True,
        position=0,
        retries=state.retries + 1,
        rate_factor=rate_factor,
        events_at_start=len(trainer.history.events),
        generator=trainer.generator.get_state(),
        noise_generator=trainer.noise_generator.get_state(),
        **changes,
    )
    return_to_start(trainer)


def return_to_start(trainer: Trainer) -> None:
    """Put everything back to where the epoch under way began, as the run's state has it. May be repeated."""
    state = trainer.state
    state.position = 0
    restore(trainer.live, state.start)
    trainer.step.restore_counters(state.step_at_start)
    trainer.generator.set_state(state.generator)
    trainer.noise_generator.set_state(state.noise_generator)
    trainer.means.clear()
    del trainer.history.rows[state.epoch :]
    events = trainer.history.events
    # A batch that was split stays split.
    events[state.events_at_start :] = [e for e in events[state.events_at_start :] if e["kind"] == "split-batch"]
    trainer.step.updating = False


def make_consistent(trainer: Trainer) -> None:
    """After an interrupt: a step that is only half done is undone, with its epoch. May be repeated."""
    if trainer.step.updating:
        return_to_start(trainer)
    del trainer.history.rows[trainer.state.epoch :]


def _untrained_start(trainer: Trainer) -> dict[str, Tensor]:
    """Model and optimiser as they were before the first step."""
    untrained = trainer.state.untrained
    return {name: untrained.get(name, torch.zeros_like(tensor)) for name, tensor in trainer.live.items()}


def _give_up(trainer: Trainer, lost: DivergedError) -> None:
    state = trainer.state
    kept = state.untrained if lost.from_scratch else state.best_copies or model_part(state.start)
    restore(model_part(trainer.live), kept)
    usable = all_finite(kept) and math.isfinite(
        trainer.held_out.evaluate(trainer.model, trainer.full_weights)["reconstruction"]
    )
    trainer.state = replace(state, best_copies=kept if usable else state.untrained)
    return_to_start(trainer)
    raise DivergenceError(
        f"Training diverged: {lost}; lowering the learning rate {MAXIMUM_RETRIES} times, from "
        f"{trainer.settings.learning_rate:g} to {trainer.settings.learning_rate * state.rate_factor:.3g}, did not "
        "help. The model holds the last finite parameters. Look for extreme values in the data, or use a smaller "
        "`learning_rate`."
    ) from None
