"""What objectives that draw several codes per row share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.progress import Progress

from .base import Objective, penalty_parts
from .log_weights import log_mean_exp, log_weights

TOLD: Mapping[str, float] = {"reconstruction": 0.0}
COUNT: tuple[Constraint, ...] = (Interval(1, None, integer=True),)


@dataclass(frozen=True)
class Bounds(Objective):
    """Minus bounds on log p(x) from the weights of drawn codes, plus penalties.

    The part "reconstruction", −log p(x|z) averaged over samples, is only told.

    Parameters
    ----------
    samples : int
        K: how many codes one bound is made of.
    """

    needs_stochastic_latent: ClassVar[bool] = True
    includes_divergence: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"samples": COUNT}

    samples: int = 5

    @property
    def draws(self) -> int:
        return self.samples

    @abstractmethod
    def bounds(self, log_w: Tensor) -> dict[str, Tensor]:
        """Bounds of each row (n,) in nats by the names of their parts, from log-weights (draws, n)."""

    def own_weights(self, penalties: Mapping[str, Weight]) -> dict[str, dict[str, Weight]]:
        """What groups of parameters minimise instead, with the penalties at these weights; nothing by default."""
        return {}

    def terms(
        self, forward_pass: ForwardPass, penalties: Mapping[str, Any], weights: Mapping[str, Weight]
    ) -> LossTerms:
        log_likelihood, log_w = log_weights(forward_pass)
        parts = {"reconstruction": -log_likelihood.mean(0).sum()}
        parts.update({name: -bound.sum() for name, bound in self.bounds(log_w).items()})
        found, groups = penalty_parts(forward_pass, penalties, weights)
        parts.update(found)
        groups.update(self.own_weights({name: weights.get(name, 1.0) for name in found}))
        return LossTerms(parts, dict(weights), log_w.shape[1], group_weights=groups)

    def weights_at(self, progress: Progress) -> Mapping[str, float]:
        return TOLD


@dataclass(frozen=True)
class RepeatedBounds(Bounds):
    """Bounds of ``samples`` codes each, ``repeats`` times per row: the decoder runs M·K times.

    Parameters
    ----------
    samples : int
        K.
    repeats : int
        M. The paper divides 64 draws into 8 × 8.
    """

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"samples": COUNT, "repeats": COUNT}

    samples: int = 8
    repeats: int = 8

    @property
    def draws(self) -> int:
        return self.samples * self.repeats


def mean_bound(log_weights: Tensor, samples: int) -> Tensor:
    """The mean of the bounds of each ``samples`` neighbouring draws: (repeats · samples, n) -> (n,).

    >>> import torch
    >>> mean_bound(torch.tensor([[1.0], [3.0], [2.0], [2.0]]).log(), 2).exp()
    tensor([2.])
    """
    return log_mean_exp(log_weights.unflatten(0, (-1, samples)), 1).mean(0)
