"""How far rows are from the training rows nearest to them, in bounded time and memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor, nn

from isthmus.core.random import row_hashes
from isthmus.core.steady_linear import steady_linear

# The samples of mixed rows, and the rows in each; the rows that are taken of normal ones.
SAMPLES, SAMPLE_ROWS, NORMAL_ROWS = 32, 16, 2048
# Within this range products of float32 numbers are safe: the nearest row is looked for there, and measured exactly.
FARTHEST = 1e15
# A squared distance is the difference of two float32 numbers: where it is so small a part of them, or they are so
# large, that is not exact enough.
LOSSY, FAR = 1e-2, 1e8


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
    once : Tensor of bool, shape (samples * size,)
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
        self.register_buffer("once", torch.zeros(samples * size, dtype=torch.bool))

    def fill(self, rows: Tensor, generator: Generator) -> None:
        """Choose from ``rows``, (n, width)."""
        samples, size, _ = self.rows.shape
        _, inverse, counts = np.unique(row_hashes(rows.cpu().numpy(), 0), return_inverse=True, return_counts=True)
        once = torch.from_numpy(counts[inverse.reshape(-1)] == 1)
        draws = [torch.randperm(len(rows), generator=generator)[:size].sort().values for _ in range(samples)]
        chosen = torch.cat(draws)
        self.rows.copy_(rows[chosen].view_as(self.rows))
        self.once.copy_(once[chosen])

    def forward(self, rows: Tensor) -> Tensor:
        """The squared distance of rows (n, width) to the nearest, on average over samples: (n,) float64."""
        samples, size, _ = self.rows.shape
        others = self.rows.flatten(0, 1)
        held = rows.clamp(-FARTHEST, FARTHEST)
        first = torch.arange(0, samples * size, size, device=rows.device)
        nearness = steady_linear(held, others, -0.5 * others.square().sum(1)).unflatten(1, (samples, size))
        norms = held.square().sum(1, keepdim=True)
        squares = (norms - 2 * nearness.amax(2)).double()
        # Where that loses digits it is taken cell by cell; for a single sample there is time to do so everywhere.
        lossy = (squares < LOSSY * norms) | (norms > FAR)
        at, sample = (lossy if samples > 1 else torch.ones_like(lossy)).nonzero(as_tuple=True)
        near = nearness[at, sample] if samples > 1 else nearness.flatten(1)
        there = near.argmax(1) + first[sample]
        found = _squares(rows[at], others[there])
        itself = (found == 0) & self.once[there]
        if size > 1 and bool(itself.any()):
            row, which = at[itself], sample[itself]
            left = near[itself].scatter(1, (there[itself] - first[which])[:, None], -torch.inf)
            found[itself] = _squares(rows[row], others[left.argmax(1) + first[which]])
        squares[at, sample] = found
        return squares.mean(1)


def _squares(rows: Tensor, others: Tensor) -> Tensor:
    return (rows - others).double().square().sum(-1)
