"""How much of the labels a simple classifier can read off the codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from isthmus.core.errors import InputError, ParameterError

from .checked_arrays import FloatArray, finite_rows, row_labels

_Checked = tuple[FloatArray, NDArray[Any], FloatArray, NDArray[Any]]


def linear_probe_accuracy(train_codes: Any, train_labels: Any, test_codes: Any, test_labels: Any) -> float:
    """Accuracy on the test rows of a logistic regression fitted to the standardised training codes.

    Parameters
    ----------
    train_codes, test_codes : array-like, shape (n, k) and (m, k)
        The codes; trailing axes are flattened.
    train_labels, test_labels : array-like, shape (n,) and (m,)
        The classes: at least two among the training rows.

    Returns
    -------
    float
        The fraction of test rows that are classified correctly, in [0, 1].

    Raises
    ------
    InputError
        Shapes do not match, a code is not finite, or there is only one class.

    Examples
    --------
    >>> linear_probe_accuracy([[0.0], [0.1], [5.0], [5.1]], ["a", "a", "b", "b"], [[0.2], [4.8]], ["a", "b"])
    1.0
    """
    fit_on, fit_labels, judge_on, judge_labels = _check(train_codes, train_labels, test_codes, test_labels)
    if len(np.unique(fit_labels)) < 2:
        raise InputError(f"A linear probe needs at least two classes in `train_labels`; all are {fit_labels[0]!r}.")
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    return float(probe.fit(fit_on, fit_labels).score(judge_on, judge_labels))


def nearest_neighbour_accuracy(
    train_codes: Any, train_labels: Any, test_codes: Any, test_labels: Any, k: int = 5
) -> float:
    """Accuracy on the test rows of the majority label among the ``k`` nearest training codes (Euclidean distance).

    Parameters
    ----------
    train_codes, test_codes, train_labels, test_labels
        As in :func:`linear_probe_accuracy`.
    k : int
        How many neighbours vote; at most the number of training rows.

    Returns
    -------
    float
        The fraction of test rows that are classified correctly, in [0, 1].

    Raises
    ------
    InputError
        Shapes do not match, or a code is not finite.
    ParameterError
        ``k`` is smaller than one or exceeds the number of training rows.

    Examples
    --------
    >>> nearest_neighbour_accuracy([[0.0], [1.0], [9.0]], [0, 0, 1], [[0.4], [8.0]], [0, 1], k=1)
    1.0
    """
    fit_on, fit_labels, judge_on, judge_labels = _check(train_codes, train_labels, test_codes, test_labels)
    if not 1 <= k <= len(fit_on):
        raise ParameterError(f"`k` must lie between 1 and the {len(fit_on)} training rows; got {k}.")
    return float(KNeighborsClassifier(n_neighbors=k).fit(fit_on, fit_labels).score(judge_on, judge_labels))


def _check(train_codes: Any, train_labels: Any, test_codes: Any, test_labels: Any) -> _Checked:
    fit_on, judge_on = finite_rows("train_codes", train_codes), finite_rows("test_codes", test_codes)
    if fit_on.shape[1] != judge_on.shape[1]:
        raise InputError(
            f"`train_codes` and `test_codes` must have the same width; got {fit_on.shape[1]} and {judge_on.shape[1]}."
        )
    fit_labels = row_labels("train_labels", train_labels, len(fit_on))
    return fit_on, fit_labels, judge_on, row_labels("test_labels", test_labels, len(judge_on))
