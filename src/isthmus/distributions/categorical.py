"""Independent choices among levels, one-hot encoded: the distribution behind cross-entropy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from .base import Distribution


class IndependentCategorical(Distribution):
    """Each of d columns takes one of K levels with probability ``softmax(logits)``.

    A row holds the K indicators of the first column, then those of the second, and so on. Minus the log-mass of
    one-hot values is their cross-entropy.

    Parameters
    ----------
    logits : Tensor, shape (n, d · K)
    cardinality : int
        K, the same for all columns.

    Examples
    --------
    Two columns of two levels, the first sure to be level 1, the second a fair coin:

    >>> p = IndependentCategorical(torch.tensor([[0.0, 200.0, 0.0, 0.0]]), 2)
    >>> p.mean
    tensor([[0.0000, 1.0000, 0.5000, 0.5000]])
    >>> p.log_prob(torch.tensor([[0.0, 1.0, 1.0, 0.0]]))
    tensor([-0.6931])
    """

    __slots__ = ("cardinality", "logits")

    def __init__(self, logits: Tensor, cardinality: int) -> None:
        self.logits, self.cardinality = logits, cardinality

    @property
    def mean(self) -> Tensor:
        """The probabilities of all levels, (n, d · K)."""
        return torch.softmax(self._columns(), -1).flatten(-2)

    @property
    def mode(self) -> Tensor:
        """The likeliest level of each column (the first of equals), one-hot, (n, d · K)."""
        return self._one_hot(self._columns())

    def log_prob(self, value: Tensor) -> Tensor:
        return (value * torch.log_softmax(self._columns(), -1).flatten(-2)).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        # Of exponential clocks with rates p, clock k rings first with probability p_k.
        columns = self._columns()
        shape = np.broadcast_shapes(columns.shape, (rows, 1, 1))
        clocks = columns.new_empty(shape).exponential_(generator=generator)
        return self._one_hot(columns - clocks.log())

    def _columns(self) -> Tensor:
        return self.logits.unflatten(-1, (-1, self.cardinality))

    def _one_hot(self, scores: Tensor) -> Tensor:
        return functional.one_hot(scores.argmax(-1), self.cardinality).flatten(-2).to(self.logits.dtype)
