"""Minus the log-likelihood of the reconstruction, plus penalties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import LossTerms, Weight
from isthmus.core.registry import register

from .base import Objective, penalty_parts


@register("objective", "penalised-likelihood")
@dataclass(frozen=True)
class PenalisedLikelihood(Objective):
    """−log p(x|z) + Σ weight · penalty, with one sample of z per row.

    With a Gaussian latent and the KL penalty at weight 1 it is minus the evidence lower bound.

    Examples
    --------
    >>> PenalisedLikelihood().to_json()
    {'component': 'objective/penalised-likelihood', 'params': {}}
    """

    def terms(
        self, forward_pass: ForwardPass, penalties: Mapping[str, Any], weights: Mapping[str, Weight]
    ) -> LossTerms:
        parts = {"reconstruction": -forward_pass.likelihood.log_prob(forward_pass.features).sum()}
        found, groups = penalty_parts(forward_pass, penalties, weights)
        parts.update(found)
        return LossTerms(parts, dict(weights), forward_pass.features.shape[0], group_weights=groups)
