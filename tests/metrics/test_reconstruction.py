"""Squared errors against brute force, and on dtypes that wrap around."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.core.errors import InputError, InputTypeError
from isthmus.metrics import reconstruction
from isthmus.metrics.reconstruction import per_feature_squared_error, squared_error


def test_brute_force_on_an_image_stack() -> None:
    generator = np.random.default_rng(0)
    x, x_hat = generator.normal(size=(7, 3, 2)), generator.normal(size=(7, 3, 2))
    by_hand = sum((x[i, j, k] - x_hat[i, j, k]) ** 2 for i in range(7) for j in range(3) for k in range(2)) / 7
    assert squared_error(x, x_hat) == pytest.approx(by_hand, rel=1e-13)
    assert per_feature_squared_error(x, x_hat).shape == (3, 2)


def test_uint8_does_not_wrap_around() -> None:
    x, x_hat = np.array([[0, 255]], dtype=np.uint8), np.array([[255, 0]], dtype=np.uint8)
    assert squared_error(x, x_hat) == 2 * 255**2


def test_float32_sums_are_formed_in_float64() -> None:
    x = np.full((1, 1), 16_777_217.0)
    assert squared_error(x, np.zeros((1, 1), dtype=np.float32)) == 16_777_217.0**2


def test_slices_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    x, x_hat = generator.normal(size=(11, 4)), generator.normal(size=(11, 4))
    whole = squared_error(x, x_hat)
    monkeypatch.setattr(reconstruction, "_VALUES_PER_SLICE", 9)
    assert squared_error(x, x_hat) == pytest.approx(whole, rel=1e-14)
    x[9, 0] = np.inf
    with pytest.raises(InputError, match="row 9 is not"):
        squared_error(x, x_hat)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"same shape; got \(2, 2\) and \(2, 3\)"):
        squared_error(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(InputError, match="at least one row"):
        squared_error(np.zeros((0, 2)), np.zeros((0, 2)))
    with pytest.raises(InputTypeError, match="`x` must hold numbers"):
        squared_error([["a"]], [[1.0]])
