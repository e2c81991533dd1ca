"""Γ(a + b) / Γ(a) without the cancellation that two log-gammas suffer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Coefficients of 1/z, 1/z³, … in ln Γ(z) − [(z − ½) ln z − z + ½ ln 2π] (Abramowitz & Stegun 1964, 6.1.41): from
# z = 10 on the first one left out is below 2e-14.
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)
LOG_LARGE = math.log(10)
# Beyond e^80 the ratio is 1 to every digit, and float32 ends at e^88.
LOG_LARGEST = 80.0


def log_gamma_ratio(log_shape: Tensor, increment: Tensor) -> Tensor:
    """ln [Γ(shape + increment) / (Γ(shape) shape^increment)], elementwise; 0 where the increment is 0.

    It tends to 0 as the shape grows, where the difference of two log-gammas would be rounding noise (at shape 1e8 it
    is off by 1e-7 in float64 and by 100 in float32).

    Parameters
    ----------
    log_shape : Tensor
        The logarithm of the shape, of any size: the shape itself may underflow.
    increment : Tensor
        At least 0; broadcast against ``log_shape``.

    Examples
    --------
    Γ(2 + 3) / (Γ(2) 2³) = 24 / 8:

    >>> log_gamma_ratio(torch.tensor(2.0).log(), torch.tensor(3.0))  # ln 3
    tensor(1.0986)
    """
    shape = log_shape.clamp(LOG_LARGE, LOG_LARGEST).exp()
    total = shape + increment
    large = (total - 0.5) * torch.log1p(increment / shape) - increment + _remainder(total) - _remainder(shape)
    # Γ(shape) = Γ(1 + shape) / shape, which stays finite as the shape vanishes. Each branch gets arguments that are
    # valid in it, because the gradient of the one that is not selected must be finite too.
    log_small = log_shape.clamp_max(LOG_LARGE)
    shape = log_small.exp()
    # For an increment of 0, that of 1: the ratio is 1 in both, but this form of it is undefined at 0 if shape vanishes.
    step = torch.where(increment > 0, increment, 1.0)
    small = torch.lgamma(shape + step) - torch.lgamma(shape + 1) + (1 - step) * log_small
    return torch.where(log_shape > LOG_LARGE, large, small)


def _remainder(z: Tensor) -> Tensor:
    inverse = z.reciprocal()
    square = inverse.square()
    series = torch.zeros_like(z)
    for coefficient in reversed(STIRLING):
        series = series * square + coefficient
    return series * inverse
