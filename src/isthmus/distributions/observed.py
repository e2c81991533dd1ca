"""Rows of which some cells were not observed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from .base import Distribution
from .by_column import log_prob_by_column


def observed(distribution: Distribution, present: Tensor) -> Distribution:
    """``distribution`` asked about the present cells only, in its own way if it has one (``observing``)."""
    own = getattr(distribution, "observing", None)
    return Observed(distribution, present) if own is None else own(present)


class Observed(Distribution):
    """A likelihood that is asked about the present cells only: Σ_j present_j log p(x_j).

    Where columns are independent that is the log-probability of the sub-row of present cells: absent ones are summed
    out. Everything else (mean, mode, parameters, draws) is the distribution's own, of all cells.

    Parameters
    ----------
    distribution : Distribution
        Its columns must be independent, see :func:`~isthmus.distributions.by_column.log_prob_by_column`.
    present : Tensor of bool, shape (n, columns)
        One entry per column: the levels of a categorical column are one together.

    Examples
    --------
    >>> from isthmus.distributions import IndependentBernoulli
    >>> coins = IndependentBernoulli(torch.zeros(1, 3))
    >>> Observed(coins, torch.tensor([[True, False, True]])).log_prob(torch.ones(1, 3)).exp()
    tensor([0.2500])
    """

    __slots__ = ("distribution", "present")

    def __init__(self, distribution: Distribution, present: Tensor) -> None:
        self.distribution, self.present = distribution, present

    def __getattr__(self, name: str) -> Any:
        if name in Observed.__slots__:  # not yet set: a copy is being made
            raise AttributeError(name)
        return getattr(self.distribution, name)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_prob_by_column(value).sum(-1)

    def log_prob_by_column(self, value: Tensor) -> Tensor:
        """log p(x_j) of each column, 0 where its cell is absent: (..., n, columns)."""
        terms = log_prob_by_column(self.distribution, value)
        return torch.where(self.present, terms, 0.0)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return self.distribution.draw(rows, generator)
