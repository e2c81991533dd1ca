"""What is known about the codes of some rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from isthmus.core.random import RandomState, seed_from


@dataclass(frozen=True, eq=False)
class CodePosterior:
    """q(z|x) of some rows.

    Attributes
    ----------
    mean : ndarray of float32, shape (n, latent_dim)
        What ``transform`` returns: the mean of a Gaussian, the direction on a sphere, the code itself if it is
        deterministic.
    standard_deviation : ndarray of float32, shape (n, latent_dim), or None
        Of each coordinate; zeros for a deterministic code, None where it has no closed form (flows).
    draw : callable
        ``draw(seeds) -> (len(seeds), n, latent_dim)``: a code of each row for each seed.
    """

    mean: np.ndarray
    standard_deviation: np.ndarray | None
    draw: Callable[[Sequence[int]], np.ndarray]

    def sample(self, n: int = 1, random_state: RandomState = None) -> np.ndarray:
        """``n`` draws of the code of each row: (n, rows, latent_dim) float32."""
        seeds = np.random.SeedSequence(seed_from(random_state)).generate_state(n, np.uint64)
        return self.draw([int(seed >> np.uint64(1)) for seed in seeds])
