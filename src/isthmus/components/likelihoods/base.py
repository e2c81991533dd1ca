"""The contract of likelihoods."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

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


class LikelihoodModule(nn.Module):
    """``likelihood(parameters) -> Distribution`` over the block's features.

    A module with running buffers gives their new values from :meth:`updates`; the loop applies them if it accepts
    the step. :meth:`statistics` and :meth:`calibrate` replace them by exact values after training.
    """

    def forward(self, parameters: Tensor) -> Distribution:
        raise TypeError(f"{type(self).__name__} must define forward(parameters)")

    def updates(self, distribution: Distribution, target: Tensor) -> dict[str, Tensor]:
        """New buffer values after seeing ``target`` (n, d); none by default."""
        return {}

    def statistics(self, distribution: Distribution, target: Tensor) -> Tensor | None:
        """Sums over rows from which :meth:`calibrate` computes exact buffers; None if there are none."""
        return None

    def calibrate(self, statistics: Tensor, rows: int) -> None:
        """Set the buffers from the summed statistics of all ``rows`` training rows."""

    def describe(self) -> str:
        """The likelihood in a few words, for tables and diagrams."""
        return type(self).__name__.removesuffix("Likelihood")

    def diagnose(self) -> str | None:
        """A warning about the fitted state, in words, or None."""
        return None
