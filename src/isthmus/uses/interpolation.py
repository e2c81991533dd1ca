"""Paths between two codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from isthmus.core.errors import ParameterError


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


def path_between(start: np.ndarray, end: np.ndarray, steps: int, path: str) -> np.ndarray:
    """``steps`` codes from ``start`` to ``end``, both included: (steps, latent_dim) float32.

    Raises
    ------
    ParameterError
        For fewer than 2 steps or an unknown path.
    """
    if not isinstance(steps, (int, np.integer)) or steps < 2:
        raise ParameterError(f"interpolate: `steps` must be an integer in [2, inf); got {steps!r}.")
    if path not in PATHS:
        raise ParameterError(f"interpolate: `path` must be {' or '.join(map(repr, PATHS))}; got {path!r}.")
    points = PATHS[path](start.astype(np.float64), end.astype(np.float64), np.linspace(0, 1, steps))
    points[0], points[-1] = start, end
    return points.astype(np.float32)
