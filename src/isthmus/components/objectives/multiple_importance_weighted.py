"""The mean of several importance-weighted bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.registry import register

from .bounds import RepeatedBounds, mean_bound


@register("objective", "multiple-importance-weighted")
@dataclass(frozen=True)
class MultipleImportanceWeighted(RepeatedBounds):
    """The mean over M repeats of −log 1/K Σ_k p(x, z_k) / q(z_k|x): MIWAE.

    Rainforth et al. (2018), Tighter variational bounds are not necessarily better, arXiv:1802.04537. The encoder's
    gradient has less noise, by 1/√M, than that of one bound of K samples; the bound itself is as tight.

    K is ``samples``, M is ``repeats``; the decoder runs M·K times per row. The part "importance_bound" is minimised,
    "reconstruction", −log p(x|z) averaged over samples, only told.

    Examples
    --------
    >>> MultipleImportanceWeighted(samples=8, repeats=4).draws
    32
    """

    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction", "importance_bound")

    def bounds(self, log_w: Tensor) -> dict[str, Tensor]:
        return {"importance_bound": mean_bound(log_w, self.samples)}
