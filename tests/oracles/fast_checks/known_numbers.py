"""Numbers to check with, and how close they must be."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)


def triangle(*shape: int) -> Tensor:
    return (0.4 * values(*shape)).tril(-1) + torch.diag_embed((0.4 * values(*shape[:-1], seed=1)).exp())


def item(scalar: Tensor) -> float:
    return float(scalar.detach())


def close(got: object, wanted: object, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(got, dtype=np.float64), np.asarray(wanted), rtol=tolerance, atol=tolerance)
