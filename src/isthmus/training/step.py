"""One optimiser step: loss, gradient, guard, update; split into micro-batches when memory is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.errors import ParameterError
from isthmus.core.loss_terms import LossTerms, Weight

from .devices import autocast, is_out_of_memory
from .guard import SpikeGuard
from .optimiser import Optimiser
from .settings import TrainingSettings
from .trainable import Trainable

Report = Callable[[str, str], None]


class OptimiserStep:
    """Runs steps on a model and remembers what the guard did.

    Attributes
    ----------
    part_names : tuple of str
        The loss parts, in the order in which :meth:`run` returns them; known after the first step.
    splits : int
        Into how many micro-batches a batch is divided; doubled when memory runs out.
    skipped_in_a_row, vanished_in_a_row : int
        How many of the last steps had a gradient that was not finite, or exactly zero.
    updating : bool
        Set when a step begins to change anything (guard, counters, optimiser, parameters, buffers); the loop clears it
        when it has counted the step. An interrupt at any other moment leaves a consistent run.
    """

    def __init__(self, model: Trainable, settings: TrainingSettings, device: torch.device, report: Report) -> None:
        self.model = model
        self.settings = settings
        self.device = device
        self.report = report
        self.guard = SpikeGuard()
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimiser = Optimiser(self.parameters, settings.learning_rate)
        self.part_names: tuple[str, ...] = ()
        self.splits = 1
        self.skipped_in_a_row = 0
        self.vanished_in_a_row = 0
        self.updating = False
        self._loss = _compiled(model, settings, device) if settings.compile else model.loss

    def live_tensors(self) -> dict[str, Tensor]:
        """Every tensor that a step may change, by name: model and optimiser."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        tensors.update({f"optimiser.{name}": tensor for name, tensor in self.optimiser.state_tensors().items()})
        return tensors

    def counters(self) -> dict[str, float]:
        """What the guard and the counters know, JSON-ready."""
        return {**self.guard.state(), "skipped": self.skipped_in_a_row, "vanished": self.vanished_in_a_row}

    def restore_counters(self, state: Mapping[str, float]) -> None:
        """What :meth:`counters` gave."""
        self.guard.restore(state)
        self.skipped_in_a_row, self.vanished_in_a_row = int(state["skipped"]), int(state["vanished"])

    def run(
        self, batch: Batch, noise: Tensor | None, weights: Mapping[str, Weight], rate: float
    ) -> list[Tensor] | None:
        """One step; returns the detached loss parts as sums over the rows, or None if the step was skipped."""
        while True:
            self.optimiser.forget_gradients()
            try:
                parts, updates = self._gradient(batch, noise, weights)
                break
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._split_further(batch, error)
        gradients = self.optimiser.gradients()
        norm = self.guard.norm(gradients)
        self.updating = True
        factor = self.guard.factor(norm)
        if factor is None:
            self.skipped_in_a_row += 1
            self.report("skipped", "a step was skipped: its gradient was not finite")
            return None
        self.skipped_in_a_row = 0
        self.vanished_in_a_row = 0 if norm else self.vanished_in_a_row + 1
        if factor != 1.0:
            torch._foreach_mul_(gradients, factor)
            self.report("clipped", f"a gradient of norm {norm:.3g} was clipped to {norm * factor:.3g}")
        self.optimiser.step(rate)
        if updates:
            self.model.apply_updates(updates)
        return parts

    def _gradient(
        self, batch: Batch, noise: Tensor | None, weights: Mapping[str, Weight]
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        if self.splits == 1:
            terms = self._terms(batch, noise, weights)
            terms.total.backward()
            if not self.part_names:
                self.part_names = tuple(terms.parts)
            return [part.detach() for part in terms.parts.values()], terms.updates
        return self._accumulated_gradient(batch, noise, weights)

    def _terms(self, batch: Batch, noise: Tensor | None, weights: Mapping[str, Weight]) -> LossTerms:
        if self.settings.precision == "float32":
            return self._loss(batch, noise, weights)
        with autocast(self.device, self.settings.precision):
            return self._loss(batch, noise, weights)

    def _accumulated_gradient(
        self, batch: Batch, noise: Tensor | None, weights: Mapping[str, Weight]
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        rows = len(batch)
        size = math.ceil(rows / self.splits)
        parts: list[Tensor] = []
        updates: dict[str, Tensor] = {}
        for start in range(0, rows, size):
            piece = slice(start, min(rows, start + size))
            terms = self._terms(batch.rows(piece), None if noise is None else noise[piece], weights)
            share = terms.rows / rows
            (terms.total * share).backward()
            self.part_names = tuple(terms.parts)
            detached = [part.detach() for part in terms.parts.values()]
            parts = [a + b for a, b in zip(parts, detached, strict=True)] if parts else detached
            # Running statistics are linear in the batch's statistics: their updates average like means over rows.
            for name, value in terms.updates.items():
                updates[name] = updates[name] + value * share if name in updates else value * share
        return parts, updates

    def _split_further(self, batch: Batch, error: Exception) -> None:
        forbidding = self.model.whole_batch_penalties
        if forbidding:
            raise ParameterError(
                f"Out of memory with batches of {len(batch)} rows, and penalty `{forbidding[0]}` needs the whole batch "
                "at once, so they cannot be split. Use a smaller `batch_size`."
            ) from error
        if self.splits >= len(batch):
            raise MemoryError(
                f"Out of memory even with one row at a time (batch of {len(batch)}). Use a smaller network."
            ) from error
        self.splits *= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.report(
            "split-batch",
            f"out of memory: each batch of {len(batch)} rows is now worked off in {self.splits} pieces, with the same "
            "gradient",
        )


def _compiled(model: Trainable, settings: TrainingSettings, device: torch.device) -> Callable[..., LossTerms]:
    """The model's loss through ``torch.compile``, for full batches; odd sizes run as they are."""
    compiled = torch.compile(model.loss, dynamic=False)

    def loss(batch: Batch, noise: Tensor | None, weights: Mapping[str, Weight]) -> LossTerms:
        if len(batch) != settings.batch_size:
            return model.loss(batch, noise, weights)
        # Weights change with the epoch: as tensors they do not make the graph compile anew.
        tensors = {name: torch.tensor(weight, device=device) for name, weight in weights.items()}
        return compiled(batch, noise, tensors)

    return loss
