"""The Laplace likelihood: absolute error, calibrated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.registry import register
from isthmus.distributions import IndependentLaplace

from .accepted_kinds import require_real_numbers
from .base import Likelihood
from .running_scale import RunningScaleLikelihood, half_step, is_logistic


@register("likelihood", "laplace")
@dataclass(frozen=True)
class Laplace(Likelihood):
    """p(x|z) = Π exp(−|x − location(z)| / b) / 2b: minus its log-likelihood is the absolute error / b, plus a constant.

    Also known as the L1 loss. The decoder learns medians, which outliers pull less than means. For real numbers:
    continuous, unit-interval or binary.

    Parameters
    ----------
    scale : "shared", "per-feature" or float
        "shared": one b for all features; "per-feature": one for each. Both are the maximum-likelihood values, the
        mean absolute errors (Norton 1984, The double exponential distribution, The American Statistician 38:2). They
        follow the data in a running buffer, constant within a step, and are recomputed exactly after training; never
        below half the step in which the data were measured. A number fixes b, in the units of the scaled features.
    mean : "auto", "identity" or "logistic"
        How the decoder's output becomes a location; "auto" is logistic for data in [0, 1] and the identity elsewhere.

    Examples
    --------
    >>> p = Laplace(scale=0.5).build(Block("continuous", 0, 2, (2,)))(torch.zeros(1, 2))
    >>> p.log_prob(torch.tensor([[0.0, 1.0]]))
    tensor([-2.])
    """

    scale: str | float = "shared"
    mean: str = "auto"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "scale": (OneOf("shared", "per-feature"), Interval(0, None, closed="neither")),
        "mean": (OneOf("auto", "identity", "logistic"),),
    }

    def parameter_shape(self, block: Block) -> int:
        return block.width

    def build(self, block: Block) -> LaplaceLikelihood:
        require_real_numbers("Laplace", block)
        return LaplaceLikelihood(self.scale, is_logistic(self.mean, block), block)


class LaplaceLikelihood(RunningScaleLikelihood):
    """Decoder output (n, d) as locations, with the mean absolute error in the buffer ``scale``: a scalar, or (d,)."""

    buffer = "scale"
    title = "Laplace"
    scale: Tensor

    def __init__(self, scale: str | float, logistic: bool, block: Block) -> None:
        learnt = isinstance(scale, str)
        # The variance of a Laplace variable is 2 b².
        start = math.sqrt(block.variance / 2) if isinstance(scale, str) else scale
        per_feature = scale == "per-feature"
        super().__init__(block, start, half_step(block), learnt=learnt, per_feature=per_feature, logistic=logistic)

    def forward(self, parameters: Tensor) -> IndependentLaplace:
        return IndependentLaplace(self.location(parameters), self.scale)

    def deviation(self, error: Tensor) -> Tensor:
        return error.abs()

    @property
    def sigma(self) -> float:
        """The standard deviation √2 b in the units of the scaled features; the root mean square of several."""
        return float(torch.mean(2 * self.scale.square()).sqrt())
