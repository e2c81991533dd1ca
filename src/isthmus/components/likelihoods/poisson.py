"""The Poisson likelihood of counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, OneOf
from isthmus.core.registry import register
from isthmus.distributions import IndependentPoisson

from .base import Likelihood
from .count_rates import LIBRARIES, CountLikelihood, require_counts


@register("likelihood", "poisson")
@dataclass(frozen=True)
class Poisson(Likelihood):
    """p(x|z) = Π rate^x exp(−rate) / x!: counts whose variance equals their mean, given the code.

    Gopalan, Hofman & Blei (2015), Scalable recommendation with hierarchical Poisson factorization, arXiv:1311.1704,
    and Krishnan, Liang & Hoffman (2018), On the challenges of learning with inference networks on sparse,
    high-dimensional data, arXiv:1710.06085. For counts only (``schema="count"``).

    Parameters
    ----------
    library : "none" or "observed"
        "none": rate = exposure · exp(decoder), with the exposure column of the schema, or 1. "observed": rate =
        exposure · softmax(decoder), where the exposure is the row's total (at least 1) unless there is an exposure
        column; the model then describes what rows are made of, given their totals. New rows without an exposure get
        the median of the training rows'. An untrained decoder gives the training means; log-rates are clamped to ±30.

    Examples
    --------
    >>> import torch
    >>> p = Poisson().build(Block("count", 0, 2, (2,)))
    >>> p(torch.zeros(1, 2), torch.tensor([[3.0]])).mean
    tensor([[3., 3.]])
    """

    library: str = "none"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"library": (OneOf(*LIBRARIES),)}

    def parameter_shape(self, block: Block) -> int:
        return block.width

    def build(self, block: Block) -> PoissonLikelihood:
        require_counts("Poisson", block)
        return PoissonLikelihood(self.library, block)


class PoissonLikelihood(CountLikelihood):
    """Decoder output (n, d) as logarithms of rates, or of shares."""

    def forward(self, parameters: Tensor, exposure: Tensor | None = None) -> IndependentPoisson:
        return IndependentPoisson(self.log_mean(parameters, exposure))

    def describe(self) -> str:
        return f"Poisson, {self.library_words()}"
