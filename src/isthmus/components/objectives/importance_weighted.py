"""The importance-weighted bound on the log-likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.registry import register

from .bounds import Bounds
from .log_weights import log_mean_exp


@register("objective", "importance-weighted")
@dataclass(frozen=True)
class ImportanceWeighted(Bounds):
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

    own_parts: ClassVar[tuple[str, ...]] = ("reconstruction", "importance_bound")

    def bounds(self, log_w: Tensor) -> dict[str, Tensor]:
        return {"importance_bound": log_mean_exp(log_w)}
