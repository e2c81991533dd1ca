"""One optimiser step: loss, gradient, guard, update; split into micro-batches when memory is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.errors import ParameterError
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.noise import Noise
from isthmus.core.progress import END

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
        self.groups = {
            group.name: [parameter for parameter in group.parameters if parameter.requires_grad]
            for group in model.parameter_groups()
        }
        self.optimisers = _optimisers(model)
        self.guards = [SpikeGuard() for _ in self.optimisers]
        self.part_names: tuple[str, ...] = ()
        self.splits = 1
        self.skipped_in_a_row = 0
        self.vanished_in_a_row = 0
        self.updating = False
        self._loss = _compiled(model, settings, device) if settings.compile else model.loss

    def live_tensors(self) -> dict[str, Tensor]:
        """Every tensor that a step may change, by name: model and optimiser."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for number, optimiser in enumerate(self.optimisers):
            tensors.update({f"optimiser.{number}.{name}": one for name, one in optimiser.state_tensors().items()})
        return tensors

    def counters(self) -> dict[str, float]:
        """What the guard and the counters know, JSON-ready."""
        guards = {f"{n}.{name}": value for n, guard in enumerate(self.guards) for name, value in guard.state().items()}
        return {**guards, "skipped": self.skipped_in_a_row, "vanished": self.vanished_in_a_row}

    def restore_counters(self, state: Mapping[str, float]) -> None:
        """What :meth:`counters` gave."""
        for number, guard in enumerate(self.guards):
            guard.restore({name: state[f"{number}.{name}"] for name in guard.state()})
        self.skipped_in_a_row, self.vanished_in_a_row = int(state["skipped"]), int(state["vanished"])

    def run(self, batch: Batch, noise: Noise | None, weights: Mapping[str, Weight], rate: float) -> list[Tensor] | None:
        """One step; returns the detached loss parts as sums over the rows, or None if the step was skipped."""
        while True:
            for optimiser in self.optimisers:
                optimiser.forget_gradients()
            try:
                parts, updates = self._gradient(batch, noise, weights)
                break
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._split_further(batch, error)
        gradients = [optimiser.gradients() for optimiser in self.optimisers]
        norms = [guard.norm(found) for guard, found in zip(self.guards, gradients, strict=True)]
        self.updating = True
        if not all(map(math.isfinite, norms)):
            self.skipped_in_a_row += 1
            self.report("skipped", "a step was skipped: its gradient was not finite")
            return None
        self.skipped_in_a_row = 0
        self.vanished_in_a_row = 0 if norms[0] else self.vanished_in_a_row + 1
        for guard, found, norm, optimiser in zip(self.guards, gradients, norms, self.optimisers, strict=True):
            factor = guard.factor(norm)
            if factor != 1.0:
                torch._foreach_mul_(found, factor)
                self.report("clipped", f"a gradient of norm {norm:.3g} was clipped to {norm * factor:.3g}")
            optimiser.step(rate)
        if updates:
            self.model.apply_updates(updates)
        return parts

    def _gradient(
        self, batch: Batch, noise: Noise | None, weights: Mapping[str, Weight]
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        if self.splits == 1:
            terms = self._terms(batch, noise, weights)
            self._backward(terms)
            if not self.part_names:
                self.part_names = tuple(terms.parts)
            return [part.detach() for part in terms.parts.values()], terms.updates
        return self._accumulated_gradient(batch, noise, weights)

    def _backward(self, terms: LossTerms, share: float = 1.0) -> None:
        """Add the gradient of ``share`` times the loss: of one loss, or of each group's own."""
        if not terms.group_weights:
            (terms.total if share == 1.0 else terms.total * share).backward()
            return
        common = [p for name, parameters in self.groups.items() if name not in terms.group_weights for p in parameters]
        own = [(terms.total_of(name), self.groups[name]) for name in terms.group_weights if self.groups.get(name)]
        losses = [(terms.total, common), *own] if common else own
        for number, (loss, parameters) in enumerate(losses, 1):
            torch.autograd.backward(loss * share, inputs=parameters, retain_graph=number < len(losses))

    def _terms(self, batch: Batch, noise: Noise | None, weights: Mapping[str, Weight]) -> LossTerms:
        if self.settings.precision == "float32":
            return self._loss(batch, noise, weights)
        with autocast(self.device, self.settings.precision):
            return self._loss(batch, noise, weights)

    def _accumulated_gradient(
        self, batch: Batch, noise: Noise | None, weights: Mapping[str, Weight]
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        rows = len(batch)
        size = math.ceil(rows / self.splits)
        parts: list[Tensor] = []
        updates: dict[str, Tensor] = {}
        for start in range(0, rows, size):
            piece = slice(start, min(rows, start + size))
            terms = self._terms(batch.rows(piece), None if noise is None else noise[piece], weights)
            share = terms.rows / rows
            self._backward(terms, share)
            self.part_names = tuple(terms.parts)
            detached = [part.detach() for part in terms.parts.values()]
            parts = [a + b for a, b in zip(parts, detached, strict=True)] if parts else detached
            # Running statistics are linear in the batch's statistics: their updates average like means over rows (with
            # holes in the rows nearly so, until the exact values after training).
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


def _optimisers(model: Trainable) -> list[Optimiser]:
    """One for the model itself, then one for each critic's kind of training."""
    kinds: dict[tuple[float, tuple[float, float]], set[int]] = {(1.0, (0.9, 0.999)): set()}
    for group in model.parameter_groups():
        kinds.setdefault((group.rate_factor, group.betas), set()).update(map(id, group.parameters))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimisers = []
    for (rate_factor, betas), members in kinds.items():
        chosen = [parameter for parameter in trained if id(parameter) in members]
        if chosen:
            optimisers.append(Optimiser(chosen, rate_factor, betas))
    return optimisers


def _compiled(model: Trainable, settings: TrainingSettings, device: torch.device) -> Callable[..., LossTerms]:
    """The model's loss through ``torch.compile``, for full batches; odd sizes run as they are."""
    compiled = torch.compile(model.loss, dynamic=False)
    told = {name for name, weight in model.weights(END).items() if weight == 0.0}

    def loss(batch: Batch, noise: Noise | None, weights: Mapping[str, Weight]) -> LossTerms:
        if len(batch) != settings.batch_size:
            return model.loss(batch, noise, weights)
        # Weights change with the epoch: as tensors they do not make the graph compile anew.
        tensors = {
            name: weight if name in told else torch.tensor(weight, device=device) for name, weight in weights.items()
        }
        return compiled(batch, noise, tensors)

    return loss
