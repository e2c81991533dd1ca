"""The negative binomial likelihood of counts that vary more than a Poisson."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.registry import register
from isthmus.distributions import IndependentNegativeBinomial

from .count_rates import require_counts
from .dispersed_count import DispersedCount, DispersedCountLikelihood


@register("likelihood", "negative-binomial")
@dataclass(frozen=True)
class NegativeBinomial(DispersedCount):
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
    >>> import torch
    >>> block = Block("count", 0, 2, (2,), mean=5.0)
    >>> NegativeBinomial(dispersion="decoded").parameter_shape(block)
    4
    >>> NegativeBinomial().build(block)(torch.zeros(1, 2)).mean
    tensor([[5., 5.]])
    """

    def build(self, block: Block) -> NegativeBinomialLikelihood:
        require_counts("NegativeBinomial", block)
        return NegativeBinomialLikelihood(self.dispersion, self.library, block)


class NegativeBinomialLikelihood(DispersedCountLikelihood):
    """Decoder output (n, d) as logarithms of means, or of shares; with decoded dispersion (n, 2 d)."""

    def forward(self, parameters: Tensor, exposure: Tensor | None = None) -> IndependentNegativeBinomial:
        log_mean = self.log_mean(parameters[..., : self.width], exposure)
        return IndependentNegativeBinomial(log_mean, self.log_theta(parameters))

    def describe(self) -> str:
        return f"negative binomial, {self.library_words()}, {self.dispersion_words()}"
