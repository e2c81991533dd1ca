"""Paths between two codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from isthmus.core.context import Context
from isthmus.core.errors import ParameterError
from isthmus.models.autoencoder import ComposedAutoencoder

from .geodesic import Decode, arc_lengths, geodesic

GEODESIC = "geodesic"
# A path's length is measured at so many points at least.
MEASURED_POINTS = 256


def linear(start: np.ndarray, end: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """The straight line: (d,), (d,), (steps,) -> (steps, d)."""
    return (1 - fractions)[:, None] * start + fractions[:, None] * end


def spherical(start: np.ndarray, end: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Along the great circle, the norm going evenly from one to the other (White 2016, arXiv:1609.04468).

    Falls back to the straight line where the two are (anti)parallel or one is zero: no single circle joins them.
    """
    norms = np.linalg.norm(start), np.linalg.norm(end)
    if min(norms) == 0:
        return linear(start, end, fractions)
    first, second = start / norms[0], end / norms[1]
    angle = np.arccos(np.clip(first @ second, -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return linear(start, end, fractions)
    directions = (
        np.sin((1 - fractions) * angle)[:, None] * first + np.sin(fractions * angle)[:, None] * second
    ) / np.sin(angle)
    return directions * ((1 - fractions) * norms[0] + fractions * norms[1])[:, None]


PATHS: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "linear": linear,
    "spherical": spherical,
}


def checked_steps(steps: Any) -> int:
    """A number of steps; raises :class:`ParameterError` for fewer than 2."""
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 2:
        raise ParameterError(f"interpolate: `steps` must be an integer in [2, inf); got {steps!r}.")
    return int(steps)


def path_between(start: np.ndarray, end: np.ndarray, steps: int, path: str, decode: Decode | None = None) -> np.ndarray:
    """``steps`` codes from ``start`` to ``end``, both included: (steps, latent_dim) float32.

    "geodesic" needs a ``decode``, see :func:`~.geodesic.geodesic`.

    Raises
    ------
    ParameterError
        For fewer than 2 steps or an unknown path.
    """
    steps = checked_steps(steps)
    if path == GEODESIC and decode is not None:
        points = geodesic(decode, start, end, steps)
    elif path in PATHS:
        points = PATHS[path](start.astype(np.float64), end.astype(np.float64), np.linspace(0, 1, steps))
    else:
        names = ", ".join(map(repr, PATHS))
        raise ParameterError(f"interpolate: `path` must be {names} or {GEODESIC!r}; got {path!r}.")
    points[0], points[-1] = start, end
    return points.astype(np.float32)


def code_path(
    model: ComposedAutoencoder, start: np.ndarray, end: np.ndarray, steps: int, path: str, context: Context | None
) -> np.ndarray:
    """:func:`path_between` the codes of a model, under its decoder: (steps, latent_dim) float32.

    Parameters
    ----------
    context : Context or None
        Of the rows on the path; a geodesic needs the same for all.

    Raises
    ------
    ParameterError
        As :func:`path_between`; and for a geodesic where codes are not points of R^d.
    """
    decode = None
    if path == GEODESIC:
        if model.code_space != "euclidean":
            where = {"sphere": "unit vectors", "symbols": "symbols of a codebook"}[model.code_space]
            raise ParameterError(
                f"interpolate: path='geodesic' needs codes that can move freely, but those of this model are {where}. "
                "Use path='spherical' on the sphere and path='linear' elsewhere."
            )
        decode = decoder(model, context)
    return path_between(start, end, steps, path, decode)


def path_length(model: ComposedAutoencoder, codes: np.ndarray, context: Context | None) -> float:
    """The length of the decoded path that leads straight from code to code (m, latent_dim), in scaled features.

    Measured along a polygon of at least 256 decoded points.
    """
    pieces = max(2, -(-MEASURED_POINTS // (len(codes) - 1)))
    places = np.linspace(0, len(codes) - 1, pieces * (len(codes) - 1) + 1)
    columns = [np.interp(places, np.arange(len(codes)), column) for column in codes.T.astype(np.float64)]
    return float(arc_lengths(decoder(model, context), np.stack(columns, 1))[-1])


def decoder(model: ComposedAutoencoder, context: Context | None) -> Decode:
    """From codes to the likelihood's mean, differentiable, under one context.

    Raises
    ------
    ParameterError
        The rows of the context differ.
    """
    model.eval()
    if context is not None:
        for part in (context.condition, context.exposure):
            if part is not None and bool((part != part[:1]).any()):
                raise ParameterError(
                    "The decoded length of a path, and a geodesic, need one condition for the whole path. Pass one "
                    "value in `given` for each condition."
                )
        context = context[slice(1)].to(model.scale.device)

    def decode(z: Tensor) -> Tensor:
        distribution: Any = model.decode(z.to(model.scale.dtype).to(model.scale.device), context)
        mean: Tensor = distribution.mean
        return mean

    return decode
