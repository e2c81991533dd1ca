"""Student's t: a normal with heavy tails, which a few wild values cannot pull far."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from .base import Distribution
from .gamma_ratio import log_gamma_ratio
from .normal import LOG_2_PI


class IndependentStudentT(Distribution):
    """Each feature is ``location + scale · t``, with t of ν degrees of freedom.

    The density is that of Bishop (2006), Pattern Recognition and Machine Learning, eq. 2.159: Γ((ν+1)/2) / (Γ(ν/2)
    √(πν) scale) · [1 + ((x − location)/scale)²/ν]^(−(ν+1)/2). It is the Cauchy density for ν = 1 and tends to the
    normal one as ν grows. The variance is scale² ν/(ν − 2) for ν > 2 and infinite otherwise.

    Parameters
    ----------
    location : Tensor, shape (n, d)
    scale : Tensor, scalar, (d,) or (n, d)
        > 0; not the standard deviation.
    degrees_of_freedom : Tensor, scalar, (d,) or (n, d)
        ν > 0.

    Examples
    --------
    >>> cauchy = IndependentStudentT(torch.zeros(1, 1), torch.tensor(1.0), torch.tensor(1.0))
    >>> cauchy.log_prob(torch.zeros(1, 1)).exp()  # 1/π
    tensor([0.3183])
    """

    __slots__ = ("degrees_of_freedom", "location", "scale")

    def __init__(self, location: Tensor, scale: Tensor, degrees_of_freedom: Tensor) -> None:
        self.location, self.scale, self.degrees_of_freedom = location, scale, degrees_of_freedom

    @property
    def mean(self) -> Tensor:
        """The location; for ν ≤ 1 there is no mean, and this is the median."""
        return self.location

    @property
    def mode(self) -> Tensor:
        return self.location

    def log_prob(self, value: Tensor) -> Tensor:
        freedom = self.degrees_of_freedom
        constant = log_gamma_ratio((freedom / 2).log(), freedom.new_tensor(0.5)) - 0.5 * LOG_2_PI - self.scale.log()
        ratio = (value - self.location) / (self.scale * freedom.sqrt())
        return (constant - 0.5 * (freedom + 1) * torch.log1p(ratio.square())).sum(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        # A normal over the root of an independent chi-squared / ν, which is a gamma of shape ν/2 over ν/2.
        half = self.degrees_of_freedom / 2
        shape = np.broadcast_shapes(self.location.shape, self.scale.shape, half.shape, (rows, 1))
        noise = torch.randn(shape, generator=generator, device=self.location.device, dtype=self.location.dtype)
        gamma = torch._standard_gamma(half.to(noise.dtype).expand(shape), generator=generator)
        return self.location + self.scale * noise * (half / gamma).sqrt()
