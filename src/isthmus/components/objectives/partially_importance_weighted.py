"""One importance-weighted bound for the decoder, the mean of several looser ones for the encoder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from isthmus.core.constraints import Constraint
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.progress import Progress
from isthmus.core.registry import register

from .base import Objective, penalty_parts
from .log_weights import log_mean_exp, log_weights
from .multiple_importance_weighted import DRAWS, mean_bound

TOLD: Mapping[str, float] = {"reconstruction": 0.0, "multiple_importance_bound": 0.0}


@register("objective", "partially-importance-weighted")
@dataclass(frozen=True)
class PartiallyImportanceWeighted(Objective):
    """The bound of all M·K samples for decoder and prior, the mean of M bounds of K samples for the encoder: PIWAE.

    Rainforth et al. (2018), Tighter variational bounds are not necessarily better, arXiv:1802.04537. A tight bound is
    what a decoder needs; the gradient that it leaves to the encoder drowns in noise. The decoder runs M·K times per
    row.

    Decoder and prior minimise "importance_bound", the encoder "multiple_importance_bound"; both minimise the
    penalties. "reconstruction", −log p(x|z) averaged over samples, is only told.

    Parameters
    ----------
    samples : int
        K.
    repeats : int
        M. The paper divides 64 draws into 8 × 8.

    Examples
    --------
    >>> PartiallyImportanceWeighted(samples=8, repeats=4).draws
    32
    """

    needs_stochastic_latent: ClassVar[bool] = True
    includes_divergence: ClassVar[bool] = True
    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction", "importance_bound", "multiple_importance_bound")
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
            "importance_bound": -log_mean_exp(log_w).sum(),
            "multiple_importance_bound": -mean_bound(log_w, self.samples).sum(),
        }
        found, groups = penalty_parts(forward_pass, penalties, weights)
        parts.update(found)
        groups["encoder"] = {name: weights.get(name, 1.0) for name in found} | {"multiple_importance_bound": 1.0}
        return LossTerms(parts, dict(weights), log_w.shape[1], group_weights=groups)

    def weights_at(self, progress: Progress) -> Mapping[str, float]:
        return TOLD
