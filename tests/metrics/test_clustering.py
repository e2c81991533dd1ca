"""k-means NMI at its two ends, and on codes that collapsed."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.core.errors import InputError
from isthmus.metrics.clustering import kmeans_nmi


def test_separated_groups_give_one_and_noise_gives_almost_nothing() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50)
    codes = labels[:, None] * 20.0 + generator.normal(size=(200, 2))
    assert kmeans_nmi(codes, labels, random_state=0) == pytest.approx(1.0)
    assert kmeans_nmi(generator.normal(size=(200, 2)), labels, random_state=0) < 0.1


def test_known_value() -> None:
    # Two clusters against three labels: the mutual information is the entropy of the clusters, ln 2.
    codes = np.array([[0.0], [0.0], [1.0], [1.0]])
    labels = np.array([0, 0, 1, 2])
    entropy_labels = 0.5 * np.log(2) + 0.5 * np.log(4)
    expected = np.log(2) / ((np.log(2) + entropy_labels) / 2)
    assert kmeans_nmi(codes, labels, random_state=0) == pytest.approx(expected)


def test_the_seed_decides() -> None:
    generator = np.random.default_rng(1)
    codes, labels = generator.normal(size=(300, 3)), generator.integers(0, 5, 300)
    assert kmeans_nmi(codes, labels, random_state=3) == kmeans_nmi(codes, labels, random_state=3)


def test_collapsed_codes_score_zero_without_a_warning() -> None:
    assert kmeans_nmi(np.ones((20, 3)), np.repeat([0, 1], 10), random_state=0) == 0.0


def test_labels_must_fit() -> None:
    with pytest.raises(InputError, match=r"`labels` must hold one label per row: expected shape \(3,\); got \(2,\)"):
        kmeans_nmi(np.zeros((3, 1)), [0, 1])
