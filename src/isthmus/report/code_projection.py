"""Codes of any dimension as points in the plane, and in words how they got there."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from .summary import FloatArray


def project_to_plane(codes: Any, random_state: int = 0) -> tuple[FloatArray, str]:
    """Codes (n, k) as points (n, 2), with the name of the method.

    Two dimensions are shown as they are, one is spread out vertically at random, more go through t-SNE
    (van der Maaten and Hinton, 2008), or through PCA where there are too few rows for it.
    """
    rows = np.asarray(codes, dtype=np.float64).reshape(len(codes), -1)
    if rows.shape[1] == 2:
        return rows, "the two latent dimensions themselves"
    if rows.shape[1] == 1:
        spread = np.random.default_rng(random_state).uniform(-0.5, 0.5, len(rows)) * (np.ptp(rows) or 1.0)
        return np.column_stack([rows[:, 0], spread]), "the one latent dimension from left to right; height is random"
    if len(rows) < 30 or not rows.std(axis=0).any():
        return _principal_plane(rows), f"the first two principal components of {rows.shape[1]} latent dimensions"
    perplexity = min(30.0, len(rows) / 4)
    # One thread: its many short parallel loops crawl where other work shares the cores, and gain little elsewhere.
    with threadpool_limits(limits=1):
        points = TSNE(2, perplexity=perplexity, init="pca", random_state=random_state).fit_transform(rows)
    return np.asarray(points, dtype=np.float64), f"t-SNE of {rows.shape[1]} latent dimensions"


def _principal_plane(rows: FloatArray) -> FloatArray:
    centred = rows - rows.mean(axis=0)
    if len(rows) < 2 or not centred.any():
        return np.zeros((len(rows), 2))
    return np.asarray(PCA(2).fit_transform(centred), dtype=np.float64)
