"""How a check fails."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

MANY = 32


def require(condition: Any, message: str) -> None:
    """Raise :class:`AssertionError` with ``message`` unless ``condition`` holds; works under ``-O`` too."""
    if not bool(condition):
        raise AssertionError(message)


def require_close(got: Tensor, wanted: Tensor, message: str, tolerance: float = 1e-9) -> None:
    """Equal shapes, and values within ``tolerance`` (relative to 1 + |wanted|)."""
    require(got.shape == wanted.shape, f"{message}: shape {tuple(got.shape)}, expected {tuple(wanted.shape)}")
    got, wanted = got.detach(), wanted.detach()
    error = ((got - wanted).abs() / (1 + wanted.abs())).max() if got.numel() else torch.zeros(())
    require(error <= tolerance, f"{message}: differs by up to {float(error):.3g} (relative to 1 + |value|)")


def require_gradient(function: Callable[..., Tensor], inputs: tuple[Tensor, ...], message: str) -> None:
    """The gradient by autograd is that by finite differences, in float64 (``torch.autograd.gradcheck``).

    Of very many numbers, in one random direction.
    """
    leaves = tuple(tensor.detach().clone().requires_grad_(True) for tensor in inputs)
    require(function(*leaves).requires_grad, f"{message}: no gradient reaches the inputs; something detaches it")
    many = sum(leaf.numel() for leaf in leaves) > MANY
    try:
        torch.autograd.gradcheck(function, leaves, fast_mode=many)
    except RuntimeError as error:
        raise AssertionError(f"{message}: the gradient is wrong. {error}") from error


@contextmanager
def global_random_state_untouched(what: str) -> Iterator[None]:
    """Raise :class:`AssertionError` if the block draws from the global generators of Python, numpy or torch."""
    before = _global_states()
    yield
    for name, state in _global_states().items():
        require(state == before[name], f"{what} changes the global random state of {name}")


def _global_states() -> dict[str, Any]:
    algorithm, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (algorithm, np.asarray(keys).tobytes(), *rest),
        "torch": torch.random.get_rng_state().numpy().tobytes(),
    }
