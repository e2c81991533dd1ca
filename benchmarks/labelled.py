"""Digits and MNIST with their labels, and the features of a small classifier, in which generated rows are judged."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable

import mnist
import numpy as np

HELD_OUT = 0.25
MNIST_TRAIN, MNIST_TEST = 10_000, 2_000


@dataclasses.dataclass(frozen=True)
class Labelled:
    """Training and held-out rows in [0, 1] with their labels."""

    train: np.ndarray
    train_labels: np.ndarray
    held_out: np.ndarray
    held_out_labels: np.ndarray


def digits(seed: int) -> Labelled:
    """scikit-learn's digits; a random quarter is held out."""
    from sklearn.datasets import load_digits

    rows, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(rows))
    cut = round(len(rows) * HELD_OUT)
    rows = (rows / 16).astype(np.float32)
    return Labelled(rows[order[cut:]], labels[order[cut:]], rows[order[:cut]], labels[order[:cut]])


def small_mnist(seed: int) -> Labelled:
    """Random 10,000 of MNIST's training images and 2,000 of its test images."""
    generator = np.random.default_rng(seed)
    parts = []
    for part, rows in (("train", MNIST_TRAIN), ("test", MNIST_TEST)):
        images = mnist.images(part)
        chosen = generator.permutation(len(images))[:rows]
        parts += [images[chosen], mnist.labels(part)[chosen]]
    return Labelled(*parts)


SOURCES: dict[str, Callable[[int], Labelled]] = {"digits": digits, "MNIST": small_mnist}
CODES = {"digits": 8, "MNIST": 32}
FEATURES = {"digits": 64, "MNIST": 128}


def available() -> list[str]:
    """All names, or only digits where ISTHMUS_DATA is not set."""
    return list(SOURCES) if "ISTHMUS_DATA" in os.environ else ["digits"]


class Classifier:
    """A network with one hidden layer, trained on the labels; :meth:`features` are its hidden activations."""

    def __init__(self, data: Labelled, width: int, seed: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        self._network = MLPClassifier((width,), max_iter=50, early_stopping=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._network.fit(data.train, data.train_labels)
        self.accuracy = float(self._network.score(data.held_out, data.held_out_labels))

    def features(self, rows: np.ndarray) -> np.ndarray:
        """The activations of the hidden layer, (n, width)."""
        weights, bias = self._network.coefs_[0], self._network.intercepts_[0]
        return np.maximum(rows.astype(np.float64) @ weights + bias, 0.0)
