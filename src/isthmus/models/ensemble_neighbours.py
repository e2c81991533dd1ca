"""How far rows are from the training rows nearest to them, in bounded time and memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor, nn

from isthmus.core.random import row_hashes
from isthmus.core.steady_linear import steady_linear

# The samples of mixed rows, and the rows in each; the rows that are taken of normal ones.
SAMPLES, SAMPLE_ROWS, NORMAL_ROWS = 32, 64, 2048
# Within this range products of float32 numbers are safe: the nearest row is looked for there, and measured exactly.
FARTHEST = 1e15


class Neighbours(nn.Module):
    """Some training rows, and the squared distance to the nearest of them.

    If the training rows are normal, at most 2,048 of them are taken, and the nearest one counts. If some may be odd,
    small random samples are taken, and the distances to the nearest row in each are averaged: few of a group of odd
    rows that lie together get into one sample, so that they are not each other's neighbours (Sugiyama & Borgwardt 2013,
    Rapid distance-based outlier detection via sampling).

    A row that the training data has once, as far as can be told by its cells, is no neighbour of itself: its distance
    is that to the next. So training rows and new ones have comparable distances.

    Parameters
    ----------
    training_rows, width : int
        Rows to choose from, and features of a row.
    mixed : bool
        Some training rows may be odd.

    Attributes
    ----------
    rows : Tensor, shape (samples, size, width)
        One sample if the training rows are normal.
    once : Tensor of bool, shape (samples, size)
        The training data has this row only once.
    """

    rows: Tensor
    once: Tensor

    def __init__(self, training_rows: int, width: int, mixed: bool = False) -> None:
        super().__init__()
        self.mixed = mixed
        samples = SAMPLES if mixed else 1
        # Of few rows a quarter, so that samples differ.
        size = min(SAMPLE_ROWS, max(1, training_rows // 4)) if mixed else min(NORMAL_ROWS, training_rows)
        self.register_buffer("rows", torch.zeros(samples, size, width))
        self.register_buffer("once", torch.zeros(samples, size, dtype=torch.bool))

    def fill(self, rows: Tensor, generator: Generator) -> None:
        """Choose from ``rows``, (n, width)."""
        samples, size, _ = self.rows.shape
        _, inverse, counts = np.unique(row_hashes(rows.cpu().numpy(), 0), return_inverse=True, return_counts=True)
        once = torch.from_numpy(counts[inverse.reshape(-1)] == 1)
        for number in range(samples):
            chosen = torch.randperm(len(rows), generator=generator)[:size].sort().values
            self.rows[number] = rows[chosen]
            self.once[number] = once[chosen]

    def forward(self, rows: Tensor) -> Tensor:
        """The squared distance from rows (n, width) by feature: (n, width) float64."""
        exact, held = rows.double(), rows.clamp(-FARTHEST, FARTHEST)
        found = torch.zeros_like(exact)
        for sample, once in zip(self.rows, self.once, strict=True):
            found += self._squares(exact, held, sample, once)
        return found / len(self.rows)

    @staticmethod
    def _squares(exact: Tensor, held: Tensor, others: Tensor, once: Tensor) -> Tensor:
        """The squared differences from the nearest of the ``others``, (n, width) float64."""
        nearness = steady_linear(held, others, -0.5 * others.square().sum(1))
        places = torch.arange(len(held), device=held.device)
        nearest = nearness.argmax(1)
        squares = (exact - others[nearest].double()).square()
        itself = (squares.sum(1) == 0) & once[nearest]
        if bool(itself.any()):
            nearness[places[itself], nearest[itself]] = -torch.inf
            nearest = nearness.argmax(1)
            squares[itself] = (exact - others[nearest].double()).square()[itself]
        return squares
