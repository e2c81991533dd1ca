"""How alike images look."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isthmus.core.errors import InputError
from isthmus.core.structural_similarity import SMALLEST_SIDE, exponents, similarity_terms

from .checked_arrays import FloatArray, numeric_array

CHANNELS = (1, 3, 4)
_VALUES_PER_SLICE = 2_000_000


def multi_scale_similarity(x: Any, x_hat: Any) -> FloatArray:
    """The multi-scale structural similarity (MS-SSIM) of each pair of images: 1 where they are equal.

    Wang, Simoncelli & Bovik (2003), Multiscale structural similarity for image quality assessment, with the paper's
    exponents and constants (K₁ = 0.01, K₂ = 0.03). Small images get a smaller window than 11 pixels and fewer scales
    than five, whose exponents are scaled up to add up to 1: see
    :func:`~isthmus.core.structural_similarity.scales_for`. A channel's score is 0 where one of its terms is negative;
    a coloured image has the mean of its channels.

    Parameters
    ----------
    x, x_hat : array-like, shape (n, height, width) or (n, height, width, channels)
        At least 8 × 8 pixels; uint8, or numbers in [0, 1].

    Returns
    -------
    ndarray of float64, shape (n,)
        In [0, 1].

    Raises
    ------
    InputError
        The shapes differ or are not those of images, or a number lies outside [0, 1].

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), dtype=np.uint8)
    >>> multi_scale_similarity(images, images)
    array([1., 1.])
    >>> multi_scale_similarity(images, images // 2 + 64).round(2)
    array([0.81, 0.81])
    """
    left, right = _images("x", x), _images("x_hat", x_hat)
    if left.shape != right.shape:
        raise InputError(f"`x` and `x_hat` must have the same shape; got {left.shape} and {right.shape}.")
    rows = max(1, _VALUES_PER_SLICE // left[0].size)
    pieces = [slice(start, start + rows) for start in range(0, len(left), rows)]
    return np.concatenate([_similarity(_unit("x", left[part]), _unit("x_hat", right[part])) for part in pieces])


def _similarity(first: torch.Tensor, second: torch.Tensor) -> FloatArray:
    terms = similarity_terms(first, second)
    scores: FloatArray = (terms.clamp_min(0) ** exponents(terms)).prod(-1).mean(1).numpy()
    return scores


def _images(name: str, data: Any) -> NDArray[Any]:
    array = numeric_array(name, data)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in CHANNELS or min(array.shape[1:3]) < SMALLEST_SIDE:
        raise InputError(
            f"`{name}` must hold images, (n, height, width) or (n, height, width, channels) with 1, 3 or 4 channels "
            f"and at least {SMALLEST_SIDE} × {SMALLEST_SIDE} pixels; got shape {np.shape(data)}."
        )
    return array


def _unit(name: str, images: NDArray[Any]) -> torch.Tensor:
    """(n, channels, height, width) in [0, 1], float64."""
    scaled = images / 255.0 if images.dtype == np.uint8 else images.astype(np.float64)
    low, high = float(scaled.min()), float(scaled.max())
    if not (low >= 0 and high <= 1):  # NaN too
        raise InputError(
            f"`{name}` must be uint8 or in [0, 1]; its numbers go from {low:g} to {high:g}. Pass x / 255 or "
            "x.clip(0, 1), whichever they mean."
        )
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))
