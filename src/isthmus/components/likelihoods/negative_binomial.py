"""The negative binomial likelihood of counts that vary more than a Poisson."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, OneOf
from isthmus.core.registry import register
from isthmus.distributions import IndependentNegativeBinomial

from .base import Likelihood
from .count_rates import LARGEST_LOG_RATE, LIBRARIES, CountLikelihood, require_counts

DISPERSIONS = ("per-feature", "shared", "decoded")
# Between a variance of μ + 100 μ² and one of μ + μ²/100.
FIRST_INVERSE_DISPERSIONS = (0.01, 100.0)


@register("likelihood", "negative-binomial")
@dataclass(frozen=True)
class NegativeBinomial(Likelihood):
    """p(x|z) = Π NB(x; mean μ, variance μ + μ²/θ): counts that vary more than a Poisson, given the code.

    Lopez, Regier, Cole, Jordan & Yosef (2018), Deep generative modeling for single-cell transcriptomics (scVI),
    doi:10.1038/s41592-018-0229-2. For counts only (``schema="count"``).

    Parameters
    ----------
    dispersion : "per-feature", "shared" or "decoded"
        Whether θ is trained for each feature, once for all, or given by the decoder for every cell (after the d
        means). It begins where the training rows' variances suggest, and is clamped to exp(±30).
    library : "none" or "observed"
        "none": μ = exposure · exp(decoder), with the exposure column of the schema, or 1. "observed": μ =
        exposure · softmax(decoder), where the exposure is the row's total (at least 1) unless there is an exposure
        column; the model then describes what rows are made of, given their totals. New rows without an exposure get
        the median of the training rows'. An untrained decoder gives the training means; ln μ is clamped to ±30.

    Examples
    --------
    >>> block = Block("count", 0, 2, (2,), mean=5.0)
    >>> NegativeBinomial(dispersion="decoded").parameter_shape(block)
    4
    >>> NegativeBinomial().build(block)(torch.zeros(1, 2)).mean
    tensor([[5., 5.]])
    """

    dispersion: str = "per-feature"
    library: str = "none"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "dispersion": (OneOf(*DISPERSIONS),),
        "library": (OneOf(*LIBRARIES),),
    }

    def parameter_shape(self, block: Block) -> int:
        return block.width * (2 if self.dispersion == "decoded" else 1)

    def build(self, block: Block) -> NegativeBinomialLikelihood:
        require_counts("NegativeBinomial", block)
        return NegativeBinomialLikelihood(self.dispersion, self.library, block)


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


class NegativeBinomialLikelihood(DispersedCountLikelihood):
    """Decoder output (n, d) as logarithms of means, or of shares; with decoded dispersion (n, 2 d)."""

    def forward(self, parameters: Tensor, exposure: Tensor | None = None) -> IndependentNegativeBinomial:
        log_mean = self.log_mean(parameters[..., : self.width], exposure)
        return IndependentNegativeBinomial(log_mean, self.log_theta(parameters))

    def describe(self) -> str:
        return f"negative binomial, {self.library_words()}, {self.dispersion_words()}"
