"""Resident uint8 images are the user's own array where nothing would change, and never written into."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus import VAE
from isthmus.components.networks.mlp import MLP
from isthmus.core.errors import InputError
from isthmus.data.schema import Schema


def images(n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 8, 9)).astype(np.uint8)


def resident(X: np.ndarray) -> torch.Tensor:
    return Schema.learn(X).rows(X).to_resident().take(slice(None)).values


def test_contiguous_images_are_not_copied() -> None:
    X = images()
    assert np.shares_memory(resident(X).numpy(), X)


@pytest.mark.parametrize("change", ["strided", "fortran", "read-only"])
def test_other_layouts_are_copied(change: str) -> None:
    X = images(80)[::2] if change == "strided" else images()
    X = np.asfortranarray(X) if change == "fortran" else X
    X.flags.writeable = change != "read-only"
    held = resident(X)
    assert not np.shares_memory(held.numpy(), X)
    np.testing.assert_array_equal(held.numpy(), X.reshape(len(X), -1))


def test_numbers_that_must_be_checked_still_are() -> None:
    X = images() % 2
    schema = Schema.learn(X)
    with pytest.raises(InputError, match="binary"):
        schema.rows(images()).to_resident()


def test_fit_leaves_the_images_as_they_are() -> None:
    X = images()
    before = X.copy()
    VAE(2, network=MLP(hidden=(4,)), max_epochs=1, random_state=0).fit(X)
    np.testing.assert_array_equal(X, before)
