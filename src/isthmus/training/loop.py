"""The training loop: epochs of steps over resident rows, with everything that can go wrong in between."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.errors import TrainingWarning
from isthmus.core.loss_terms import weighted_total
from isthmus.core.noise import Noise
from isthmus.core.progress import END, Progress
from isthmus.core.random import spawn_seeds, torch_generator
from isthmus.core.row_source import RowSource

from . import rescue, saved_run
from .batches import ShuffledBatches
from .callbacks import Callback, EpochEnd, StopRequest
from .checkpoints import CheckpointFolder
from .epoch_means import EpochMeans
from .held_out import HeldOut
from .history import History
from .progress import MARGIN, has_become_worse, has_vanished, is_worse_than_untrained, reference_rows
from .rescue import DivergedError
from .run_state import RunState
from .schedules import SCHEDULES
from .settings import TrainingSettings
from .snapshot import copied, model_part, restore
from .step import OptimiserStep
from .trainable import Trainable

PATIENCE_WITH_SKIPS = 20
EXPLODED = 1e3


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended.

    Attributes
    ----------
    history : History
    epochs : int
        Completed epochs; one that ``max_seconds`` cut short counts.
    stopped : str or None
        Why it ended before ``max_epochs``: "patience", "max_seconds", "callback", the reason of a
        :class:`~isthmus.training.callbacks.StopRequest` or "KeyboardInterrupt".
    """

    history: History
    epochs: int
    stopped: str | None


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

    Attributes
    ----------
    history : History
        The same object throughout, also after a resume.

    Raises
    ------
    DivergenceError
        If the run is lost even after the rate was lowered 10 times; the model then holds the last finite
        parameters.
    ParameterError
        Memory ran out, and a penalty forbids splitting the batches.
    MemoryError
        Memory ran out with single rows.
    ResumeError, ModelFileError
        The checkpoints belong to another run, or none can be read.
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
        self.settings, self.device = settings, device
        self.callbacks = list(callbacks)
        self.checkpoints = checkpoints
        order_seed, held_out_seed, self.layer_seed = spawn_seeds(seed, 3)
        self.generator = torch_generator(order_seed)
        self.noise_generator = self.generator if device.type == "cpu" else torch_generator(order_seed, device)
        self.layer_generator = torch_generator(self.layer_seed, device)
        self.batches = ShuffledBatches(
            model, rows, train_index, settings.batch_size, device, self.generator, self.noise_generator
        )
        self.steps_per_epoch = len(self.batches)
        self.schedule = SCHEDULES[settings.learning_rate_schedule]
        self.full_weights = model.weights(END)
        # Fixed rows with fixed noise. Without held-out rows, some training rows tell whether anything was learnt.
        self.validates = len(validation_index) > 0
        self.seen = reference_rows(train_index)
        index = validation_index if self.validates else self.seen
        noise = model.draw_noise(len(index), torch_generator(held_out_seed, device))
        chunk = settings.batch_size if model.whole_batch_penalties else None
        self.held_out = HeldOut(rows, index, noise, device, settings.precision, chunk)
        self.history = History()
        self.state = RunState()
        self.means = EpochMeans()
        self.step = OptimiserStep(model, settings, device, self.report)
        self.live = self.step.live_tensors()
        self._stop_requests = [callback for callback in self.callbacks if isinstance(callback, StopRequest)]
        self._reseed_layers = False
        self._ready = False
        self._unsaved = False
        self._lost_for_time = False

    # The run

    def run(self) -> TrainingResult:
        """Train until the epochs, the time or the patience are used up."""
        gradients = torch.is_grad_enabled()
        trained, stopped = False, None
        try:
            stopped = self._interruptible()
            trained = True
            self._settle(gradients)
        except BaseException as error:
            # Putting the best parameters back is short, and half of it would be a ruin.
            self._settle(gradients)
            if not (trained and isinstance(error, KeyboardInterrupt)):
                raise
            stopped = "KeyboardInterrupt"
        finally:
            for callback in self.callbacks:
                callback.on_end()
        self._warn()
        return TrainingResult(self.history, self.state.epoch, stopped)

    def _interruptible(self) -> str | None:
        try:
            for callback in self.callbacks:
                callback.on_start(self.settings.max_epochs)
            self._prepare()
            stopped = self._epochs()
        except KeyboardInterrupt:
            if not self._ready:
                raise
            rescue.make_consistent(self)
            stopped = "KeyboardInterrupt"
        try:
            self._save()
        except KeyboardInterrupt:
            if stopped == "KeyboardInterrupt":  # the second one: somebody wants out
                raise
            stopped = "KeyboardInterrupt"
            self._save()
        return stopped

    def _prepare(self) -> None:
        """Take up a saved run, or measure the untrained model."""
        self.model.train()
        self._reseed_layers = self.model.use_generator(self.layer_generator)
        if self.checkpoints is None or not saved_run.resume(self, self.checkpoints):
            measured = self.held_out.evaluate(self.model, self.full_weights)["reconstruction"]
            self.state = RunState(
                reference=measured if math.isfinite(measured) else None,
                untrained=copied(model_part(self.live)),
            )
        self.state = replace(self.state, clock=time.monotonic() - self.state.seconds)
        self._ready = True

    def _epochs(self) -> str | None:
        while True:
            try:
                stopped = self._epochs_until_divergence()
                if stopped in (None, "patience") and self._worse_than_untrained():
                    raise DivergedError("training left the model worse than it began", from_scratch=True)
                self._lost_for_time = stopped == "max_seconds" and self._worse_than_untrained()
                return stopped
            except DivergedError as lost:
                rescue.go_back(self, lost)

    def _epochs_until_divergence(self) -> str | None:
        settings = self.settings
        while self.state.epoch < settings.max_epochs:
            if settings.patience is not None and self.state.epochs_without_gain >= settings.patience:
                return "patience"
            stopped = self._steps()
            # An epoch that ran out of time ends here: the schedule has followed the clock, so it is the best one.
            if stopped is not None and (stopped != "max_seconds" or not self.means.rows):
                return stopped
            self._finish_epoch()
            event = EpochEnd(self.state.epoch, settings.max_epochs, self.history, self.model)
            # A list: every callback is told, also after one asked to stop.
            if any([callback.on_epoch_end(event) for callback in self.callbacks]):  # noqa: C419
                return stopped or "callback"
            if stopped is not None:
                return stopped
        return None

    # An epoch

    def _steps(self) -> str | None:
        """The (remaining) steps of one epoch; a word if the run must stop before its end."""
        self._unsaved = True
        if not self.state.begun:
            self._begin_epoch()
        state, checkpoints = self.state, self.checkpoints
        watched = bool(self._stop_requests) or self.settings.max_seconds is not None
        for batch, noise in self.batches.epoch(done=state.position):
            if watched and (stopped := self._stop_reason()) is not None:
                return stopped
            if checkpoints is not None and checkpoints.due():
                self._save()
                self._unsaved = True
            self._one_step(batch, noise)
            if self.step.skipped_in_a_row > PATIENCE_WITH_SKIPS:
                raise DivergedError(f"{self.step.skipped_in_a_row} gradients in a row were not finite")
        return None

    def _begin_epoch(self) -> None:
        self.means.clear()
        self.state = replace(
            self.state,
            begun=True,
            position=0,
            start=copied(self.live),
            step_at_start=self.step.counters(),
            events_at_start=len(self.history.events),
            generator=self.generator.get_state(),
            noise_generator=self.noise_generator.get_state(),
        )

    def _one_step(self, batch: Batch, noise: Noise | None) -> None:
        state, step = self.state, self.step
        epoch = state.epoch + state.position / self.steps_per_epoch
        progress = self._progress(epoch)
        weights = self.full_weights if self.model.settled(progress) else self.model.weights(progress)
        if self._reseed_layers:
            self.layer_generator.manual_seed(self.layer_seed + state.epoch * self.steps_per_epoch + state.position)
        parts = step.run(batch, noise, weights, self._rate(progress))
        if parts is not None:
            self.means.names = step.part_names
            self.means.add(parts, len(batch))
        state.position += 1
        step.updating = False

    def _progress(self, epoch: float) -> Progress:
        settings = self.settings
        fraction = epoch / settings.max_epochs
        if settings.max_seconds is not None:
            fraction = max(fraction, (time.monotonic() - self.state.clock) / settings.max_seconds)
        return Progress(epoch, min(1.0, fraction))

    def _rate(self, progress: Progress) -> float:
        return self.settings.learning_rate * self.state.rate_factor * self.schedule(progress.fraction)

    def _stop_reason(self) -> str | None:
        for request in self._stop_requests:
            if request.reason is not None:
                return request.reason
        limit = self.settings.max_seconds
        return "max_seconds" if limit is not None and time.monotonic() - self.state.clock >= limit else None

    def _finish_epoch(self) -> None:
        """Measure, compare, and count the epoch; up to the last assignment all of it can be repeated."""
        state = self.state
        epoch = state.epoch + 1
        row = self._training_row(epoch)
        best, best_copies, epochs_without_gain = state.best, state.best_copies, state.epochs_without_gain
        if self.validates:
            measured = self.held_out.evaluate(self.model, self.full_weights)
            if not math.isfinite(
                measured["reconstruction"]
            ):  # a last accepted step may have left finite but absurd weights
                raise DivergedError("the held-out reconstruction is not finite")
            row.update({f"validation/{name}": value for name, value in measured.items()})
            # While weights change, the objective at full weight is not yet what is optimised.
            if self.model.settled(self._progress(epoch)):
                objective = measured["total"]
                if math.isfinite(objective) and (best is None or objective < best):
                    best, best_copies, epochs_without_gain = objective, copied(model_part(self.live)), 0
                else:
                    epochs_without_gain += 1
        seconds = time.monotonic() - state.clock
        self.history.rows.append({"epoch": epoch, **row, "seconds": seconds})
        self.state = replace(
            state,
            epoch=epoch,
            position=0,
            begun=False,
            seconds=seconds,
            best=best,
            best_copies=best_copies,
            epochs_without_gain=epochs_without_gain,
            events_at_start=len(self.history.events),
        )

    def _training_row(self, epoch: int) -> dict[str, float]:
        """The epoch's means; raises DivergedError if they show that the run is lost."""
        means = self.means.means()
        if not means:
            raise DivergedError("no gradient of the epoch was finite")
        progress = self._progress(epoch)
        weights = self.model.weights(progress)
        total = weighted_total(means, weights)
        if self._has_exploded(means["reconstruction"]):
            raise DivergedError(f"the loss exploded to {total:.3g}")
        if self.step.vanished_in_a_row >= self.steps_per_epoch and has_vanished(self.model, self.held_out):
            raise DivergedError("the gradient vanished: the outputs are saturated", from_scratch=True)
        row = {"train/total": total, **{f"train/{name}": value for name, value in means.items()}}
        for name, weight in weights.items():
            row[f"train/{name}_weight" if name in means else f"train/{name}"] = weight
        row["learning_rate"] = self._rate(progress)
        return row

    # When things go wrong

    def _has_exploded(self, loss: float) -> bool:
        """Whether the epoch's loss is out of all proportion, and not just because of a batch that was clipped."""
        reference = self.state.reference or 0.0
        limit = reference + EXPLODED * (abs(reference) + self.held_out.width)
        return (
            not loss <= limit and not self.held_out.evaluate(self.model, self.full_weights)["reconstruction"] <= limit
        )

    def _worse_than_untrained(self) -> bool:
        if not self.history.rows or self.state.reference is None:
            return False
        if self.validates:
            # The best epoch is sought among those at full weight: what an earlier one had reached does not help.
            reached = [row["validation/reconstruction"] for row in self.history.at_full_weight()]
        else:
            reached = [self.held_out.evaluate(self.model, self.full_weights)["reconstruction"]]
        # A run that had to be rescued must have learnt something; others may be short, or go on from a good model.
        margin = 0.0 if self.state.retries else MARGIN * self.held_out.width
        worse = is_worse_than_untrained(reached, self.state.reference, margin)
        if not worse or self.state.retries or not self.validates:
            return worse
        # A few wild rows among those held out prove nothing: what the run has seen must have become worse as well.
        noise = self.model.draw_noise(len(self.seen), torch_generator(self.layer_seed, self.device))
        judge = HeldOut(self.batches.rows, self.seen, noise, self.device, self.settings.precision, self.held_out.chunk)
        live = model_part(self.live)
        return has_become_worse(self.model, live, self.state.untrained, judge, self.full_weights)

    def _settle(self, gradients: bool) -> None:
        """Leave a model that can be used, however the run ended. May be repeated."""
        if self._ready:
            rescue.make_consistent(self)
            if self.state.best_copies is not None:
                restore(self.live, self.state.best_copies)
        self.model.use_generator(None)
        self.model.eval()
        # An interrupt on the threshold of a `with torch.no_grad()` skips its end.
        torch.set_grad_enabled(gradients)

    def report(self, kind: str, message: str) -> None:
        """Record an event of the epoch under way."""
        self.history.record(self.state.epoch + 1, kind, message, since=self.state.events_at_start)

    def _warn(self) -> None:
        """One warning for all that happened; the details stay in the history."""
        summary = self.history.summary()
        if summary is not None:
            message = f"Training had to help itself ({summary}); `history_.events` has the details."
            warnings.warn(message, TrainingWarning, stacklevel=5)
        if self._lost_for_time:
            message = (
                "`max_seconds` ended the run when the model was worse than untrained; use a smaller `learning_rate`."
            )
            warnings.warn(message, TrainingWarning, stacklevel=5)

    def _save(self) -> None:
        if self.checkpoints is not None and self._unsaved:
            self.state.seconds = time.monotonic() - self.state.clock
            saved_run.save(self, self.checkpoints)
            self._unsaved = False
