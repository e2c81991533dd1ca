"""The continuous Bernoulli likelihood: binary cross-entropy for data between 0 and 1, with its normaliser."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.registry import register
from isthmus.distributions import ContinuousBernoulli as ContinuousBernoulliDistribution

from .accepted_kinds import require_kind
from .base import Likelihood, LikelihoodModule


@register("likelihood", "continuous-bernoulli")
@dataclass(frozen=True)
class ContinuousBernoulli(Likelihood):
    """p(x|z) = Π C(λ) λ^x (1 − λ)^(1 − x) on [0, 1], with λ = sigmoid(decoder) and its constant C(λ).

    Loaiza-Ganem & Cunningham (2019), The continuous Bernoulli: fixing a pervasive error in variational autoencoders,
    arXiv:1907.06845. The pervasive error is to take the binary cross-entropy of grey values for a log-likelihood: it
    leaves C(λ) out. For unit-interval data only.

    Examples
    --------
    Grey values decoded as 0 are uniform between black and white:

    >>> import torch
    >>> p = ContinuousBernoulli().build(Block("unit-interval", 0, 2, (2,)))(torch.zeros(1, 2))
    >>> p.log_prob(torch.tensor([[0.2, 0.7]])), p.mean
    (tensor([0.]), tensor([[0.5000, 0.5000]]))
    """

    def parameter_shape(self, block: Block) -> int:
        return block.width

    def build(self, block: Block) -> ContinuousBernoulliLikelihood:
        require_kind(
            "ContinuousBernoulli",
            block,
            ("unit-interval",),
            "data in [0, 1]",
            "declare schema='unit-interval' if the columns share a range that means something",
        )
        return ContinuousBernoulliLikelihood()


class ContinuousBernoulliLikelihood(LikelihoodModule):
    """Decoder output (n, d) as logits of λ, which is not the mean."""

    def forward(self, parameters: Tensor) -> ContinuousBernoulliDistribution:
        return ContinuousBernoulliDistribution(parameters)

    def describe(self) -> str:
        return "continuous Bernoulli, logits"
