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
        self.densities = [bool(part.is_density) for part in self.parts]
        shows_none = LikelihoodModule.observed_exposure
        self.shows_exposure = any(type(part).observed_exposure is not shows_none for part in self.parts)  # type: ignore[attr-defined]

    def forward(self, parameters: Tensor, exposure: Tensor | None = None) -> Distribution:
        if len(self.widths) == 1:  # one kind of data, the usual case, needs no splitting
            return _evaluated(self.parts[0], parameters, exposure)
        pieces = parameters.split(self.widths, -1)
        return Joint(
            [
                (block.start, block.stop, _evaluated(part, piece, exposure))
                for block, part, piece in zip(self.blocks, self.parts, pieces, strict=True)
            ]
        )

    def observed_exposure(self, target: Tensor) -> Tensor | None:
        for block, part in zip(self.blocks, self.parts, strict=True):
            found = part.observed_exposure(target[..., block.start : block.stop])  # type: ignore[operator]
            if found is not None:
                return found
        return None

    @torch.no_grad()
    def begin(self, target: Tensor, exposure: Tensor | None) -> None:
        for block, part in zip(self.blocks, self.parts, strict=True):
            part.begin(target[..., block.start : block.stop], exposure)  # type: ignore[operator]

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
        """Those of all blocks in a row, (sum of widths,), with zeros for a block that has none."""
        found = [part.statistics(inner, piece) for _, part, inner, piece in self._each(distribution, target)]
        if all(entry is None for entry in found):
            return None
        zeros = [torch.zeros(width, dtype=torch.float64, device=target.device) for width in self._statistics_widths]
        return torch.cat([zero if one is None else one.reshape(-1) for zero, one in zip(zeros, found, strict=True)])

    def calibrate(self, statistics: Tensor, rows: int) -> None:
        for part, width, statistic in zip(
            self.parts, self._statistics_widths, statistics.split(self._statistics_widths), strict=True
        ):
            part.calibrate(statistic if width > 1 else statistic.squeeze(0), rows)  # type: ignore[operator]

    @property
    def _statistics_widths(self) -> list[int]:
        return [part.statistics_width for part in self.parts]  # type: ignore[misc]

    def diagnose(self) -> str | None:
        found = [part.diagnose() for part in self.parts]  # type: ignore[operator]
        return next((words for words in found if words), None)


def _evaluated(part: nn.Module, parameters: Tensor, exposure: Tensor | None) -> Distribution:
    return part(parameters, exposure) if part.uses_exposure else part(parameters)
