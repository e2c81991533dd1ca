"""The shortest path between two codes, as the decoder sees it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

Decode = Callable[[Tensor], Tensor]
"""Codes (m, latent_dim), float64 on the CPU -> decoded rows (m, d), differentiable."""

# The curve is a polygon of so many segments while it is sought, and is measured at so many points on each of them.
SEGMENTS = 32
RESOLUTION = 8
ITERATIONS = 200
# L-BFGS remembers so many steps, and stops where the energy falls by a smaller share in one.
MEMORY = 20
TOLERANCE = 1e-7
# How far the arcs that are tried first bow out, as a share of the distance of the ends.
BOW = 0.3


def geodesic(decode: Decode, start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Codes on the shortest path from ``start`` to ``end``, at equal decoded distances: (steps, latent_dim) float64.

    A curve z(t) = line(t) + Σ_k c_k sin(πkt)/k is sought whose decoded polygon has the least energy Σ ‖g(z_{t+1}) −
    g(z_t)‖²: a geodesic of the metric that the decoder g pulls back from the space of rows (Arvanitidis, Hansen &
    Hauberg 2018, Latent space oddity, arXiv:1710.11379; Chen et al. 2018, Metrics for deep generative models,
    arXiv:1711.01204). In these coordinates the energy of a flat space is curved equally in all directions, so that
    L-BFGS needs few steps. It begins at the line, or at the best of some arcs beside it if that has less energy: a line
    over the top of a hill may be stationary. If the curve found is not shorter than the line, the line it is.

    Nothing is random, and ``steps`` does not change the curve.

    Parameters
    ----------
    decode : callable
        Float64 codes (m, latent_dim) -> decoded rows (m, d), differentiable.
    start, end : ndarray, shape (latent_dim,)
    steps : int
        At least 2.

    Examples
    --------
    Between two places on one latitude, the shortest way over the globe leads through higher ones:

    >>> def globe(degrees):
    ...     latitude, longitude = torch.deg2rad(degrees).unbind(1)
    ...     across = latitude.cos()
    ...     return torch.stack([across * longitude.cos(), across * longitude.sin(), latitude.sin()], 1)
    >>> geodesic(globe, np.array([45.0, 0.0]), np.array([45.0, 90.0]), 3)[1].round(1)
    array([54.7, 45. ])
    """
    start, end = start.astype(np.float64), end.astype(np.float64)
    straight = _curve(start, end, np.zeros((SEGMENTS - 1, len(start))), SEGMENTS * RESOLUTION)
    curve = _curve(start, end, _least_energy(decode, start, end), SEGMENTS * RESOLUTION)
    lengths = arc_lengths(decode, straight)
    bent = arc_lengths(decode, curve)
    if bent[-1] < (1 - 1e-6) * lengths[-1]:  # which nan is not
        straight, lengths = curve, bent
    return _evenly(straight, lengths, steps)


def arc_lengths(decode: Decode, points: np.ndarray) -> np.ndarray:
    """How far each of the points (m, latent_dim) is from the first, along the polygon of decoded points: (m,)."""
    with torch.inference_mode():
        rows = torch.cat([decode(piece).cpu().double() for piece in torch.from_numpy(points).split(SEGMENTS)])
    distances = torch.linalg.vector_norm(rows[1:] - rows[:-1], dim=1)
    return np.concatenate([[0.0], distances.cumsum(0).numpy()])


def _curve(start: np.ndarray, end: np.ndarray, coefficients: np.ndarray, segments: int) -> np.ndarray:
    """Points (segments + 1, latent_dim) of the curve with coefficients (k, latent_dim), at equal parameters."""
    fractions = np.linspace(0, 1, segments + 1)
    line = (1 - fractions)[:, None] * start + fractions[:, None] * end
    return line + _waves(fractions, len(coefficients)) @ coefficients


def _waves(fractions: np.ndarray, count: int) -> np.ndarray:
    """sin(πkt)/k for k = 1, …, count: (m,) -> (m, count)."""
    order = np.arange(1, count + 1)
    return np.sin(np.pi * fractions[:, None] * order) / order


def _least_energy(decode: Decode, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The coefficients of the curve, (SEGMENTS − 1, latent_dim)."""
    line = torch.from_numpy(_curve(start, end, np.zeros((1, len(start))), SEGMENTS))
    waves = torch.from_numpy(_waves(np.linspace(0, 1, SEGMENTS + 1), SEGMENTS - 1))

    def energy(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = torch.from_numpy(flat.reshape(SEGMENTS - 1, -1)).requires_grad_()
        with torch.enable_grad():
            rows = decode(line + waves @ coefficients)
            total = (rows[1:] - rows[:-1]).square().sum() * SEGMENTS
            (gradient,) = torch.autograd.grad(total, coefficients)
        return total.item(), gradient.numpy().ravel()

    begin = _first_coefficients(decode, start, end)
    options = {"maxiter": ITERATIONS, "ftol": TOLERANCE, "gtol": 0.0, "maxcor": MEMORY}
    found = minimize(energy, begin.ravel(), jac=True, method="L-BFGS-B", options=options)
    coefficients: np.ndarray = found.x.reshape(begin.shape)
    return coefficients


def _first_coefficients(decode: Decode, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Those of the line, or of the arc along an axis of the codes that has the least energy."""
    dim = len(start)
    bows = BOW * np.linalg.norm(end - start) * np.concatenate([np.zeros((1, dim)), np.eye(dim), -np.eye(dim)])
    energies = []
    for bow in bows:
        distances = np.diff(arc_lengths(decode, _curve(start, end, bow[None], SEGMENTS)))
        energies.append(np.square(distances).sum())
    coefficients = np.zeros((SEGMENTS - 1, dim))
    # The line comes first, and wins where it is as good.
    coefficients[0] = bows[int(np.nanargmin(energies))] if np.isfinite(energies).any() else 0.0
    return coefficients


def _evenly(points: np.ndarray, lengths: np.ndarray, steps: int) -> np.ndarray:
    """``steps`` points at equal distances along a polygon, whose ``lengths`` are known up to each of its points."""
    if not (np.isfinite(lengths[-1]) and lengths[-1] > 0):
        lengths = np.arange(len(points), dtype=np.float64)
    wanted = np.linspace(0, lengths[-1], steps)
    return np.stack([np.interp(wanted, lengths, column) for column in points.T], 1)
