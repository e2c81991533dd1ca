"""Distances between sets of features against closed forms and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from isthmus.core.errors import InputError, ParameterError
from isthmus.metrics import generation
from isthmus.metrics.generation import frechet_distance, precision_recall


def _normals(rows: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, width))


def test_equal_sets_are_at_distance_zero() -> None:
    rows = _normals(50, 4, 0)
    assert frechet_distance(rows, rows[::-1]) == pytest.approx(0.0, abs=1e-12)


def test_a_shift_costs_its_squared_length() -> None:
    rows, shift = _normals(40, 3, 1), np.array([1.0, -2.0, 0.5])
    assert frechet_distance(rows, rows + shift) == pytest.approx(float(shift @ shift), abs=1e-10)


def test_a_stretch_costs_the_squared_difference_of_the_deviations() -> None:
    rows = _normals(60, 3, 2) - 0.0
    rows = rows - rows.mean(axis=0)
    factors = np.array([2.0, 0.5, 3.0])
    rotated = np.linalg.qr(rows)[0]  # uncorrelated columns, each with squared norm 1
    expected = float(np.square(factors - 1).sum()) / (len(rows) - 1)
    assert frechet_distance(rotated, rotated * factors) == pytest.approx(expected, abs=1e-12)


def test_correlated_features_against_the_matrix_square_root() -> None:
    a = _normals(200, 5, 3) @ _normals(5, 5, 4)
    b = _normals(120, 5, 5) @ _normals(5, 5, 6) + 1.0
    first, second = np.cov(a.T), np.cov(b.T)
    root = np.real(sqrtm(first @ second))
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(first + second - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-10)


def test_covariances_without_full_rank() -> None:
    rows = _normals(4, 12, 7)  # fewer rows than features
    assert frechet_distance(rows, rows + 1) == pytest.approx(12.0, abs=1e-10)
    wide = np.hstack([_normals(30, 2, 8), np.zeros((30, 3))])
    assert frechet_distance(wide, -wide) == pytest.approx(float(np.square(2 * wide.mean(0)).sum()), abs=1e-10)


def test_orthogonal_subspaces_do_not_overlap() -> None:
    a = np.array([[1.0, 0.0], [-1.0, 0.0]])
    b = np.array([[0.0, 2.0], [0.0, -2.0]])
    assert frechet_distance(a, b) == pytest.approx(2.0 + 8.0)


def test_images_are_flattened() -> None:
    rows = _normals(20, 12, 9)
    assert frechet_distance(rows.reshape(20, 3, 4), 2 * rows) == pytest.approx(frechet_distance(rows, 2 * rows))


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_against_brute_force(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "_DISTANCES_PER_SLICE", 70)  # several slices, the last one short
    real, generated = _normals(40, 2, 10), 1.5 * _normals(30, 2, 11) + 0.5

    def covered(centres: np.ndarray, rows: np.ndarray) -> float:
        hits = 0
        for row in rows:
            inside = False
            for place, centre in enumerate(centres):
                others = sorted(math.dist(centre, other) for other in np.delete(centres, place, axis=0))
                inside = inside or math.dist(row, centre) <= others[k - 1]
            hits += inside
        return hits / len(rows)

    found = precision_recall(real, generated, k=k)
    assert found.precision == covered(real, generated)
    assert found.recall == covered(generated, real)
    assert found.precision != found.recall


def test_precision_sees_bad_rows_and_recall_missing_kinds() -> None:
    left, right = _normals(100, 2, 12), _normals(100, 2, 13) + 50
    both = np.vstack([left, right])
    half = precision_recall(both, _normals(100, 2, 14) * 0.5)
    assert half.precision > 0.95
    assert half.recall < 0.5
    wild = precision_recall(left, np.vstack([left, right]))
    assert wild == (0.5, 1.0)


def test_what_does_not_fit_is_refused() -> None:
    rows = _normals(5, 2, 15)
    with pytest.raises(InputError, match="`a` and `b` must have the same width; got 2 and 1"):
        frechet_distance(rows, rows[:, :1])
    with pytest.raises(InputError, match="`b` must have at least 2 rows; got 1"):
        frechet_distance(rows, rows[:1])
    with pytest.raises(InputError, match="`generated` must have at least 4 rows; got 3"):
        precision_recall(rows, rows[:3])
    with pytest.raises(ParameterError, match="`k` must be at least 1; got 0"):
        precision_recall(rows, rows, k=0)
    broken = rows.copy()
    broken[2, 1] = np.nan
    with pytest.raises(InputError, match="`real` must be finite; row 2, column 1"):
        precision_recall(broken, rows)
