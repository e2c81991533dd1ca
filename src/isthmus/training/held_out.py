"""The objective on rows that are held out of training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .devices import autocast
from .trainable import RowSource, Trainable

CHUNK = 4096


class HeldOut:
    """Evaluates a model on fixed rows with fixed noise, so that epochs can be compared.

    Parameters
    ----------
    rows : RowSource
    index : Tensor of int64
        The positions of the held-out rows.
    noise : Tensor or None
        One draw per held-out row, the same in every epoch.
    """

    def __init__(
        self, rows: RowSource, index: Tensor, noise: Tensor | None, device: torch.device, precision: str
    ) -> None:
        self.rows, self.index, self.noise = rows, index, noise
        self.device, self.precision = device, precision
        # Few held-out rows are gathered once.
        self._resident = rows.take(index).to(device) if len(index) <= CHUNK else None

    @torch.no_grad()
    def evaluate(self, model: Trainable, weights: Mapping[str, float]) -> dict[str, float]:
        """Mean of each loss part per row, and their weighted "total"."""
        model.eval()
        sums: dict[str, float] = {}
        with autocast(self.device, self.precision):
            for start in range(0, len(self.index), CHUNK):
                piece = slice(start, start + CHUNK)
                batch = self._resident or self.rows.take(self.index[piece]).to(self.device)
                terms = model.loss(batch, None if self.noise is None else self.noise[piece], weights)
                for name, part in terms.parts.items():
                    sums[name] = sums.get(name, 0.0) + float(part)
        model.train()
        means = {name: value / len(self.index) for name, value in sums.items()}
        total = sum(weights.get(name, 1.0) * value for name, value in means.items())
        return {"total": total, **means}
