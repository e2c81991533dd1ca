"""The Bernoulli likelihood: binary cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from isthmus.core.blocks import MISSING, Block
from isthmus.core.registry import register
from isthmus.distributions import IndependentBernoulli

from .accepted_kinds import require_kind
from .base import Likelihood, LikelihoodModule


@register("likelihood", "bernoulli")
@dataclass(frozen=True)
class Bernoulli(Likelihood):
    """Each feature is a coin flip; minus its log-likelihood is what is called the binary cross-entropy.

    It is the likelihood of data in {0, 1}, and of the indicators of missing cells. On data between 0 and 1 it is not a
    likelihood (Loaiza-Ganem & Cunningham 2019, The continuous Bernoulli, arXiv:1907.06845), so it is refused there: use
    :class:`~isthmus.components.likelihoods.continuous_bernoulli.ContinuousBernoulli`.

    Examples
    --------
    >>> Bernoulli().parameter_shape(Block("binary", 0, 3, (3,)))
    3
    """

    def parameter_shape(self, block: Block) -> int:
        return block.width

    def build(self, block: Block) -> BernoulliLikelihood:
        require_kind("Bernoulli", block, ("binary", MISSING), "data in {0, 1}", "binarise the data first")
        return BernoulliLikelihood()


class BernoulliLikelihood(LikelihoodModule):
    """Decoder output (n, d) as logits."""

    is_density = False

    def forward(self, parameters: Tensor) -> IndependentBernoulli:
        return IndependentBernoulli(parameters)

    def describe(self) -> str:
        return "Bernoulli, logits"
