"""Random numbers of what is known of a row."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from isthmus.core.random import row_noise


def normal_noise(contents: np.ndarray, seed: int, samples: int, dim: int, like: Tensor) -> Tensor:
    """Standard normal noise of what is known of rows: (samples, n, dim) float64, on the device of ``like``."""
    return torch.from_numpy(row_noise(contents, seed, samples, dim)).double().to(like.device)
