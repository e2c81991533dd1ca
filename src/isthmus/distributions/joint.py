"""Independent parts side by side: a row whose blocks of columns follow different distributions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from .base import Distribution


class Joint(Distribution):
    """The product of distributions over neighbouring ranges of columns.

    Parameters
    ----------
    parts : sequence of (start, stop, Distribution)
        The half-open column range of each part; together they cover the row in order.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[tuple[int, int, Distribution]]) -> None:
        self.parts = tuple(parts)

    @property
    def mean(self) -> Tensor:
        return torch.cat([part.mean for _, _, part in self.parts], -1)  # type: ignore[attr-defined]

    @property
    def mode(self) -> Tensor:
        return torch.cat([part.mode for _, _, part in self.parts], -1)  # type: ignore[attr-defined]

    def log_prob(self, value: Tensor) -> Tensor:
        terms = [part.log_prob(value[..., start:stop]) for start, stop, part in self.parts]
        return torch.stack(terms).sum(0)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return torch.cat([part.draw(rows, generator) for _, _, part in self.parts], -1)
