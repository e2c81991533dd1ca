"""Different likelihoods for different blocks of columns, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block
from isthmus.distributions import Distribution, Joint, Observed

from .base import JointLikelihood, Likelihood, LikelihoodModule


def likelihood_of_rows(likelihoods: Sequence[Likelihood], blocks: Sequence[Block]) -> LikelihoodModule:
    """The likelihood of whole rows: one of its own kind, or those of the blocks side by side."""
    first = likelihoods[0]
    return first.build_joint(blocks) if isinstance(first, JointLikelihood) else PerColumn(likelihoods, blocks)


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
    def begin(self, target: Tensor, exposure: Tensor | None, present: Tensor | None = None) -> None:
        for part, block, cells in zip(self.parts, self.blocks, self._cells(present), strict=True):
            part.begin(target[..., block.start : block.stop], exposure, *cells)  # type: ignore[operator]

    def _cells(self, present: Tensor | None) -> list[tuple[Tensor, ...]]:
        """For each block what its methods are told of present cells: nothing where there are no holes."""
        if present is None:
            return [()] * len(self.blocks)
        return [(piece,) for piece in present.split([block.columns for block in self.blocks], -1)]

    def _each(self, distribution: Distribution, target: Tensor) -> list[tuple[int, LikelihoodModule, tuple[Any, ...]]]:
        """Number and module of each block, and what its methods are given."""
        present = None
        if isinstance(distribution, Observed):
            present, distribution = distribution.present, distribution.distribution
        if len(self.widths) == 1:
            return [(0, self.parts[0], (distribution, target, *self._cells(present)[0]))]  # type: ignore[list-item]
        pieces = distribution.parts  # type: ignore[attr-defined]
        return [
            (number, part, (inner, target[..., start:stop], *cells))  # type: ignore[misc]
            for number, (part, (start, stop, inner), cells) in enumerate(
                zip(self.parts, pieces, self._cells(present), strict=True)
            )
        ]

    def updates(self, distribution: Distribution, target: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
        """Those of all blocks; of the present cells of an :class:`~isthmus.distributions.Observed`."""
        return {
            f"parts.{number}.{name}": value
            for number, part, given in self._each(distribution, target)
            for name, value in part.updates(*given).items()
        }

    def statistics(self, distribution: Distribution, target: Tensor, present: Tensor | None = None) -> Tensor | None:
        """Those of all blocks in a row, (sum of widths,), with zeros for a block that has none."""
        found = [part.statistics(*given) for _, part, given in self._each(distribution, target)]
        if all(entry is None for entry in found):
            return None
        zeros = [torch.zeros(width, dtype=torch.float64, device=target.device) for width in self._statistics_widths]
        return torch.cat([zero if one is None else one.reshape(-1) for zero, one in zip(zeros, found, strict=True)])

    def calibrate(self, statistics: Tensor, rows: int, cells: Tensor | None = None) -> None:
        pieces = statistics.split(self._statistics_widths)
        for part, statistic, counts in zip(self.parts, pieces, self._cells(cells), strict=True):
            part.calibrate(statistic if len(statistic) > 1 else statistic.squeeze(0), rows, *counts)  # type: ignore[operator]

    @property
    def _statistics_widths(self) -> list[int]:
        return [part.statistics_width for part in self.parts]  # type: ignore[misc]

    def diagnose(self) -> str | None:
        found = [part.diagnose() for part in self.parts]  # type: ignore[operator]
        return next((words for words in found if words), None)


def _evaluated(part: nn.Module, parameters: Tensor, exposure: Tensor | None) -> Distribution:
    return part(parameters, exposure) if part.uses_exposure else part(parameters)
