"""The maximum-likelihood scale of Student's t from a fine histogram of the errors: one pass over the data is enough."""

from __future__ import annotations

import math

import torch
from torch import Tensor

PER_OCTAVE = 256
SMALLEST, LARGEST = -40, 40
BINS = (LARGEST - SMALLEST) * PER_OCTAVE
HALVINGS = 100


def residual_histogram(error: Tensor) -> Tensor:
    """How many squared errors fall into each bin, and what they add up to.

    The bins divide each factor of 2 between 2⁻⁴⁰ and 2⁴⁰ into 256; the first and the last also take what lies beyond.

    Parameters
    ----------
    error : Tensor, float64, any shape

    Returns
    -------
    Tensor, float64, shape (40960,)
        The counts, then the sums.
    """
    squared = error.detach().square().flatten()
    octaves = squared.clamp_min(2.0**SMALLEST).log2().clamp_max(float(LARGEST))
    place = ((octaves - SMALLEST) * PER_OCTAVE).long().clamp(0, BINS - 1)
    empty = torch.zeros(BINS, dtype=squared.dtype, device=squared.device)
    counts = empty.index_add(0, place, torch.ones_like(squared))
    return torch.cat([counts, empty.index_add(0, place, squared)])


def best_squared_scale(histogram: Tensor, freedom: float, floor: float) -> float:
    """The s² at which a fixed ν makes the errors most likely; ``floor`` if it is below.

    The root of Σ (ν + 1) u/(ν + u) = Σ 1 with u = r²/s² (Lange et al. 1989), where every squared error stands at the
    mean of its bin. With bins of relative width h = ln 2 / 256 that changes s² by less than a relative h²/4 = 2e-6.

    Parameters
    ----------
    histogram : Tensor
        Of :func:`residual_histogram`, or a sum of several.
    freedom : float
        ν.
    floor : float
        Above 0.

    Examples
    --------
    Half of the errors 1, half of them 4, and ν = 4: u/(4 + u) must be 1/5 on average.

    >>> scale = best_squared_scale(residual_histogram(torch.tensor([1.0, 4.0]).double()), 4.0, 1e-6)
    >>> round(1 / (4 * scale + 1) + 16 / (4 * scale + 16), 12)
    0.4
    """
    counts, sums = histogram.reshape(2, BINS)
    filled = counts > 0
    counts, means = counts[filled], sums[filled] / counts[filled]
    total = float(counts.sum())

    def excess(squared_scale: float) -> float:
        return float((counts * (freedom + 1) * means / (freedom * squared_scale + means)).sum()) - total

    # The excess falls as s² grows: it is at most 0 where s² is the largest squared error.
    low, high = math.log(floor), math.log(max(floor, float(means.max())))
    if excess(floor) <= 0:
        return floor
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(math.exp(middle)) > 0 else (low, middle)
    return math.exp((low + high) / 2)
