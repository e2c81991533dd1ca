"""Multi-scale structural similarity against its definition, written out with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from isthmus.core.errors import InputError, InputTypeError
from isthmus.core.structural_similarity import scales_for
from isthmus.metrics.similarity import multi_scale_similarity

EXPONENTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])


def by_definition(x: np.ndarray, y: np.ndarray, window: int, scales: int) -> float:
    """One grey image in [0, 1]: Wang, Simoncelli & Bovik (2003), equation 7."""
    offsets = np.arange(window) - window // 2
    profile = np.exp(-(offsets**2) / (2 * (1.5 * window / 11) ** 2))
    kernel = np.outer(profile, profile) / profile.sum() ** 2

    def mean(image: np.ndarray) -> np.ndarray:
        return signal.convolve2d(image, kernel, mode="valid")

    exponents = EXPONENTS[:scales] / EXPONENTS[:scales].sum()
    score = 1.0
    for scale in range(scales):
        mean_x, mean_y = mean(x), mean(y)
        variance_x, variance_y = mean(x**2) - mean_x**2, mean(y**2) - mean_y**2
        covariance = mean(x * y) - mean_x * mean_y
        term = (2 * covariance + 0.03**2) / (variance_x + variance_y + 0.03**2)
        if scale == scales - 1:
            term = term * (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
        score *= max(term.mean(), 0.0) ** exponents[scale]
        high, wide = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
        x, y = (one[:high, :wide].reshape(high // 2, 2, wide // 2, 2).mean((1, 3)) for one in (x, y))
    return score


@pytest.mark.parametrize(
    ("shape", "window", "scales"),
    [((8, 9), 3, 2), ((17, 16), 7, 2), ((28, 28), 11, 2), ((45, 70), 11, 3), ((176, 180), 11, 5), ((300, 176), 11, 5)],
)
def test_it_is_that_of_the_paper(shape: tuple[int, int], window: int, scales: int) -> None:
    assert scales_for(*shape) == (window, scales)
    random = np.random.default_rng(0)
    x = random.random((2, *shape))
    y = np.clip(0.6 * x + 0.3 * random.random((2, *shape)) + 0.05, 0, 1)
    expected = [by_definition(*pair, window, scales) for pair in zip(x, y, strict=True)]
    got = multi_scale_similarity(x, y)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
    assert 0.1 < got[0] < 0.99


def test_colours_are_averaged_and_uint8_is_scaled() -> None:
    random = np.random.default_rng(1)
    x = random.integers(0, 256, (3, 20, 23, 3)).astype(np.uint8)
    y = (x // 2 + random.integers(0, 100, x.shape)).astype(np.uint8)
    got = multi_scale_similarity(x, y)
    by_channel = [multi_scale_similarity(x[..., channel] / 255, y[..., channel] / 255) for channel in range(3)]
    np.testing.assert_allclose(got, np.mean(by_channel, 0), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(multi_scale_similarity(x[:, :, :, 0], y[..., :1]), by_channel[0])
    np.testing.assert_array_equal(multi_scale_similarity(x, x), np.ones(3))


def test_the_negative_of_an_image_has_nothing_of_it() -> None:
    x = np.random.default_rng(2).random((1, 16, 16))
    assert multi_scale_similarity(x, 1 - x)[0] == 0


def test_many_rows_are_measured_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    x, y = random.random((2, 7, 8, 8))
    together = multi_scale_similarity(x, y)
    monkeypatch.setattr("isthmus.metrics.similarity._VALUES_PER_SLICE", 150)
    np.testing.assert_allclose(multi_scale_similarity(x, y), together, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((2, 64)), r"`x` must hold images, .* got shape \(2, 64\)"),
        (np.zeros((2, 7, 30)), "at least 8 × 8 pixels"),
        (np.zeros((2, 8, 8, 2)), "1, 3 or 4 channels"),
        (np.full((1, 8, 8), 1.5), r"`x` must be uint8 or in \[0, 1\]; its numbers go from 1.5 to 1.5. Pass x / 255"),
        (np.full((1, 8, 8), np.nan), "its numbers go from nan to nan"),
    ],
)
def test_what_is_no_image_is_refused(x: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        multi_scale_similarity(x, x)


def test_other_shapes_and_types_are_refused() -> None:
    with pytest.raises(InputError, match=r"must have the same shape; got \(1, 8, 8, 1\) and \(2, 8, 8, 1\)"):
        multi_scale_similarity(np.zeros((1, 8, 8)), np.zeros((2, 8, 8)))
    with pytest.raises(InputTypeError, match="`x_hat` must hold numbers"):
        multi_scale_similarity(np.zeros((1, 8, 8)), np.full((1, 8, 8), "a"))
