"""The importance-weighted bound on the log-likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.progress import Progress
from isthmus.core.registry import register

from .base import Objective, penalty_parts
from .log_weights import log_mean_exp, log_weights

TOLD: Mapping[str, float] = {"reconstruction": 0.0}


@register("objective", "importance-weighted")
@dataclass(frozen=True)
class ImportanceWeighted(Objective):
    """−log 1/K Σ_k p(x, z_k) / q(z_k|x), with K samples of z per row.

    Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders, arXiv:1509.00519. With one sample it is
    minus the evidence lower bound; it falls towards −log p(x) as K grows, and so does the encoder's share of the
    gradient (Rainforth et al. 2018, arXiv:1802.04537: see :class:`PartiallyImportanceWeighted`). The decoder runs K
    times per row.

    The part "importance_bound" is minimised; "reconstruction", −log p(x|z) averaged over samples, is only told.

    Parameters
    ----------
    samples : int
        K.

    Examples
    --------
    >>> ImportanceWeighted(samples=50).draws
    50
    """

    needs_stochastic_latent: ClassVar[bool] = True
    includes_divergence: ClassVar[bool] = True
    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction", "importance_bound")
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"samples": (Interval(1, None, integer=True),)}

    samples: int = 5

    @property
    def draws(self) -> int:
        return self.samples

    def terms(
        self, forward_pass: ForwardPass, penalties: Mapping[str, Any], weights: Mapping[str, Weight]
    ) -> LossTerms:
        log_likelihood, log_w = log_weights(forward_pass)
        parts = {"reconstruction": -log_likelihood.mean(0).sum(), "importance_bound": -log_mean_exp(log_w).sum()}
        found, groups = penalty_parts(forward_pass, penalties, weights)
        parts.update(found)
        return LossTerms(parts, dict(weights), log_w.shape[1], group_weights=groups)

    def weights_at(self, progress: Progress) -> Mapping[str, float]:
        return TOLD
