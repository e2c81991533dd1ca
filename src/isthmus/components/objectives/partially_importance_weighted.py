"""One importance-weighted bound for the decoder, the mean of several looser ones for the encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.loss_terms import Weight
from isthmus.core.progress import Progress
from isthmus.core.registry import register

from .bounds import TOLD, RepeatedBounds, mean_bound
from .log_weights import log_mean_exp

ENCODERS = "multiple_importance_bound"


@register("objective", "partially-importance-weighted")
@dataclass(frozen=True)
class PartiallyImportanceWeighted(RepeatedBounds):
    """The bound of all M·K samples for decoder and prior, the mean of M bounds of K samples for the encoder: PIWAE.

    Rainforth et al. (2018), Tighter variational bounds are not necessarily better, arXiv:1802.04537. A tight bound is
    what a decoder needs; the gradient that it leaves to the encoder drowns in noise.

    K is ``samples``, M is ``repeats``; the decoder runs M·K times per row. Decoder and prior minimise
    "importance_bound", the encoder "multiple_importance_bound", both the penalties; "reconstruction", −log p(x|z)
    averaged over samples, is only told.

    Examples
    --------
    >>> PartiallyImportanceWeighted(samples=8, repeats=4).draws
    32
    """

    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction", "importance_bound", ENCODERS)

    def bounds(self, log_w: Tensor) -> dict[str, Tensor]:
        return {"importance_bound": log_mean_exp(log_w), ENCODERS: mean_bound(log_w, self.samples)}

    def own_weights(self, penalties: Mapping[str, Weight]) -> dict[str, dict[str, Weight]]:
        return {"encoder": {**penalties, ENCODERS: 1.0}}

    def weights_at(self, progress: Progress) -> Mapping[str, float]:
        return {**TOLD, ENCODERS: 0.0}
