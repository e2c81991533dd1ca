"""The categorical likelihood: cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.registry import register
from isthmus.distributions import IndependentCategorical

from .accepted_kinds import require_kind
from .base import Likelihood, LikelihoodModule


@register("likelihood", "categorical")
@dataclass(frozen=True)
class Categorical(Likelihood):
    """p(x|z) = Π softmax(decoder)[level]: minus its log-likelihood is the cross-entropy, summed over columns.

    For categorical data only; each column is a one-hot stretch of the row and has its own softmax (Bishop 2006,
    Pattern Recognition and Machine Learning, section 4.3.4).

    Examples
    --------
    Two columns of three levels, all equally likely:

    >>> import torch
    >>> p = Categorical().build(Block("categorical", 0, 6, (6,), cardinality=3))(torch.zeros(1, 6))
    >>> p.log_prob(torch.tensor([[1.0, 0, 0, 0, 0, 1.0]])).exp()
    tensor([0.1111])
    """

    def parameter_shape(self, block: Block) -> int:
        return block.width

    def build(self, block: Block) -> CategoricalLikelihood:
        require_kind(
            "Categorical", block, ("categorical",), "levels", "declare schema='categorical' if they are levels"
        )
        return CategoricalLikelihood(block.cardinality)


class CategoricalLikelihood(LikelihoodModule):
    """Decoder output (n, columns · levels) as logits."""

    is_density = False

    def __init__(self, cardinality: int) -> None:
        super().__init__()
        self.cardinality = cardinality

    def forward(self, parameters: Tensor) -> IndependentCategorical:
        return IndependentCategorical(parameters, self.cardinality)

    def describe(self) -> str:
        return f"categorical, {self.cardinality} levels, logits"
