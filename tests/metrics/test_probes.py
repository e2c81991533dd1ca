"""Probes on codes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.core.errors import InputError, ParameterError
from isthmus.metrics.probes import linear_probe_accuracy, nearest_neighbour_accuracy


def _blobs(seed: int, per_class: int = 40) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    labels = np.repeat(["a", "b", "c"], per_class)
    return np.repeat(centres, per_class, axis=0) + generator.normal(size=(3 * per_class, 2)), labels


def test_separated_classes_are_read_off() -> None:
    train, test = _blobs(0), _blobs(1)
    assert linear_probe_accuracy(*train, *test) == 1.0
    assert nearest_neighbour_accuracy(*train, *test) == 1.0


def test_linear_probe_ignores_the_scale_of_the_codes() -> None:
    (codes, labels), (test_codes, test_labels) = _blobs(2), _blobs(3)
    scale = np.array([1e-6, 1e6])
    assert linear_probe_accuracy(codes * scale, labels, test_codes * scale, test_labels) == 1.0


def test_linear_probe_is_linear_and_neighbours_are_not() -> None:
    generator = np.random.default_rng(4)
    codes = generator.uniform(-1, 1, size=(600, 2))
    labels = (codes[:, 0] * codes[:, 1] > 0).astype(int)  # exclusive or
    assert linear_probe_accuracy(codes[:400], labels[:400], codes[400:], labels[400:]) < 0.65
    assert nearest_neighbour_accuracy(codes[:400], labels[:400], codes[400:], labels[400:]) > 0.85


def test_neighbours_against_brute_force() -> None:
    generator = np.random.default_rng(5)
    train, test = generator.normal(size=(50, 3)), generator.normal(size=(30, 3))
    labels, truth = generator.integers(0, 2, 50), generator.integers(0, 2, 30)
    hits = 0
    for row, label in zip(test, truth, strict=True):
        nearest = np.argsort(((train - row) ** 2).sum(axis=1))[:5]
        hits += int(np.bincount(labels[nearest], minlength=2).argmax() == label)
    assert nearest_neighbour_accuracy(train, labels, test, truth) == hits / 30


def test_what_does_not_fit_is_refused() -> None:
    codes, labels = _blobs(6)
    with pytest.raises(InputError, match="at least two classes in `train_labels`"):
        linear_probe_accuracy(codes, np.zeros(len(codes)), codes, labels)
    with pytest.raises(InputError, match="same width; got 2 and 1"):
        linear_probe_accuracy(codes, labels, codes[:, :1], labels)
    with pytest.raises(InputError, match="one label per row"):
        linear_probe_accuracy(codes, labels[:-1], codes, labels)
    with pytest.raises(ParameterError, match="`k` must lie between 1 and the 120"):
        nearest_neighbour_accuracy(codes, labels, codes, labels, k=121)
    broken = codes.copy()
    broken[3, 1] = np.nan
    with pytest.raises(InputError, match=r"`test_codes` must be finite; row 3, column 1 is nan"):
        linear_probe_accuracy(codes, labels, broken, labels)
