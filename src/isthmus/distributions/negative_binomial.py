"""Negative binomial counts: a Poisson whose rate varies, so that the variance exceeds the mean."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid

from .base import Distribution
from .gamma_ratio import log_gamma_ratio
from .poisson import LARGEST_RATE

# Below e^-60, ln(1 + r) is r to every digit.
_LOG_TINY = -60.0


class IndependentNegativeBinomial(Distribution):
    """Each feature is a count with mean μ and variance μ + μ²/θ.

    The mean and dispersion form of Lopez et al. (2018), Deep generative modeling for single-cell transcriptomics
    (scVI, doi:10.1038/s41592-018-0229-2): Γ(x+θ) / (Γ(θ) x!) · (θ/(θ+μ))^θ (μ/(θ+μ))^x, a Poisson whose rate is
    gamma-distributed with shape θ. It tends to the Poisson as θ grows.

    Parameters
    ----------
    log_mean : Tensor, shape (n, d)
        ln μ.
    log_inverse_dispersion : Tensor, scalar, (d,) or (n, d)
        ln θ.

    Examples
    --------
    With θ = 1 it is geometric; mean 1 makes every further count half as likely:

    >>> p = IndependentNegativeBinomial(torch.zeros(1, 1), torch.zeros(1))
    >>> p.log_prob(torch.tensor([[2.0]])).exp()
    tensor([0.1250])
    """

    __slots__ = ("log_inverse_dispersion", "log_mean")

    def __init__(self, log_mean: Tensor, log_inverse_dispersion: Tensor) -> None:
        self.log_mean, self.log_inverse_dispersion = log_mean, log_inverse_dispersion

    @property
    def mean(self) -> Tensor:
        return self.log_mean.exp()

    @property
    def mode(self) -> Tensor:
        """⌊μ (θ − 1) / θ⌋ for θ > 1, else 0."""
        return (self.log_mean.exp() - (self.log_mean - self.log_inverse_dispersion).exp()).clamp_min(0).floor()

    def log_mass(self, value: Tensor) -> Tensor:
        """The log-mass of each feature's count: (n, d) -> (n, d)."""
        log_mean, log_theta = torch.broadcast_tensors(self.log_mean, self.log_inverse_dispersion)
        gap = log_mean - log_theta  # ln(μ/θ)
        # x ln(μ θ/(μ + θ)): with the ratio of gammas over θ^x, nothing large cancels as θ grows.
        powers = value * (log_mean + logsigmoid(-gap))
        # −θ ln(1 + μ/θ). Where θ > μ, as −μ · ln(1 + r)/r with r = μ/θ, for θ itself may overflow.
        ratio = gap.clamp(_LOG_TINY, 0).exp()
        below = gap < 0
        zeros = torch.where(below, log_mean, log_theta).exp() * torch.where(
            below, -torch.log1p(ratio) / ratio, logsigmoid(-gap)
        )
        return log_gamma_ratio(log_theta, value) + powers + zeros - torch.lgamma(value + 1)

    def log_prob(self, value: Tensor) -> Tensor:
        return self.log_mass(value).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        log_mean, log_theta = self.log_mean.detach(), self.log_inverse_dispersion.detach()
        shape = np.broadcast_shapes(log_mean.shape, log_theta.shape, (rows, 1))
        # A gamma of shape θ and mean 1. From e^40 on it is 1 to every digit.
        theta = log_theta.to(log_mean.dtype).clamp_max(40.0).exp()
        gamma = torch._standard_gamma(theta.expand(shape), generator=generator) / theta
        return torch.poisson((log_mean.exp() * gamma).clamp_max(LARGEST_RATE), generator=generator)
