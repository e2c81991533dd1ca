"""Codebook usage by hand."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.core.errors import InputError, InputTypeError
from isthmus.metrics.codebooks import codebook_usage


def test_usage_by_hand() -> None:
    found = codebook_usage(np.array([[0, 0], [3, 0]]), n_codes=4)
    assert found.fraction_used == 0.5
    assert found.perplexity == pytest.approx(1 / (0.75**0.75 * 0.25**0.25))
    assert codebook_usage([2, 2, 2], n_codes=3) == (pytest.approx(1 / 3), 1.0)
    assert codebook_usage(np.arange(7), n_codes=7) == (1.0, pytest.approx(7))


def test_what_is_no_symbol_is_named() -> None:
    with pytest.raises(InputError, match=r"whole numbers from 0 to 3 \(n_codes=4\), as integers; got 4"):
        codebook_usage([[0, 4]], n_codes=4)
    with pytest.raises(InputError, match="got -1"):
        codebook_usage([[0, -1]], n_codes=4)
    with pytest.raises(InputError, match=r"got 0\.5"):
        codebook_usage([[0, 0.5]], n_codes=4)
    with pytest.raises(InputError, match="float64"):
        codebook_usage([[0.0, 1.0]], n_codes=4)
    with pytest.raises(InputTypeError, match="`symbols` must hold numbers"):
        codebook_usage(["a"], n_codes=4)
