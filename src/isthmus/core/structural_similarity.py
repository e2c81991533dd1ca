"""Structural similarity of images at several scales: the maths behind a metric and a penalty.

Wang, Simoncelli & Bovik (2003), Multiscale structural similarity for image quality assessment, Asilomar 37; one scale:
Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of the scales, from the finest, as Wang et al. found them in experiments with people."""

SMALLEST_SIDE = 8
WINDOW, DEVIATION = 11, 1.5
LUMINANCE, CONTRAST = 0.01, 0.03


def scales_for(height: int, width: int) -> tuple[int, int]:
    """(side of the window, number of scales) for images of this size.

    The window is that of the paper, 11 pixels, or the largest odd number up to half of the smaller side; there are as
    many scales as it fits into, at most 5.

    >>> scales_for(8, 8), scales_for(28, 28), scales_for(64, 64), scales_for(256, 256)
    ((3, 2), (11, 2), (11, 3), (11, 5))
    """
    side = min(height, width)
    window = min(WINDOW, (side // 2 - 1) // 2 * 2 + 1)
    return window, sum(side >> scale >= window for scale in range(len(WEIGHTS)))


def similarity_terms(first: Tensor, second: Tensor) -> Tensor:
    """What the similarity of two images is a product of, before exponents: (..., scales), in (-1, 1].

    Contrast and structure at each scale but the last, where luminance joins them; each a mean over positions.
    A window is Gaussian with a standard deviation of 1.5 / 11 of its side, and lies within the image. From scale to
    scale 2 × 2 pixels are averaged; an odd last row or column drops out.

    Parameters
    ----------
    first, second : Tensor, each (..., height, width)
        Grey levels in [0, 1], at least 8 × 8.
    """
    window, scales = scales_for(*first.shape[-2:])
    first, second = torch.broadcast_tensors(first, second)
    terms = []
    for scale in range(scales):
        luminance, structure = _at_one_scale(first, second, window)
        last = scale == scales - 1
        terms.append((luminance * structure if last else structure).mean((-2, -1)))
        if not last:
            first, second = _halved(first), _halved(second)
    return torch.stack(terms, -1)


def exponents(terms: Tensor) -> Tensor:
    """The exponent of each term, (scales,): fewer scales than five share the whole in the same proportions."""
    weights = torch.tensor(WEIGHTS[: terms.shape[-1]], dtype=terms.dtype, device=terms.device)
    return weights / weights.sum()


def _at_one_scale(first: Tensor, second: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, at each position of the window."""
    maps = torch.stack([first, second, first.square(), second.square(), first * second])
    # Weighted means in windows are products with banded matrices: much faster than convolutions of single channels.
    down, across = (_bands(side, window, first) for side in first.shape[-2:])
    mean_1, mean_2, square_1, square_2, product = down @ maps @ across.T
    squares, product_of_means = mean_1.square() + mean_2.square(), mean_1 * mean_2
    luminance = (2 * product_of_means + LUMINANCE**2) / (squares + LUMINANCE**2)
    structure = (2 * (product - product_of_means) + CONTRAST**2) / (square_1 + square_2 - squares + CONTRAST**2)
    return luminance, structure


def _bands(side: int, window: int, like: Tensor) -> Tensor:
    """The weights of the window at each of its places along a side: (side - window + 1, side)."""
    places = torch.arange(window, dtype=like.dtype, device=like.device) - (window - 1) / 2
    weights = torch.softmax(-0.5 * (places * (WINDOW / (DEVIATION * window))).square(), 0)
    steps = torch.arange(side, device=like.device) - torch.arange(side - window + 1, device=like.device)[:, None]
    inside = (steps >= 0) & (steps < window)
    return torch.where(inside, weights[steps.clamp(0, window - 1)], 0.0)


def _halved(maps: Tensor) -> Tensor:
    halved = functional.avg_pool2d(maps.reshape(-1, *maps.shape[-2:]), 2)
    return halved.reshape(*maps.shape[:-2], *halved.shape[-2:])
