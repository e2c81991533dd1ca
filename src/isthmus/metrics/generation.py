"""Whether generated rows look like real ones, as a whole: their distribution, not their pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from isthmus.core.errors import InputError, ParameterError

from .checked_arrays import FloatArray, finite_rows

# Distances between two sets are formed a slice of rows at a time.
_DISTANCES_PER_SLICE = 4_000_000


class PrecisionRecall(NamedTuple):
    """What :func:`precision_recall` measures; both are fractions in [0, 1]."""

    precision: float
    recall: float


def frechet_distance(a: Any, b: Any) -> float:
    """The squared 2-Wasserstein distance between Gaussians fitted to two sets of features.

    ‖μ_a − μ_b‖² + tr(S_a + S_b − 2 (S_a S_b)^½), with unbiased covariances: the "Fréchet inception distance" of
    Heusel et al. (2017), arXiv:1706.08500, where the features are those of an Inception network. The trace of the root
    is the sum of the singular values of R_a R_bᵀ, the triangular factors of the centred features: nothing is squared
    and then rooted, so covariances of any rank are exact to rounding.

    The expectation over finite samples of one and the same distribution is above 0 and falls with their number:
    compare only numbers from equally many rows, and give that of real rows against real rows beside them.

    Parameters
    ----------
    a, b : array-like, shape (n, d) and (m, d)
        The features; trailing axes are flattened. At least two rows each.

    Returns
    -------
    float
        Squared units of the features; 0 for equal means and covariances.

    Raises
    ------
    InputError
        The widths differ, there are fewer than two rows, or a feature is not finite.

    Examples
    --------
    >>> frechet_distance([[0.0], [2.0]], [[3.0], [5.0]])
    9.0
    """
    first, second = _two_sets("a", a, "b", b, at_least=2)
    roots: list[FloatArray] = [
        np.asarray(np.linalg.qr((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1), mode="r"))
        for rows in (first, second)
    ]
    spread = sum(float(np.square(root).sum()) for root in roots)
    overlap = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    shift = float(np.square(first.mean(axis=0) - second.mean(axis=0)).sum())
    return max(0.0, shift + spread - 2 * overlap)


def precision_recall(real: Any, generated: Any, k: int = 3) -> PrecisionRecall:
    """How many generated rows lie among the real ones, and how many real rows among the generated.

    Kynkäänniemi et al. (2019), "Improved precision and recall metric for assessing generative models",
    arXiv:1904.06991: a set covers the balls around its rows that reach to their k-th nearest neighbour within the set.
    Precision is the share of generated rows that the real set covers, recall the share of real rows that the generated
    set covers. Low precision: bad rows; low recall: kinds of rows that are never generated.

    Parameters
    ----------
    real, generated : array-like, shape (n, d) and (m, d)
        The features; trailing axes are flattened. More than ``k`` rows each.
    k : int
        Which neighbour ends a ball; 3 in the paper.

    Raises
    ------
    InputError
        The widths differ, there are too few rows, or a feature is not finite.
    ParameterError
        ``k`` is below 1.

    Examples
    --------
    >>> precision_recall([[0.0], [1.0], [2.0], [9.0]], [[0.5], [1.0], [40.0]], k=1)
    PrecisionRecall(precision=0.6666666666666666, recall=1.0)
    """
    if k < 1:
        raise ParameterError(f"`k` must be at least 1; got {k}.")
    first, second = _two_sets("real", real, "generated", generated, at_least=k + 1)
    return PrecisionRecall(
        precision=_covered_share(first, _radii(first, k), second),
        recall=_covered_share(second, _radii(second, k), first),
    )


def _two_sets(first_name: str, first: Any, second_name: str, second: Any, at_least: int) -> tuple[FloatArray, ...]:
    sets = {first_name: finite_rows(first_name, first), second_name: finite_rows(second_name, second)}
    for name, rows in sets.items():
        if len(rows) < at_least:
            raise InputError(f"`{name}` must have at least {at_least} rows; got {len(rows)}.")
    widths = [rows.shape[1] for rows in sets.values()]
    if widths[0] != widths[1]:
        raise InputError(
            f"`{first_name}` and `{second_name}` must have the same width; got {widths[0]} and {widths[1]}."
        )
    return tuple(sets.values())


def _radii(rows: FloatArray, k: int) -> FloatArray:
    """The distance of each row to its k-th nearest neighbour among the others (it is its own nearest, at 0)."""
    return np.concatenate([np.partition(part, k, axis=1)[:, k] for part in _distances(rows, rows)])


def _covered_share(centres: FloatArray, radii: FloatArray, rows: FloatArray) -> float:
    """The share of ``rows`` within at least one ball."""
    return sum(int((part <= radii).any(axis=1).sum()) for part in _distances(rows, centres)) / len(rows)


def _distances(rows: FloatArray, others: FloatArray) -> Iterator[FloatArray]:
    """Euclidean distances of all ``rows`` to all ``others``, for a slice of ``rows`` at a time."""
    step = max(1, _DISTANCES_PER_SLICE // len(others))
    for start in range(0, len(rows), step):
        yield cdist(rows[start : start + step], others)
