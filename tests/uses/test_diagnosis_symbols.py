"""Symbols that carry nothing, and points that do not vary, are reported."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import isthmus
from isthmus.core.errors import CollapseWarning
from isthmus.uses.diagnosis import Diagnosis, _usage

X = np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)


def test_usage_is_the_mean_over_places() -> None:
    symbols = torch.tensor([[0, 2], [1, 2], [0, 2], [1, 2]])
    used, perplexity = _usage(symbols, (4, 8))
    assert used == pytest.approx((2 / 4 + 1 / 8) / 2)
    assert perplexity == pytest.approx((2 + 1) / 2)


@pytest.mark.parametrize(
    ("diagnosis", "words"),
    [
        (Diagnosis(3, 9.0, None, None, 0.2, 1.4), "each place uses 1.4 symbols on average"),
        (Diagnosis(0, None, None, None), "None of the 4 latent dimensions varies: the code has collapsed."),
        (Diagnosis(3, 9.0, None, None, 0.2, 1.6), None),
        (Diagnosis(1, None, None, None), None),
    ],
)
def test_collapse_is_told(diagnosis: Diagnosis, words: str | None) -> None:
    message = diagnosis.collapse_message(4)
    assert message is None if words is None else words in str(message)


def test_a_crushed_code_warns() -> None:
    crushed = isthmus.recipe("sparse-autoencoder", latent_dim=3, max_epochs=30, penalties__sparsity__weight=1e4)
    with pytest.warns(CollapseWarning, match="None of the 3 latent dimensions varies"):
        crushed.set_params(random_state=0).fit(X)
