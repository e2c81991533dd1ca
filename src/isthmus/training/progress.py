"""Whether a run learnt anything: for models whose loss stays finite although they are lost."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from .held_out import CHUNK, HeldOut
from .snapshot import copied, restore
from .trainable import Trainable

# Nats per feature by which a model may be worse than untrained: noise and early stopping account for less.
MARGIN = 0.05
SAMPLE = 16


def reference_rows(index: Tensor) -> Tensor:
    """At most 4,096 positions, evenly spread over ``index``."""
    return index[:: -(-len(index) // CHUNK)]


def is_worse_than_untrained(reached: Iterable[float], reference: float, margin: float) -> bool:
    """Whether no finite reconstruction loss that was reached comes within ``margin`` of that of the untrained model."""
    return min((value for value in reached if math.isfinite(value)), default=math.inf) > reference + margin


def has_become_worse(
    model: Trainable,
    parameters: Mapping[str, Tensor],
    untrained: Mapping[str, Tensor],
    judge: HeldOut,
    weights: Mapping[str, float],
) -> bool:
    """Whether the reconstruction of the judge's rows is worse than with the ``untrained`` parameters; none change."""
    now, trained = judge.evaluate(model, weights)["reconstruction"], copied(parameters)
    restore(parameters, untrained)
    began = judge.evaluate(model, weights)["reconstruction"]
    restore(parameters, trained)
    return is_worse_than_untrained([now], began, MARGIN * judge.width)


@torch.no_grad()
def has_vanished(model: Trainable, held_out: HeldOut) -> bool:
    """Whether a model whose gradient is exactly zero is lost (saturated outputs), rather than perfect.

    A perfect model reconstructs every row equally well; a lost one does not.
    """
    model.eval()
    losses = held_out.row_losses(model, SAMPLE)
    model.train()
    return max(losses) - min(losses) > 1e-6 * max(abs(loss) for loss in losses)
