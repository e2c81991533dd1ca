"""The anomaly sets of the benchmarks (ADBench's, as ``.npz`` with ``X`` and ``y``), and how they are split."""

from __future__ import annotations

from dataclasses import dataclass

import mixed_tables
import numpy as np

SMALL = [
    "Hepatitis",
    "Lymphography",
    "PageBlocks",
    "Stamps",
    "WBC",
    "WDBC",
    "annthyroid",
    "breastw",
    "landsat",
    "mnist",
    "satellite",
    "vertebral",
    "vowels",
    "wine",
    "yeast",
]
LARGE = ["ALOI", "InternetAds", "campaign", "celeba", "donors", "http", "musk", "pendigits", "skin", "smtp"]
MOST_ROWS = 50_000


@dataclass(frozen=True)
class Split:
    """Rows to learn from, rows to score, and which of these are anomalies (True).

    Where ``unsupervised``, the rows to score are those that were learnt from.
    """

    train: np.ndarray
    test: np.ndarray
    anomalous: np.ndarray
    unsupervised: bool

    def standardised(self) -> tuple[np.ndarray, np.ndarray]:
        """Both, by the means and standard deviations of the rows to learn from."""
        mean, deviation = self.train.mean(axis=0), self.train.std(axis=0)
        deviation[deviation == 0] = 1
        return (self.train - mean) / deviation, (self.test - mean) / deviation


def rows_and_labels(name: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """All rows of a set as float64, and which are anomalies; of more than 50,000 rows, as many drawn at random."""
    (path,) = (mixed_tables.folder() / "adbench").glob(f"*_{name}.npz")
    with np.load(path) as file:
        X, y = file["X"].astype(np.float64), file["y"].astype(bool)
    if len(X) > MOST_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(X), MOST_ROWS, replace=False))
        X, y = X[chosen], y[chosen]
    return X, y


def split(name: str, task: str, seed: int) -> Split:
    """One-class: a random half of the normal rows trains, the rest and all anomalies test. Unsupervised: all rows."""
    X, y = rows_and_labels(name, seed)
    if task == "unsupervised":
        return Split(X, X, y, True)
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(~y))
    train, rest = normal[: len(normal) // 2], normal[len(normal) // 2 :]
    tested = np.concatenate([rest, np.flatnonzero(y)])
    return Split(X[train], X[tested], y[tested], False)
