"""The loss parts of an epoch, added up on the device and read once at its end."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Steps after which the pending tensors are added up, so that a long epoch does not hold millions of them.
FOLD = 4096


class EpochMeans:
    """Sums of loss parts over the rows of accepted steps.

    Reading a number from a device waits for it, so steps leave tensors here. Skipped steps leave nothing: their parts
    are not finite, and their rows do not count.

    Attributes
    ----------
    names : tuple of str
        The parts, in the order in which steps give them.
    rows : int
        How many rows the sums cover.
    """

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self.rows = 0
        self.pending: list[Tensor] = []
        self.folded: Tensor | None = None

    def clear(self) -> None:
        """Begin an epoch."""
        self.rows, self.pending, self.folded = 0, [], None

    def add(self, parts: Sequence[Tensor], rows: int) -> None:
        """Add a step's parts, sums over ``rows`` rows, in the order of :attr:`names`."""
        self.pending.extend(parts)
        self.rows += rows
        if len(self.pending) >= FOLD * len(parts):
            self.folded, self.pending = self._sums(), []

    def means(self) -> dict[str, float]:
        """Means per row by name; empty if there were no rows."""
        if not self.rows:
            return {}
        return dict(zip(self.names, (self._sums() / self.rows).tolist(), strict=True))

    def _sums(self) -> Tensor:
        """All sums so far, in float64 on the CPU, one per part."""
        sums = torch.zeros(len(self.names), dtype=torch.float64) if self.folded is None else self.folded
        if self.pending:
            sums = sums + torch.stack(self.pending).cpu().double().reshape(-1, len(self.names)).sum(0)
        return sums

    # For checkpoints

    def tensors(self) -> dict[str, Tensor]:
        """The sums so far, exactly."""
        return {
            "sums.pending": torch.stack(self.pending) if self.pending else torch.empty(0),
            "sums.folded": torch.empty(0, dtype=torch.float64) if self.folded is None else self.folded,
        }

    def restore(self, tensors: dict[str, Tensor], names: Sequence[str], rows: int, device: torch.device) -> None:
        """Take over what :meth:`tensors` gave."""
        self.names, self.rows = tuple(names), rows
        self.pending = list(tensors["sums.pending"].to(device).unbind())
        self.folded = tensors["sums.folded"] if tensors["sums.folded"].numel() else None
