"""Negative binomial counts, some of which were lost: more zeros than the counts alone would give."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from .base import Distribution
from .negative_binomial import IndependentNegativeBinomial


class ZeroInflatedNegativeBinomial(Distribution):
    """Each feature is 0 with probability π = sigmoid(dropout_logits), else a negative binomial count.

    Lopez et al. (2018), Deep generative modeling for single-cell transcriptomics (scVI,
    doi:10.1038/s41592-018-0229-2).

    Parameters
    ----------
    log_mean : Tensor, shape (n, d)
        ln μ, of the counts that are not lost.
    log_inverse_dispersion : Tensor, scalar, (d,) or (n, d)
        ln θ; their variance is μ + μ²/θ.
    dropout_logits : Tensor, scalar, (d,) or (n, d)

    Examples
    --------
    Half of the counts are lost, and half of the others are 0 by themselves:

    >>> p = ZeroInflatedNegativeBinomial(torch.zeros(1, 1), torch.zeros(1), torch.zeros(1))
    >>> p.log_prob(torch.zeros(1, 1)).exp()
    tensor([0.7500])
    >>> p.mean
    tensor([[0.5000]])
    """

    __slots__ = ("counts", "dropout_logits")

    def __init__(self, log_mean: Tensor, log_inverse_dispersion: Tensor, dropout_logits: Tensor) -> None:
        self.counts = IndependentNegativeBinomial(log_mean, log_inverse_dispersion)
        self.dropout_logits = dropout_logits

    @property
    def mean(self) -> Tensor:
        return torch.sigmoid(-self.dropout_logits) * self.counts.mean

    @property
    def mode(self) -> Tensor:
        """0 or the mode of the counts, whichever is likelier."""
        peak = self.counts.mode
        return torch.where(self.log_mass(peak) > self.log_mass(torch.zeros_like(peak)), peak, 0.0)

    def log_mass(self, value: Tensor) -> Tensor:
        """The log-mass of each feature's count: (n, d) -> (n, d)."""
        counted = self.counts.log_mass(value)
        kept = logsigmoid(-self.dropout_logits)
        zero = torch.logaddexp(self.dropout_logits, counted)  # ln(π/(1−π) + NB(0))
        return kept + torch.where(value == 0, zero, counted)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_mass(value).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        counts = self.counts.draw(rows, generator)
        shape = np.broadcast_shapes(counts.shape, self.dropout_logits.shape)
        uniform = torch.rand(shape, generator=generator, device=counts.device, dtype=counts.dtype)
        return torch.where(uniform < torch.sigmoid(self.dropout_logits), 0.0, counts)
