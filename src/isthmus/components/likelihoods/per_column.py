"""Different likelihoods for different blocks of columns, side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block
from isthmus.distributions import Distribution, Joint

from .base import Likelihood, LikelihoodModule


class PerColumn(LikelihoodModule):
    """The likelihoods of all blocks of a schema, each on its own range of columns.

    Parameters
    ----------
    likelihoods : sequence of Likelihood
        One spec per block.
    blocks : sequence of Block
        In the order of the encoded row.
    """

    def __init__(self, likelihoods: Sequence[Likelihood], blocks: Sequence[Block]) -> None:
        super().__init__()
        self.blocks = tuple(blocks)
        self.parts = nn.ModuleList([spec.build(block) for spec, block in zip(likelihoods, blocks, strict=True)])
        self.widths = [spec.parameter_shape(block) for spec, block in zip(likelihoods, blocks, strict=True)]
        self.parameter_width = sum(self.widths)

    def forward(self, parameters: Tensor) -> Distribution:
        if len(self.widths) == 1:  # one kind of data, the usual case, needs no splitting
            return self.parts[0](parameters)
        pieces = parameters.split(self.widths, -1)
        return Joint(
            [
                (block.start, block.stop, part(piece))
                for block, part, piece in zip(self.blocks, self.parts, pieces, strict=True)
            ]
        )

    def _each(
        self, distribution: Distribution, target: Tensor
    ) -> list[tuple[int, LikelihoodModule, Distribution, Tensor]]:
        if len(self.widths) == 1:
            return [(0, self.parts[0], distribution, target)]  # type: ignore[list-item]
        pieces = distribution.parts  # type: ignore[attr-defined]
        return [
            (number, part, inner, target[..., start:stop])  # type: ignore[misc]
            for number, (part, (start, stop, inner)) in enumerate(zip(self.parts, pieces, strict=True))
        ]

    def updates(self, distribution: Distribution, target: Tensor) -> dict[str, Tensor]:
        return {
            f"parts.{number}.{name}": value
            for number, part, inner, piece in self._each(distribution, target)
            for name, value in part.updates(inner, piece).items()
        }

    def statistics(self, distribution: Distribution, target: Tensor) -> Tensor | None:
        found = [part.statistics(inner, piece) for _, part, inner, piece in self._each(distribution, target)]
        if all(entry is None for entry in found):
            return None
        zero = torch.zeros((), dtype=torch.float64, device=target.device)
        return torch.stack([zero if entry is None else entry for entry in found])

    def calibrate(self, statistics: Tensor, rows: int) -> None:
        for part, statistic in zip(self.parts, statistics, strict=True):
            part.calibrate(statistic, rows)  # type: ignore[operator]

    def diagnose(self) -> str | None:
        found = [part.diagnose() for part in self.parts]  # type: ignore[operator]
        return next((words for words in found if words), None)
