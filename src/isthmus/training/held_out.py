"""The objective on rows that are held out of training."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from isthmus.core.loss_terms import weighted_total
from isthmus.core.noise import Noise
from isthmus.core.row_source import RowSource
from isthmus.core.rows_at_once import rows_at_once

from .devices import autocast, is_out_of_memory
from .trainable import Trainable

CHUNK = 4096
RESIDENT_BYTES = 256 << 20
# A likelihood that goes column by column has a hidden layer of some hundred units for each column of a table.
HIDDEN, FEWEST = 256, 256


class HeldOut:
    """Evaluates a model on fixed rows with fixed noise, so that epochs can be compared.

    Parameters
    ----------
    rows : RowSource
    index : Tensor of int64
        The positions of the held-out rows; at least one.
    noise : Noise or None
        One draw per held-out row, the same in every epoch.

    Attributes
    ----------
    chunk : int
        How many rows go through the model at once, fewer where rows are long; halved when memory runs out. That of the
        training batches where the loss looks at batches as a whole.
    width : int
        The number of columns of a row.
    """

    def __init__(
        self,
        rows: RowSource,
        index: Tensor,
        noise: Noise | None,
        device: torch.device,
        precision: str,
        chunk: int | None = None,
    ) -> None:
        self.rows, self.index, self.noise = rows, index, noise
        self.device, self.precision = device, precision
        first = rows.take(index[:1])
        # Few held-out rows are gathered once.
        few = len(index) <= CHUNK and len(index) * first.nbytes <= RESIDENT_BYTES
        self._resident = rows.take(index).to(device) if few else None
        self.width = math.prod(first.values.shape[1:]) + (0 if first.levels is None else first.levels.shape[1])
        if chunk is None:
            chunk = rows_at_once(CHUNK, self.width)
            if first.levels is not None:
                chunk = min(chunk, max(FEWEST, rows_at_once(CHUNK, self.width * HIDDEN)))
        self.chunk = chunk

    @torch.no_grad()
    def evaluate(self, model: Trainable, weights: Mapping[str, float]) -> dict[str, float]:
        """Mean of each loss part per row, and their weighted "total"; the model is left in training mode."""
        model.eval()
        try:
            while True:
                try:
                    sums = self._sums(model, weights)
                    break
                except Exception as error:
                    if not is_out_of_memory(error) or self.chunk == 1:
                        raise
                    self.chunk = (self.chunk + 1) // 2
        finally:
            model.train()
        means = {name: value / len(self.index) for name, value in sums.items()}
        return {"total": weighted_total(means, weights), **means}

    def _sums(self, model: Trainable, weights: Mapping[str, float]) -> dict[str, float]:
        sums: dict[str, float] = {}
        with autocast(self.device, self.precision):
            for start in range(0, len(self.index), self.chunk):
                piece = slice(start, start + self.chunk)
                if self._resident is not None:
                    batch = self._resident.rows(piece)
                else:
                    batch = self.rows.take(self.index[piece]).to(self.device)
                terms = model.loss(batch, None if self.noise is None else self.noise[piece], weights)
                for name, part in terms.parts.items():
                    sums[name] = sums.get(name, 0.0) + float(part)
        return sums

    @torch.no_grad()
    def row_losses(self, model: Trainable, count: int) -> list[float]:
        """The reconstruction losses of ``count`` single rows, spread evenly."""
        losses = []
        with autocast(self.device, self.precision):
            for number in range(0, len(self.index), -(-len(self.index) // count)):
                batch = self.rows.take(self.index[number : number + 1]).to(self.device)
                noise = None if self.noise is None else self.noise[number : number + 1]
                losses.append(float(model.loss(batch, noise, {}).parts["reconstruction"]))
        return losses
