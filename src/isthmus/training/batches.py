"""The rows of an epoch in random order, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Generator, Tensor

from isthmus.core.batch import Batch
from isthmus.core.noise import Noise
from isthmus.core.row_source import RowSource

from .trainable import Trainable

# Rows are gathered for several steps at once: one large copy is cheaper than many small ones.
CHUNK_BYTES = 8 << 20


class ShuffledBatches:
    """Draws an epoch's order and noise from the run's generators.

    The draws of an epoch depend on nothing but the generators' states at its beginning: an epoch that is resumed in
    its middle repeats them and skips the batches that are done.

    Parameters
    ----------
    model : Trainable
        Asked for the noise that goes with the rows.
    rows : RowSource
    index : Tensor of int64
        The positions of the training rows.
    batch_size : int
        The last batch of an epoch may be smaller.
    device : torch.device
        Where the batches go.
    generator, noise_generator : torch.Generator
        One on the CPU for the order, and one on ``device`` for the noise; the same one on the CPU.
    """

    def __init__(
        self,
        model: Trainable,
        rows: RowSource,
        index: Tensor,
        batch_size: int,
        device: torch.device,
        generator: Generator,
        noise_generator: Generator,
    ) -> None:
        self.model, self.rows, self.index = model, rows, index
        self.batch_size, self.device = batch_size, device
        self.generator, self.noise_generator = generator, noise_generator
        self._steps_per_chunk = max(1, CHUNK_BYTES // max(1, rows.take(index[:1]).nbytes * batch_size))

    def __len__(self) -> int:
        """The number of steps of an epoch."""
        return -(-len(self.index) // self.batch_size)

    def epoch(self, done: int = 0) -> Iterator[tuple[Batch, Noise | None]]:
        """The batches of one epoch, with their noise, after the first ``done``."""
        order = self.index[torch.randperm(len(self.index), generator=self.generator)]
        size, per_chunk = self.batch_size, self._steps_per_chunk
        for first in range(0, len(self), per_chunk):
            index = order[first * size : (first + per_chunk) * size]
            noise = self.model.draw_noise(len(index), self.noise_generator)
            if first + per_chunk <= done:
                continue
            chunk = self.rows.take(index).to(self.device)
            for offset in range(max(0, done - first) * size, len(index), size):
                piece = slice(offset, offset + size)
                yield chunk.rows(piece), None if noise is None else noise[piece]
