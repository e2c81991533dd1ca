"""The Gaussian likelihood with a noise scale for each feature."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.distributions import DiagonalNormal

from .running_scale import RunningScaleLikelihood, half_step


class PerFeatureGaussianLikelihood(RunningScaleLikelihood):
    """Decoder output (n, d) as means, with the variances of the features, (d,), in a buffer."""

    buffer = "variance"
    title = "Gaussian"
    symbol = "σ"
    variance: Tensor

    def __init__(self, logistic: bool, block: Block) -> None:
        floor = half_step(block) ** 2
        super().__init__(block, block.variance, floor, learnt=True, per_feature=True, logistic=logistic)

    def forward(self, parameters: Tensor) -> DiagonalNormal:
        return DiagonalNormal(self.location(parameters), 0.5 * self.variance.log())

    def deviation(self, error: Tensor) -> Tensor:
        return error.square()

    @property
    def sigmas(self) -> Tensor:
        """The noise scale of each feature in the units of the scaled features, (d,)."""
        return self.variance.sqrt()

    @property
    def sigma(self) -> float:
        """The root of the features' mean variance: what one shared noise scale would be."""
        return float(torch.mean(self.variance).sqrt())

    def advice(self) -> str:
        return "Gaussian(sigma=...)"
