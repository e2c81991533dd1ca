"""The data sets of the ablation: digits, MNIST and three numeric tables, with held-out rows and PCA's result."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Callable

import mnist
import numpy as np

HELD_OUT = 0.25
MOST_ROWS = 10_000


@dataclasses.dataclass(frozen=True)
class Data:
    """Training and held-out rows, the number of codes, and what PCA reaches with as many components."""

    name: str
    train: np.ndarray
    held_out: np.ndarray
    codes: int
    pca_error: float
    pca_log_likelihood: float

    @classmethod
    def split(cls, name: str, rows: np.ndarray, codes: int, standardise: bool, seed: int) -> Data:
        """A random quarter is held out; tables are standardised by their training rows."""
        from sklearn.decomposition import PCA

        order = np.random.default_rng(seed).permutation(len(rows))[: int(MOST_ROWS / (1 - HELD_OUT))]
        cut = round(len(order) * HELD_OUT)
        held_out, train = rows[order[:cut]].astype(np.float32), rows[order[cut:]].astype(np.float32)
        if standardise:
            varying = train.std(0) > 0
            mean, deviation = train.mean(0)[varying], train.std(0)[varying]
            train, held_out = (train[:, varying] - mean) / deviation, (held_out[:, varying] - mean) / deviation
        pca = PCA(codes, svd_solver="full").fit(train.astype(np.float64))
        rebuilt = pca.inverse_transform(pca.transform(held_out.astype(np.float64)))
        error = float(np.square(rebuilt - held_out).sum() / len(held_out))
        return cls(name, train, held_out, codes, error, float(pca.score(held_out.astype(np.float64))))


def _digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return load_digits().data / 16


def _anomaly_table(name: str) -> np.ndarray:
    with np.load(mnist.folder("adbench") / f"{name}.npz", allow_pickle=False) as archive:
        return archive["X"]


def _california() -> np.ndarray:
    path = mnist.folder("california_housing") / "housing.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        lines = [row for row in csv.DictReader(stream) if all(row.values())]
    return np.array([[float(value) for name, value in row.items() if name != "ocean_proximity"] for row in lines])


SOURCES: dict[str, tuple[Callable[[], np.ndarray], int, bool]] = {
    "digits, 8 codes": (_digits, 8, False),
    "digits, 2 codes": (_digits, 2, False),
    "MNIST, 32 codes": (lambda: mnist.images("train"), 32, False),
    "pendigits, 4 codes": (lambda: _anomaly_table("28_pendigits"), 4, True),
    "satellite, 4 codes": (lambda: _anomaly_table("30_satellite"), 4, True),
    "california, 3 codes": (_california, 3, True),
}


def load(name: str, seed: int) -> Data:
    """One data set by its name in :data:`SOURCES`."""
    source, codes, standardise = SOURCES[name]
    return Data.split(name, source(), codes, standardise, seed)


def available() -> list[str]:
    """All names, or only those of scikit-learn's own data where ISTHMUS_DATA is not set."""
    return list(SOURCES) if "ISTHMUS_DATA" in os.environ else [name for name in SOURCES if name.startswith("digits")]
