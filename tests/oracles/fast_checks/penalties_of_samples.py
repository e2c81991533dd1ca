"""Penalties that compare codes with draws of the prior, against loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import torch

from isthmus.components.penalties.maximum_mean_discrepancy import MaximumMeanDiscrepancy
from isthmus.components.penalties.sliced_wasserstein import SlicedWasserstein
from isthmus.distributions import PointMass, UniformSphere

from .known_numbers import close, values
from .passes import pass_with

ROWS, DIM = 5, 2


def _kernel(spec: MaximumMeanDiscrepancy, x: np.ndarray, y: np.ndarray, typical: float) -> float:
    squared = ((x - y) ** 2).sum()
    given = None if isinstance(spec.scale, str) else float(spec.scale) ** 2
    if spec.kernel == "rbf":
        return float(np.exp(-squared / (typical if given is None else 2 * given)))
    constant = typical if given is None else given
    return constant / (constant + squared)


def kernels_compare_codes_with_the_prior() -> None:
    z, noise = values(ROWS, DIM), values(ROWS, DIM + 1, seed=1)
    own = PointMass(z)
    on_sphere = torch.nn.functional.normalize(noise[:, :-1], dim=-1)
    for prior, drawn, typical in ((None, noise[:, :-1], 2.0 * DIM), (UniformSphere(DIM), on_sphere, 2.0)):
        x, y = z.numpy(), drawn.numpy()
        for kernel in ("inverse-multiquadratic", "rbf"):
            for scale in ("auto", 0.8):
                spec = MaximumMeanDiscrepancy(kernel=kernel, scale=scale)
                within = [np.mean([_kernel(spec, a, b, typical) for a, b in combinations(rows, 2)]) for rows in (x, y)]
                between = np.mean([_kernel(spec, a, b, typical) for a in x for b in y])
                found = spec.value(pass_with(own, z, prior), noise)
                close(found, ROWS * (sum(within) - 2 * between))


def projections_are_transported_in_order() -> None:
    z, noise = values(ROWS, DIM), values(ROWS, 2 * DIM + 1, seed=1)
    drawn = noise[:, DIM:-1].numpy()
    distances = []
    for line in noise[:3, :DIM].numpy():
        unit = line / np.linalg.norm(line)
        distances.append(np.mean((np.sort(z.numpy() @ unit) - np.sort(drawn @ unit)) ** 2))
    close(SlicedWasserstein(projections=3).value(pass_with(PointMass(z)), noise), ROWS * np.mean(distances))
