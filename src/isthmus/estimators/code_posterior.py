"""What is known about the codes of some rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isthmus.core.random import RandomState, seed_from


@dataclass(frozen=True)
class CodePosterior:
    """q(z|x) of some rows: independent normals around the code; of width zero for a deterministic code.

    Attributes
    ----------
    mean : ndarray of float32, shape (n, latent_dim)
        What ``transform`` returns.
    standard_deviation : ndarray of float32, shape (n, latent_dim)
    """

    mean: np.ndarray
    standard_deviation: np.ndarray

    def sample(self, n: int = 1, random_state: RandomState = None) -> np.ndarray:
        """``n`` draws of the code of each row: (n, rows, latent_dim) float32."""
        generator = np.random.Generator(np.random.PCG64(seed_from(random_state)))
        noise = generator.standard_normal((n, *self.mean.shape), dtype=np.float32)
        return self.mean + self.standard_deviation * noise
