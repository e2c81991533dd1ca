"""What count likelihoods with a variance above a Poisson's share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, OneOf

from .base import Likelihood
from .count_rates import LARGEST_LOG_RATE, LIBRARIES, CountLikelihood

# Between a variance of μ + 100 μ² and one of μ + μ²/100.
FIRST_INVERSE_DISPERSIONS = (0.01, 100.0)


@dataclass(frozen=True)
class DispersedCount(Likelihood):
    """Counts with variance μ + μ²/θ.

    Parameters
    ----------
    dispersion : "per-feature", "shared" or "decoded"
        Whether θ is trained for each feature, once for all, or given by the decoder for every cell.
    library : "none" or "observed"
        How the decoder's output becomes μ.
    """

    dispersion: str = "per-feature"
    library: str = "none"

    outputs: ClassVar[int] = 1  # of the decoder for a cell, besides a decoded dispersion
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "dispersion": (OneOf("per-feature", "shared", "decoded"),),
        "library": (OneOf(*LIBRARIES),),
    }

    def parameter_shape(self, block: Block) -> int:
        return block.width * (self.outputs + (self.dispersion == "decoded"))


class DispersedCountLikelihood(CountLikelihood):
    """Means from the first d columns of the decoder's output, and dispersions from the next d, or trained here.

    Attributes
    ----------
    log_inverse_dispersion : Tensor, scalar or (d,)
        ln θ; where the decoder gives it, what is added to its output.
    """

    log_inverse_dispersion: Tensor

    def __init__(self, dispersion: str, library: str, block: Block) -> None:
        super().__init__(library, block)
        self.dispersion = dispersion
        first = torch.zeros(()) if dispersion == "shared" else torch.zeros(self.width)
        if dispersion == "decoded":
            self.register_buffer("log_inverse_dispersion", first)
        else:
            self.log_inverse_dispersion = nn.Parameter(first)

    def log_theta(self, parameters: Tensor) -> Tensor:
        """ln θ: (..., n, d) where the decoder gives it, else a scalar or (d,)."""
        own = self.log_inverse_dispersion
        if self.dispersion == "decoded":
            own = parameters[..., self.width : 2 * self.width] + own
        return own.clamp(-LARGEST_LOG_RATE, LARGEST_LOG_RATE)

    def begin_dispersion(self, target: Tensor, mean: Tensor) -> None:
        # The variance beyond that of a Poisson, by the method of moments: Σ [(x − μ)² − μ] = Σ μ²/θ.
        excess, squares = ((target - mean).square() - mean).sum(0), mean.square().sum(0)
        if self.dispersion == "shared":
            excess, squares = excess.sum(), squares.sum()
        low, high = FIRST_INVERSE_DISPERSIONS
        theta = torch.where(excess > 0, squares / excess, high).clamp(low, high)
        self.log_inverse_dispersion.copy_(theta.log())

    def dispersion_words(self) -> str:
        """Where the dispersion comes from, in a few words."""
        return f"{self.dispersion} dispersion"
