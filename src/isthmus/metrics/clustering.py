"""Whether the codes fall into the groups that people would name."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from .checked_arrays import finite_rows, row_labels


def kmeans_nmi(codes: Any, labels: Any, random_state: int | np.random.RandomState | None = None) -> float:
    """Normalised mutual information between the labels and k-means clusters of the codes.

    k is the number of distinct labels (or of distinct codes, where codes have collapsed to fewer); the best of ten
    starts counts. The normalisation is the arithmetic mean of the two entropies.

    Parameters
    ----------
    codes : array-like, shape (n, d)
        The codes; trailing axes are flattened.
    labels : array-like, shape (n,)
        The groups that people would name. They are not used for clustering.
    random_state : int or RandomState, optional
        Where the starts are drawn from.

    Returns
    -------
    float
        0 (unrelated) to 1 (the same groups).

    Raises
    ------
    InputError
        Shapes do not match, or a code is not finite.

    Examples
    --------
    >>> kmeans_nmi([[0.0], [0.1], [9.0], [9.1]], ["a", "a", "b", "b"], random_state=0)
    1.0
    """
    rows = finite_rows("codes", codes)
    groups = row_labels("labels", labels, len(rows))
    clusters = min(len(np.unique(groups)), len(np.unique(rows, axis=0)))
    found = KMeans(n_clusters=clusters, n_init=10, random_state=random_state).fit_predict(rows)
    return float(normalized_mutual_info_score(groups, found))
