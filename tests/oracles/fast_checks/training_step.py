"""The optimiser's step: each group of parameters has the gradient of its own loss, in one piece or in several."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from isthmus.core.batch import Batch
from isthmus.core.loss_terms import LossTerms
from isthmus.core.parameter_group import ParameterGroup
from isthmus.training.settings import TrainingSettings
from isthmus.training.step import OptimiserStep

from .known_numbers import close, values

SETTINGS = TrainingSettings(
    max_epochs=1,
    max_seconds=None,
    batch_size=6,
    learning_rate=0.1,
    learning_rate_schedule="constant",
    patience=None,
)


class _TwoGroups(nn.Module):
    """Parts a² Σx and a·b Σx²: the encoder's a minimises the second, the decoder's b the sum with weights 1 and 3."""

    whole_batch_penalties = ()

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(-1.5, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.float64))

    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup("encoder", (self.a,)), ParameterGroup("decoder", (self.b,))]

    def weights(self, progress: object) -> dict[str, float]:
        return {"second": 3.0}

    def loss(self, batch: Batch, noise: object, weights: Mapping[str, float]) -> LossTerms:
        x = batch.values
        parts = {"first": self.a.square() * x.sum(), "second": self.a * self.b * x.square().sum()}
        groups = {"encoder": {"second": 1.0}}
        return LossTerms(parts, dict(weights), len(batch), {"seen": x.mean().detach()}, groups)

    @torch.no_grad()
    def apply_updates(self, updates: Mapping[str, Tensor]) -> None:
        self.seen.copy_(updates["seen"])


def groups_have_gradients_of_their_own() -> None:
    x = values(6, 1)
    for splits in (1, 2, 4):  # the last leaves a piece that is smaller than the others
        model = _TwoGroups()
        step = OptimiserStep(model, SETTINGS, torch.device("cpu"), lambda kind, words: None)
        step.splits = splits
        parts = step.run(Batch(x), None, {"second": 3.0}, rate=0.0)
        (gradient,) = step.optimisers[0].gradients()
        squares = float(x.square().mean())
        close(gradient, [-1.5 * squares, 3 * 2.0 * squares], 1e-12)
        close(torch.stack(parts), [4 * float(x.sum()), -3 * float(x.square().sum())], 1e-12)
        close(model.seen, x.mean(), 1e-12)
