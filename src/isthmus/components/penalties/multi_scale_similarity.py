"""Reconstructions that look like the image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, OneOf
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.image_shape import ImageShape
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register
from isthmus.core.schedule import Schedule
from isthmus.core.structural_similarity import SMALLEST_SIDE, exponents, similarity_terms

from .base import NOTHING, WEIGHT, Penalty, PenaltyModule

AUTO = "auto"
FLOOR = 0.01


@register("penalty", "multi-scale-similarity")
@dataclass(frozen=True)
class MultiScaleSimilarity(Penalty):
    """weight · (1 − MS-SSIM) of each image and its reconstruction: a perceptual term beside the likelihood.

    Wang, Simoncelli & Bovik (2003), Multiscale structural similarity for image quality assessment; as a loss: Snell et
    al. (2017), Learning to generate images with perceptual similarity metrics, arXiv:1511.06409. It compares the mean
    of the likelihood with the image that the likelihood is asked about, at up to five scales, fewer for small images:
    see :func:`~isthmus.core.structural_similarity.scales_for`; coloured images by the mean over their channels.

    The published power of a contrast that is negative is not a number. Below 0.01 powers go on as exponentials, with
    the same value and slope: images that have nothing in common keep a gradient.

    The likelihood counts nats of every pixel, this term goes from 0 to about 1 for a whole image: weights of the order
    of the number of pixels make them comparable.

    Parameters
    ----------
    weight : float or Schedule
        In nats for an image that has nothing of the original.
    shape : "auto" or tuple of int
        (height, width) or (height, width, channels) of the images; "auto" takes it from the data. Give it for images
        that come as flat rows.

    Raises
    ------
    ParameterError
        By :meth:`build`, for images smaller than 8 × 8; by the model, for rows that are not images in [0, 1].

    Examples
    --------
    >>> MultiScaleSimilarity(weight=500.0).scope
    'row'
    """

    takes_draws: ClassVar[bool] = True
    looks_at_reconstruction: ClassVar[bool] = True

    weight: float | Schedule = 100.0
    shape: str | tuple[int, ...] = AUTO

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "shape": (OneOf(AUTO), ImageShape()),
    }

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        clean, seen = self._maps(forward_pass.features), self._maps(forward_pass.likelihood.mean)
        with torch.autocast(seen.device.type, enabled=False):  # differences of squares need all digits
            terms = similarity_terms(seen if seen.dtype == torch.float64 else seen.float(), clean)
        scores = (exponents(terms) * continued_log(terms)).sum(-1).exp().mean(-1)
        return (1 - scores).sum() * (clean.shape[0] / scores.numel())

    def build(self, latent_dim: int, width: int) -> PenaltyModule:
        height, wide, _ = self._size()
        if min(height, wide) < SMALLEST_SIDE:
            raise ParameterError(
                f"MultiScaleSimilarity: images of {height} × {wide} pixels are too small to compare; at least "
                f"{SMALLEST_SIDE} × {SMALLEST_SIDE} are needed. Leave the penalty out."
            )
        return super().build(latent_dim, width)

    def _maps(self, rows: Tensor) -> Tensor:
        """Rows (..., d) as images (..., channels, height, width)."""
        return rows.unflatten(-1, self._size()).movedim(-1, -3)

    def _size(self) -> tuple[int, int, int]:
        if isinstance(self.shape, str):
            raise ParameterError(
                "MultiScaleSimilarity: `shape` must be (height, width) or (height, width, channels) before the penalty "
                "is built; got 'auto', which is filled in where rows are images. Set shape=(28, 28), say."
            )
        height, width, channels = self.shape if len(self.shape) == 3 else (*self.shape, 1)
        return height, width, channels


def continued_log(terms: Tensor) -> Tensor:
    """The logarithm; below 0.01 the straight line that touches it there.

    >>> continued_log(torch.tensor([1.0, 0.01, 0.0]))
    tensor([ 0.0000, -4.6052, -5.6052])
    """
    return terms.clamp_min(FLOOR).log() + (terms.clamp_max(FLOOR) / FLOOR - 1)
