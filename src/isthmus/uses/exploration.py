"""Codes that show what the dimensions of a code do: traversals, and the map of two dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from isthmus.components.priors.base import PriorModule
from isthmus.core.errors import ParameterError
from isthmus.models.autoencoder import ComposedAutoencoder

from .code_moments import moments
from .diagnosis import Diagnosis


@torch.inference_mode()
def code_moments(density: PriorModule, model: ComposedAutoencoder, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each dimension under a density of codes, each (latent_dim,) float64.

    Raises
    ------
    ParameterError
        The codes are not points of R^d, where each dimension can be moved alone; ``method`` asks.
    """
    refuse_other_spaces(model, method, ("euclidean",))
    mean, deviation = moments(density(model.encode_inputs))
    return mean.numpy(), deviation.numpy()


def refuse_other_spaces(model: ComposedAutoencoder, method: str, allowed: Sequence[str]) -> None:
    """Raise :class:`ParameterError` unless the model's codes live in one of the ``allowed`` spaces."""
    if model.code_space not in allowed:
        what = {"sphere": "unit vectors", "symbols": "symbols of a codebook"}[model.code_space]
        raise ParameterError(
            f"{method} needs codes whose dimensions can be moved, but those of this model are {what}. Use a model with "
            "codes in R^d, such as Autoencoder() or VAE()."
        )


def activity_order(diagnosis: Diagnosis, deviation: np.ndarray) -> np.ndarray:
    """The dimensions of a code, the most active first: (latent_dim,) int64.

    By their rate where it is known, else by their standard deviation (latent_dim,).
    """
    rates = diagnosis.rate_per_dimension
    activity = deviation if rates is None else np.asarray(rates)
    return np.argsort(-activity, kind="stable")


def chosen_dimensions(dims: Any, order: np.ndarray, active: int) -> np.ndarray:
    """The dimensions that ``dims`` asks for: None (the active ones), a number of the most active, or themselves.

    Raises
    ------
    ParameterError
        A dimension does not exist or is named twice.
    """
    total = len(order)
    if dims is None:
        return order[: max(1, active)]
    wrong = ParameterError(
        f"traverse: `dims` must be None, a number of dimensions from 1 to {total}, or different dimensions from 0 to "
        f"{total - 1}; got {dims!r}."
    )
    if isinstance(dims, (int, np.integer)) and not isinstance(dims, bool):
        if not 1 <= dims <= total:
            raise wrong
        return order[: int(dims)]
    chosen = np.asarray(dims)
    if chosen.ndim != 1 or len(chosen) == 0 or chosen.dtype.kind not in "iu":
        raise wrong
    if chosen.min() < 0 or chosen.max() >= total or len(np.unique(chosen)) < len(chosen):
        raise wrong
    return chosen.astype(np.int64)


def traversal(
    code: np.ndarray, mean: np.ndarray, deviation: np.ndarray, dims: np.ndarray, span: Any, steps: Any
) -> np.ndarray:
    """Copies of a code in which each of ``dims`` goes from mean − span · deviation to mean + span · deviation.

    Returns
    -------
    ndarray of float32, shape (len(dims), steps, latent_dim)

    Examples
    --------
    >>> traversal(np.array([7.0, 8.0]), np.zeros(2), np.ones(2), np.array([1]), 2.0, 3).tolist()
    [[[7.0, -2.0], [7.0, 0.0], [7.0, 2.0]]]
    """
    _check_grid("traverse", span, steps)
    codes = np.tile(code.astype(np.float32), (len(dims), steps, 1))
    for row, dim in zip(codes, dims, strict=True):
        row[:, dim] = mean[dim] + deviation[dim] * np.linspace(-span, span, steps)
    return codes


def quantile_grid(mean: np.ndarray, deviation: np.ndarray, span: Any, steps: Any) -> np.ndarray:
    """Codes at the quantiles of a normal in two dimensions, laid out as a picture (Kingma & Welling 2014, figure 4).

    The quantiles are at equal distances in probability, from −span to +span standard deviations. The first dimension
    grows to the right, the second one upwards.

    Returns
    -------
    ndarray of float32, shape (steps, steps, 2)

    Examples
    --------
    >>> quantile_grid(np.zeros(2), np.array([1.0, 10.0]), 2.0, 3)[0].tolist()
    [[-2.0, 20.0], [0.0, 20.0], [2.0, 20.0]]
    """
    _check_grid("manifold", span, steps)
    quantiles = ndtri(np.linspace(ndtr(-span), ndtr(span), steps))
    # What rounding makes of the middle and the ends.
    quantiles = (quantiles - quantiles[::-1]) / 2
    quantiles[0], quantiles[-1] = -span, span
    across, up = np.meshgrid(mean[0] + deviation[0] * quantiles, mean[1] + deviation[1] * quantiles[::-1])
    return np.stack([across, up], -1).astype(np.float32)


def _check_grid(method: str, span: Any, steps: Any) -> None:
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 2:
        raise ParameterError(f"{method}: `steps` must be an integer in [2, inf); got {steps!r}.")
    if isinstance(span, bool) or not isinstance(span, Real) or not 0 < float(span) < math.inf:
        raise ParameterError(f"{method}: `span` must be a number in (0, inf); got {span!r}.")


def moved(codes: np.ndarray, direction: np.ndarray, amounts: np.ndarray, on_sphere: bool) -> np.ndarray:
    """Codes (n, latent_dim) moved by amounts (n,) along a direction (latent_dim,), float32.

    On the sphere they are brought back to unit length; a code that was moved to the centre stays where it was.
    """
    result = codes + amounts[:, None] * direction
    if on_sphere:
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        result = np.where(lengths > 1e-12, result / np.maximum(lengths, 1e-12), codes)
    result = np.where(amounts[:, None] == 0, codes, result)
    return result.astype(np.float32)
