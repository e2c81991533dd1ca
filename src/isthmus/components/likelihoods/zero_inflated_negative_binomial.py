"""The zero-inflated negative binomial likelihood of counts, some of which were lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.registry import register
from isthmus.distributions import ZeroInflatedNegativeBinomial as ZeroInflatedNegativeBinomialDistribution

from .count_rates import require_counts
from .dispersed_count import DispersedCount, DispersedCountLikelihood

# One cell in eight is thought lost at first: not so many that the means would have to double.
FIRST_DROPOUT_LOGIT = -2.0


@register("likelihood", "zero-inflated-negative-binomial")
@dataclass(frozen=True)
class ZeroInflatedNegativeBinomial(DispersedCount):
    """p(x|z) = Π π [x = 0] + (1 − π) NB(x; mean μ, variance μ + μ²/θ): negative binomial counts, some of them lost.

    Lopez, Regier, Cole, Jordan & Yosef (2018), Deep generative modeling for single-cell transcriptomics (scVI),
    doi:10.1038/s41592-018-0229-2. The probability π = sigmoid(decoder − 2) of a lost count is decoded for every cell:
    the last d of the decoder's outputs. For counts only (``schema="count"``).

    Parameters
    ----------
    dispersion : "per-feature", "shared" or "decoded"
        Where θ comes from, as in
        :class:`~isthmus.components.likelihoods.negative_binomial.NegativeBinomial`.
    library : "none" or "observed"
        How the decoder's output becomes μ, as there. The mean of the counts, lost ones included, is (1 − π) μ.

    Examples
    --------
    >>> block = Block("count", 0, 2, (2,), mean=5.0)
    >>> spec = ZeroInflatedNegativeBinomial()
    >>> spec.parameter_shape(block), spec.replace(dispersion="decoded").parameter_shape(block)
    (4, 6)
    """

    outputs: ClassVar[int] = 2

    def build(self, block: Block) -> ZeroInflatedNegativeBinomialLikelihood:
        require_counts("ZeroInflatedNegativeBinomial", block)
        return ZeroInflatedNegativeBinomialLikelihood(self.dispersion, self.library, block)


class ZeroInflatedNegativeBinomialLikelihood(DispersedCountLikelihood):
    """Decoder output (n, 2 d): logarithms of means (or shares), dropout logits; between them decoded dispersions."""

    def forward(self, parameters: Tensor, exposure: Tensor | None = None) -> ZeroInflatedNegativeBinomialDistribution:
        log_mean = self.log_mean(parameters[..., : self.width], exposure)
        dropout = parameters[..., -self.width :] + FIRST_DROPOUT_LOGIT
        return ZeroInflatedNegativeBinomialDistribution(log_mean, self.log_theta(parameters), dropout)

    def describe(self) -> str:
        return f"zero-inflated negative binomial, {self.library_words()}, {self.dispersion_words()}"
