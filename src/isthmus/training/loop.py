"""The training loop: epochs of steps over resident rows, with everything that can go wrong in between."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.errors import DivergenceError, TrainingWarning
from isthmus.core.random import spawn_seeds, torch_generator

from .callbacks import Callback, EpochEnd, StopRequest
from .checkpoints import CheckpointFolder, RunState
from .held_out import HeldOut
from .history import History
from .schedules import SCHEDULES
from .settings import TrainingSettings
from .snapshot import Snapshot
from .step import OptimiserStep
from .trainable import RowSource, Trainable

# Rows are gathered for several steps at once: one large copy is cheaper than many small ones.
CHUNK_BYTES = 8 << 20
PATIENCE_WITH_SKIPS = 20
LOWER_BY = 0.1
MAXIMUM_RETRIES = 8
EXPLODED = 1e3
NO_BETTER = 0.05


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes
    ----------
    history : History
    epochs : int
        Completed epochs.
    stopped : str or None
        Why it ended before ``max_epochs``: "patience", "max_seconds", "callback", a signal's name or
        "KeyboardInterrupt".
    """

    history: History
    epochs: int
    stopped: str | None


class _Diverged(Exception):
    """The run became non-finite or exploded; the loop rolls back."""


class Trainer:
    """Trains one model once.

    Parameters
    ----------
    model : Trainable
        Changed in place: afterwards it holds the best parameters seen on the held-out rows (the last ones without).
    rows : RowSource
    train_index, validation_index : Tensor of int64; ``validation_index`` may be empty
        Positions in ``rows``.
    settings : TrainingSettings
    seed : int
    device : torch.device
    callbacks : sequence of Callback
    checkpoints : CheckpointFolder, optional
        Where the run is saved, and resumed from.

    Raises
    ------
    DivergenceError
        If the run stays non-finite after the rate was lowered 8 times; the model then holds the last finite
        parameters.
    """

    def __init__(
        self,
        model: Trainable,
        rows: RowSource,
        train_index: Tensor,
        validation_index: Tensor,
        settings: TrainingSettings,
        seed: int,
        device: torch.device,
        callbacks: Sequence[Callback] = (),
        checkpoints: CheckpointFolder | None = None,
    ) -> None:
        self.model = model.to(device)
        self.rows, self.train_index = rows, train_index
        self.settings, self.device = settings, device
        self.callbacks = list(callbacks)
        self.checkpoints = checkpoints
        order_seed, held_out_seed, layer_seed = spawn_seeds(seed, 3)
        self.generator = torch_generator(order_seed)
        self.noise_generator = self.generator if device.type == "cpu" else torch_generator(order_seed, device)
        self.layer_seed = layer_seed
        self.layer_generator = torch_generator(layer_seed, device)
        self.random_layers = model.use_generator(self.layer_generator)
        self.step = OptimiserStep(model, settings, device, self._report)
        self.batch_size = settings.batch_size
        self.steps_per_epoch = math.ceil(len(train_index) / self.batch_size)
        self.schedule = SCHEDULES[settings.learning_rate_schedule]
        self.held_out = None
        if len(validation_index):
            noise = model.draw_noise(len(validation_index), torch_generator(held_out_seed, device))
            self.held_out = HeldOut(rows, validation_index, noise, device, settings.precision)
        self.state = RunState()
        self.epoch_start = Snapshot(self.step.live_tensors())
        self.best = Snapshot({f"model.{name}": tensor for name, tensor in model.state_dict().items()})
        self._sums: list[Tensor] = []
        self._part_names: list[str] = []

    # The run

    def run(self) -> TrainingResult:
        """Train until the epochs, the time or the patience are used up."""
        for callback in self.callbacks:
            callback.on_start(self.settings.max_epochs)
        self.model.train()
        stopped: str | None = None
        try:
            if self.checkpoints is not None:
                self._resume()
            self.state.clock = time.monotonic() - self.state.seconds
            if self.state.initial is None:
                self.state.initial = self._reference()
            stopped = self._epochs()
        except KeyboardInterrupt:
            stopped = "KeyboardInterrupt"
            self._make_consistent()
            if self.checkpoints is not None:
                self._save()
        finally:
            for callback in self.callbacks:
                callback.on_end()
            self.model.use_generator(None)
        if self.state.best is not None:
            self.best.restore()
        self.model.eval()
        self._summarise_events()
        return TrainingResult(self.state.history, self.state.epoch, stopped)

    def _epochs(self) -> str | None:
        while True:
            try:
                stopped = self._epochs_until_divergence()
                if stopped is None and self._no_better_than_untrained():
                    raise _Diverged("training left the model no better than it began")
                return stopped
            except _Diverged as reason:
                self._roll_back(str(reason))

    def _epochs_until_divergence(self) -> str | None:
        state, settings = self.state, self.settings
        while state.epoch < settings.max_epochs:
            stopped = self._steps()
            if stopped is not None:
                return stopped
            self._finish_epoch()
            if any([callback.on_epoch_end(self._event()) for callback in self.callbacks]):
                return "callback"
            if settings.patience is not None and state.epochs_without_gain > settings.patience:
                return "patience"
            if self.checkpoints is not None and self.checkpoints.due():
                self._save()
        if self.checkpoints is not None:
            self._save()
        return None

    def _steps(self) -> str | None:
        """The (remaining) steps of one epoch; a word if the run must stop before its end."""
        state = self.state
        if state.position == 0:
            state.generator = self.generator.get_state()
            state.noise_generator = self.noise_generator.get_state()
            self.epoch_start.take()
            state.guard_at_start = self.step.guard.state()
            self._sums = []
        for position, batch, noise in self._batches():
            if position < state.position:  # resumed in the middle of an epoch: the draws are repeated, not the steps
                continue
            stopped = self._stop_reason()
            if stopped is not None:
                if self.checkpoints is not None:
                    self._save()
                return stopped
            self._one_step(batch, noise)
            state.position += 1
        return None

    def _one_step(self, batch: Batch, noise: Tensor | None) -> None:
        state = self.state
        weights = self.model.weights(state.epoch + state.position / self.steps_per_epoch)
        if self.random_layers:
            self.layer_generator.manual_seed(self.layer_seed + state.epoch * self.steps_per_epoch + state.position)
        self._sums.extend(self.step.run(batch, noise, weights, self._rate()))
        if self.step.skipped_in_a_row > PATIENCE_WITH_SKIPS:
            raise _Diverged(f"{self.step.skipped_in_a_row} gradients in a row were not finite")

    def _batches(self) -> Iterator[tuple[int, Batch, Tensor | None]]:
        order = self.train_index[torch.randperm(len(self.train_index), generator=self.generator)]
        row_bytes = max(1, self.rows.take(order[:1]).nbytes)
        chunk = self.batch_size * max(1, CHUNK_BYTES // (row_bytes * self.batch_size))
        position = 0
        for start in range(0, len(order), chunk):
            index = order[start : start + chunk]
            noise = self.model.draw_noise(len(index), self.noise_generator)
            if position + math.ceil(len(index) / self.batch_size) <= self.state.position:
                position += math.ceil(len(index) / self.batch_size)
                continue
            rows = self.rows.take(index).to(self.device)
            for offset in range(0, len(index), self.batch_size):
                piece = slice(offset, offset + self.batch_size)
                yield position, rows.rows(piece), None if noise is None else noise[piece]
                position += 1

    def _rate(self) -> float:
        state, settings = self.state, self.settings
        fraction = (state.epoch + state.position / self.steps_per_epoch) / settings.max_epochs
        if settings.max_seconds is not None:
            fraction = max(fraction, (time.monotonic() - state.clock) / settings.max_seconds)
        return settings.learning_rate * state.rate_factor * self.schedule(min(1.0, fraction))

    def _stop_reason(self) -> str | None:
        for callback in self.callbacks:
            if isinstance(callback, StopRequest) and callback.reason is not None:
                return callback.reason
        limit = self.settings.max_seconds
        if limit is not None and time.monotonic() - self.state.clock >= limit:
            return "max_seconds"
        return None

    # The end of an epoch

    def _finish_epoch(self) -> None:
        state = self.state
        weights = self.model.weights(state.epoch + 1)
        row = self._training_means(weights)
        row["learning_rate"] = self._rate()
        state.epoch += 1
        state.position = 0
        initial = state.initial or 0.0
        if not math.isfinite(row["train/total"]) or row["train/reconstruction"] > initial + EXPLODED * (
            abs(initial) + 1
        ):
            raise _Diverged(f"the loss exploded to {row['train/total']:.3g}")
        if self.held_out is not None:
            measured = self.held_out.evaluate(self.model, self.model.weights(math.inf))
            row.update({f"validation/{name}": value for name, value in measured.items()})
            self._compare(measured["total"])
        state.seconds = time.monotonic() - state.clock
        row["seconds"] = state.seconds
        state.history.rows.append({"epoch": state.epoch, **row})

    def _training_means(self, weights: dict[str, float]) -> dict[str, float]:
        names = ["reconstruction", *weights]
        steps = torch.stack(self._sums).double().reshape(-1, len(names)).cpu()
        means = (steps.sum(0) / len(self.train_index)).tolist()
        row = {f"train/{name}": value for name, value in zip(names, means, strict=True)}
        row["train/total"] = means[0] + sum(
            weights[name] * value for name, value in zip(names[1:], means[1:], strict=True)
        )
        row.update({f"train/{name}_weight": weight for name, weight in weights.items()})
        self._sums = []
        return row

    def _compare(self, objective: float) -> None:
        """Keep the best parameters; during warm-up the objective is not yet what is optimised."""
        state = self.state
        if state.epoch < self.model.warmup:
            return
        if state.best is None or objective < state.best:
            state.best = objective
            state.epochs_without_gain = 0
            self.best.take()
        else:
            state.epochs_without_gain += 1

    def _event(self) -> EpochEnd:
        return EpochEnd(self.state.epoch, self.settings.max_epochs, self.state.history, self.model)

    # When things go wrong

    def _reference(self) -> float:
        """The reconstruction loss before the first step, in nats per row."""
        weights = self.model.weights(math.inf)
        if self.held_out is not None:
            return self.held_out.evaluate(self.model, weights)["reconstruction"]
        index = self.train_index[: self.batch_size]
        noise = self.model.draw_noise(len(index), torch_generator(0, self.device))
        return HeldOut(self.rows, index, noise, self.device, self.settings.precision).evaluate(self.model, weights)[
            "reconstruction"
        ]

    def _no_better_than_untrained(self) -> bool:
        history, initial = self.state.history, self.state.initial
        if not history.rows or initial is None or self.state.retries >= MAXIMUM_RETRIES:
            return False
        name = "validation/reconstruction" if self.held_out is not None else "train/reconstruction"
        reached = min(row[name] for row in history.rows)
        return reached > initial + NO_BETTER * abs(initial)

    def _roll_back(self, reason: str) -> None:
        state = self.state
        self.epoch_start.restore()
        state.retries += 1
        if state.retries > MAXIMUM_RETRIES:
            if state.best is not None:
                self.best.restore()
            raise DivergenceError(
                f"Training diverged: {reason}; lowering the learning rate {MAXIMUM_RETRIES} times, from "
                f"{self.settings.learning_rate:g} to {self.settings.learning_rate * state.rate_factor:.3g}, did not "
                "help. The model holds the last finite parameters. Look for extreme values in the data, or use a "
                "smaller `learning_rate`."
            )
        state.rate_factor *= LOWER_BY
        self.step.guard.restore(state.guard_at_start)
        self.step.skipped_in_a_row = 0
        if state.position == 0 and state.epoch > 0:  # the epoch had ended: repeat it
            state.epoch -= 1
            state.history.rows = [row for row in state.history.rows if row["epoch"] <= state.epoch]
        state.position = 0
        self._report(
            "rolled-back",
            f"{reason}; back to the start of epoch {state.epoch + 1}, learning rate lowered to "
            f"{self.settings.learning_rate * state.rate_factor:.3g}",
        )

    def _make_consistent(self) -> None:
        """After an interrupt: if it struck within an update, return to the start of the epoch."""
        if self.step.updating:
            self.epoch_start.restore()
            self.step.guard.restore(self.state.guard_at_start)
            self.step.updating = False
            self.state.position = 0
            self._sums = []

    def _report(self, kind: str, message: str) -> None:
        self.state.history.events.append({"epoch": self.state.epoch + 1, "kind": kind, "message": message})

    def _summarise_events(self) -> None:
        """One warning for all that happened; the details stay in the history."""
        counts: dict[str, int] = {}
        for event in self.state.history.events:
            counts[event["kind"]] = counts.get(event["kind"], 0) + 1
        told = [f"{count} × {kind}" for kind, count in counts.items() if kind != "clipped"]
        if told:
            warnings.warn(
                f"Training had to help itself ({', '.join(told)}); `history_.events` has the details.",
                TrainingWarning,
                stacklevel=4,
            )

    # Checkpoints

    def _resume(self) -> None:
        found = self.checkpoints.load() if self.checkpoints is not None else None
        if found is None:
            return
        manifest, tensors = found
        self.epoch_start.restore_from(tensors, "start.")
        self.best.restore_from(tensors, "best.", copies_only=True)
        with torch.no_grad():
            for name, tensor in self.step.live_tensors().items():
                tensor.copy_(tensors[f"live.{name}"])
        self.state = RunState.from_saved(manifest, tensors)
        self.step.guard.restore(manifest["guard"])
        self.step.splits = int(manifest["splits"])
        self.step.skipped_in_a_row = int(manifest["skipped_in_a_row"])
        self._sums = list(tensors["sums"].to(self.device).unbind()) if tensors["sums"].numel() else []
        # An unfinished epoch begins again with the draws it began with.
        self.generator.set_state(tensors["generator.now"] if self.state.position == 0 else self.state.generator)
        self.noise_generator.set_state(
            tensors["noise_generator.now"] if self.state.position == 0 else self.state.noise_generator
        )

    def _save(self) -> None:
        if self.checkpoints is None:
            return
        state = self.state
        state.seconds = time.monotonic() - state.clock
        tensors = {f"live.{name}": tensor for name, tensor in self.step.live_tensors().items()}
        tensors.update({f"start.{name}": tensor for name, tensor in self.epoch_start.copies.items()})
        tensors.update({f"best.{name}": tensor for name, tensor in self.best.copies.items()})
        tensors["sums"] = torch.stack(self._sums) if self._sums else torch.empty(0)
        tensors["generator.start"], tensors["generator.now"] = state.generator, self.generator.get_state()
        tensors["noise_generator.start"] = state.noise_generator
        tensors["noise_generator.now"] = self.noise_generator.get_state()
        manifest: dict[str, Any] = state.to_json()
        manifest["guard"] = self.step.guard.state()
        manifest["splits"], manifest["skipped_in_a_row"] = self.step.splits, self.step.skipped_in_a_row
        self.checkpoints.save(manifest, tensors)
