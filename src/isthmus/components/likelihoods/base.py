"""The contract of likelihoods."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from isthmus.core.blocks import Block
from isthmus.core.spec import Spec
from isthmus.distributions import Distribution


@dataclass(frozen=True)
class Likelihood(Spec):
    """p(x|z) of one block of columns.

    To add one: subclass, implement :meth:`parameter_shape` and :meth:`build`, register it on the axis "likelihood".
    """

    @abstractmethod
    def parameter_shape(self, block: Block) -> int:
        """How many numbers the decoder must give for the block."""

    @abstractmethod
    def build(self, block: Block) -> LikelihoodModule:
        """The module for the block; raises :class:`~isthmus.core.errors.ParameterError` if its kind does not fit."""


@dataclass(frozen=True)
class JointLikelihood(Likelihood):
    """p(x|z) of whole rows, whatever blocks they are made of: columns may depend on each other.

    Its module has what :class:`~isthmus.components.likelihoods.per_column.PerColumn` has besides a block's likelihood:
    ``parameter_width``, ``densities``, ``shows_exposure``.
    """

    @abstractmethod
    def build_joint(self, blocks: Sequence[Block]) -> LikelihoodModule:
        """The module for rows made of ``blocks``."""

    def build(self, block: Block) -> LikelihoodModule:
        return self.build_joint([replace(block, start=0, stop=block.width)])


class LikelihoodModule(nn.Module):
    """``likelihood(parameters) -> Distribution`` over the block's features.

    One that sets :attr:`uses_exposure` is called ``likelihood(parameters, exposure)`` with exposures (n, 1), or None
    for its own typical one. A module with running buffers gives their new values from :meth:`updates`; the loop
    applies them if it accepts the step. :meth:`statistics` and :meth:`calibrate` replace them by exact values after
    training; :attr:`statistics_width` is how many numbers that takes. Where :attr:`is_density` is False, ``log_prob``
    is the log-mass of levels, which the units of the data do not change.

    One that learns values from the rows that it is shown before training sets :attr:`looks_at_few` to False.

    Where rows have holes, :meth:`begin`, :meth:`updates` and :meth:`statistics` are given ``present``, bool (n,
    columns) with an entry per column of the block: what is learnt is learnt of these cells. Absent cells of ``target``
    are 0.
    """

    uses_exposure: ClassVar[bool] = False
    is_density: ClassVar[bool] = True
    looks_at_few: ClassVar[bool] = True
    statistics_width: int = 1

    def forward(self, parameters: Tensor) -> Distribution:
        raise TypeError(f"{type(self).__name__} must define forward(parameters)")

    def observed_exposure(self, target: Tensor) -> Tensor | None:
        """Exposures (n, 1) that rows show of themselves (a library size: the row's total); None by default."""
        return None

    @torch.no_grad()
    def begin(self, target: Tensor, exposure: Tensor | None, present: Tensor | None = None) -> None:
        """Told once, before training: some training rows of the block (m, d) and their exposures (m, 1)."""

    def updates(self, distribution: Distribution, target: Tensor, present: Tensor | None = None) -> dict[str, Tensor]:
        """New buffer values after seeing ``target`` (n, d); none by default."""
        return {}

    def statistics(self, distribution: Distribution, target: Tensor, present: Tensor | None = None) -> Tensor | None:
        """Sums over rows from which :meth:`calibrate` computes exact buffers; None if there are none.

        A scalar or (statistics_width,), float64. Of several draws a row, (samples, n, d), their mean.
        """
        return None

    def calibrate(self, statistics: Tensor, rows: int, cells: Tensor | None = None) -> None:
        """Set the buffers from the summed statistics of all ``rows`` training rows.

        ``cells``, where rows have holes, is how many of them have a cell in each column: float64 (columns,).
        """

    def describe(self) -> str:
        """The likelihood in a few words, for tables and diagrams."""
        return type(self).__name__.removesuffix("Likelihood")

    def diagnose(self) -> str | None:
        """A warning about the fitted state, in words, or None."""
        return None
