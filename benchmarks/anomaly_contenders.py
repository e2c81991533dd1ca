"""Anomaly scores (higher = odder) by everybody's defaults, and what they cost.

Peers get columns with mean 0 and variance 1 over the rows to learn from; ours takes the rows as they are, and is told
with ``contamination=0`` where the rows to learn from are all normal ("untold": it is not). Where rows are scored that
were learnt from, a row is no neighbour of itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import peers
from anomaly_sets import Split
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

OURS, UNTOLD, NEAREST = "isthmus", "isthmus, untold", "1-NN"
# What is not finite counts as the oddest.
OVERFLOWN = 1e300


@dataclass(frozen=True)
class Scored:
    """Scores of the rows to score, and wall-clock and processor seconds of fitting and scoring."""

    scores: np.ndarray
    fit_seconds: float
    score_seconds: float
    cpu_seconds: float


def scored(contender: str, split: Split, seed: int) -> Scored:
    """Fit one contender and score with it."""
    began, cpu = time.perf_counter(), time.process_time()
    with peers.silence():
        score = CONTENDERS[contender](split, seed)
        fitted = time.perf_counter()
        scores = np.asarray(score(), dtype=np.float64)
    done = time.perf_counter()
    scores = np.nan_to_num(scores, nan=OVERFLOWN, posinf=OVERFLOWN)
    return Scored(scores, fitted - began, done - fitted, time.process_time() - cpu)


Fitted = Callable[[], np.ndarray]


def ours(told: bool) -> Callable[[Split, int], Fitted]:
    """Our detector with its defaults; ``told`` where rows are known to be normal."""

    def fit(split: Split, seed: int) -> Fitted:
        import isthmus

        known = {"contamination": 0} if told and not split.unsupervised else {}
        detector = isthmus.AnomalyDetector(random_state=seed, **known).fit(split.train)
        return lambda: detector.anomaly_score(split.test)

    return fit


def nearest(distances: Callable[[np.ndarray], np.ndarray], neighbours: int) -> Callable[[Split, int], Fitted]:
    """What ``distances`` makes of those to the nearest rows, (n, neighbours), in order."""

    def fit(split: Split, seed: int) -> Fitted:
        train, test = split.standardised()
        few = min(neighbours, len(train) - 1)
        search = NearestNeighbors(n_neighbors=few).fit(train)
        return lambda: distances(search.kneighbors(None if split.unsupervised else test)[0])

    return fit


def isolation_forest(split: Split, seed: int) -> Fitted:
    """scikit-learn's isolation forest."""
    train, test = split.standardised()
    forest = IsolationForest(random_state=seed).fit(train)
    return lambda: -forest.score_samples(test)


def local_outlier_factor(split: Split, seed: int) -> Fitted:
    """scikit-learn's local outlier factor."""
    train, test = split.standardised()
    factor = LocalOutlierFactor(novelty=not split.unsupervised).fit(train)
    return lambda: -(factor.negative_outlier_factor_ if split.unsupervised else factor.score_samples(test))


def pyod(name: str) -> Callable[[Split, int], Fitted]:
    """A detector of PyOD's."""

    def fit(split: Split, seed: int) -> Fitted:
        train, test = split.standardised()
        if name == "PCA":  # it divides by the variance of components
            varying = train.std(axis=0) > 0
            train, test = train[:, varying], test[:, varying]
        detector = _pyod_detector(name, seed)
        detector.fit(train)
        return lambda: detector.decision_function(test)

    return fit


def _pyod_detector(name: str, seed: int) -> Any:
    import torch

    if name == "PCA":
        from pyod.models.pca import PCA

        return PCA(random_state=seed)
    common: dict[str, Any] = {"random_state": seed, "verbose": 0, "device": torch.device("cpu")}
    if name == "AE":
        from pyod.models.auto_encoder import AutoEncoder

        return AutoEncoder(**common)
    from pyod.models.vae import VAE

    return VAE(**common)


CONTENDERS: Mapping[str, Callable[[Split, int], Fitted]] = {
    OURS: ours(told=True),
    UNTOLD: ours(told=False),
    "kNN, 5th distance": nearest(lambda found: found[:, -1], 5),
    "kNN, mean of 5": nearest(lambda found: found.mean(axis=1), 5),
    NEAREST: nearest(lambda found: found[:, 0], 1),
    "IForest": isolation_forest,
    "LOF": local_outlier_factor,
    "PCA": pyod("PCA"),
    "PyOD AE": pyod("AE"),
    "PyOD VAE": pyod("VAE"),
}
