"""The mean of several importance-weighted bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.progress import Progress
from isthmus.core.registry import register

from .base import Objective, penalty_parts
from .importance_weighted import TOLD
from .log_weights import log_mean_exp, log_weights

DRAWS: Mapping[str, Iterable[Constraint]] = {
    "samples": (Interval(1, None, integer=True),),
    "repeats": (Interval(1, None, integer=True),),
}


@register("objective", "multiple-importance-weighted")
@dataclass(frozen=True)
class MultipleImportanceWeighted(Objective):
    """The mean over M repeats of −log 1/K Σ_k p(x, z_k) / q(z_k|x): MIWAE.

    Rainforth et al. (2018), Tighter variational bounds are not necessarily better, arXiv:1802.04537. The encoder's
    gradient has less noise, by 1/√M, than that of one bound of K samples; the bound itself is as tight. The decoder
    runs M·K times per row.

    The part "importance_bound" is minimised; "reconstruction", −log p(x|z) averaged over samples, is only told.

    Parameters
    ----------
    samples : int
        K.
    repeats : int
        M. The paper divides 64 draws into 8 × 8.

    Examples
    --------
    >>> MultipleImportanceWeighted(samples=8, repeats=4).draws
    32
    """

    needs_stochastic_latent: ClassVar[bool] = True
    includes_divergence: ClassVar[bool] = True
    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction", "importance_bound")
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = DRAWS

    samples: int = 8
    repeats: int = 8

    @property
    def draws(self) -> int:
        return self.samples * self.repeats

    def terms(
        self, forward_pass: ForwardPass, penalties: Mapping[str, Any], weights: Mapping[str, Weight]
    ) -> LossTerms:
        log_likelihood, log_w = log_weights(forward_pass)
        parts = {
            "reconstruction": -log_likelihood.mean(0).sum(),
            "importance_bound": -mean_bound(log_w, self.samples).sum(),
        }
        found, groups = penalty_parts(forward_pass, penalties, weights)
        parts.update(found)
        return LossTerms(parts, dict(weights), log_w.shape[1], group_weights=groups)

    def weights_at(self, progress: Progress) -> Mapping[str, float]:
        return TOLD


def mean_bound(log_weights: Tensor, samples: int) -> Tensor:
    """The mean of the bounds of each ``samples`` neighbouring draws: (repeats · samples, n) -> (n,).

    >>> import torch
    >>> mean_bound(torch.tensor([[1.0], [3.0], [2.0], [2.0]]).log(), 2).exp()
    tensor([2.])
    """
    return log_mean_exp(log_weights.unflatten(0, (-1, samples)), 1).mean(0)
