"""PCA with the face of our models, so that one function can judge them all."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from .summary import FloatArray


class PrincipalComponents:
    """The linear baseline: PCA at the same dimension, with probabilistic PCA's exact likelihood.

    Parameters
    ----------
    latent_dim : int
        At most the number of rows and columns; a larger one is lowered to that.
    random_state : int
        For the randomised solver that scikit-learn chooses on large data.
    """

    def __init__(self, latent_dim: int, random_state: int | None = 0) -> None:
        self.latent_dim = latent_dim
        self.random_state = random_state

    def fit(self, rows: FloatArray) -> PrincipalComponents:
        """Fit to rows of any shape, (n, ...)."""
        flat = _flat(rows)
        self.pca_ = PCA(min(self.latent_dim, *flat.shape), random_state=self.random_state).fit(flat)
        return self

    def transform(self, rows: FloatArray) -> FloatArray:
        """The codes, (n, latent_dim)."""
        return np.asarray(self.pca_.transform(_flat(rows)))

    def reconstruct(self, rows: FloatArray) -> FloatArray:
        """Through the code and back, in the shape that came in."""
        return np.asarray(self.pca_.inverse_transform(self.transform(rows))).reshape(np.shape(rows))

    def score_samples(self, rows: FloatArray) -> FloatArray:
        """The exact log-likelihood of each row, in nats."""
        return np.asarray(self.pca_.score_samples(_flat(rows)))


def _flat(rows: Any) -> FloatArray:
    array = np.asarray(rows, dtype=np.float64)
    return array.reshape(len(array), -1)
