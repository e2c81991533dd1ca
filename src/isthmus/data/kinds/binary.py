"""Columns of zeros and ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..statistics import ColumnStatistics, Flags, Floats
from .kind import AffineKind


class Binary(AffineKind):
    """Values 0 and 1, both of which occur. What is encoded may lie between: the probability of a 1."""

    name = "binary"
    is_density = False
    expects_in_training = "0 or 1"
    expects = "0, 1 or a value between"

    def fits_matrix(self, statistics: ColumnStatistics) -> bool:
        return bool(statistics.integer.all() and statistics.low.min() == 0 and statistics.high.max() == 1)

    def fits_columns(self, statistics: ColumnStatistics) -> Flags:
        return statistics.integer & (statistics.low == 0) & (statistics.high == 1)

    def bounds(self, statistics: ColumnStatistics, shared: bool) -> tuple[Floats, Floats]:
        return np.zeros_like(statistics.low), np.ones_like(statistics.high)

    def affine(self, statistics: ColumnStatistics, low: Floats, high: Floats, scaling: str) -> tuple[Floats, Floats]:
        return np.zeros_like(low), np.ones_like(low)

    def restore(self, values: Floats, low: Floats, high: Floats) -> Floats:
        return np.clip(values, low, high)

    def refuses(self, values: np.ndarray, training: bool) -> Flags:
        if training:
            return (values != 0) & (values != 1)
        return (values < 0) | (values > 1)

    def suspects(self, features: Tensor) -> bool:
        low, high = torch.aminmax(features)
        return bool(low < 0) or bool(high > 1)
