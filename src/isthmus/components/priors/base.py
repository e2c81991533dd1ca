"""The contract of priors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from isthmus.core.spec import Spec
from isthmus.distributions import Distribution, Posterior

Encode = Callable[[Tensor], Posterior]


@dataclass(frozen=True)
class Prior(Spec):
    """p(z).

    To add one: subclass, implement :meth:`build`, register it on the axis "prior".
    """

    @abstractmethod
    def build(self, latent_dim: int) -> PriorModule:
        """A module that gives the distribution."""


class PriorModule(nn.Module):
    """``prior(encode) -> Distribution``: a prior that needs pseudo-inputs encodes them with ``encode``."""

    def forward(self, encode: Encode | None = None) -> Distribution:
        raise TypeError(f"{type(self).__name__} must define forward(encode)")

    def describe(self) -> str:
        """The prior in a few words, for tables and diagrams."""
        return f"{type(self).__name__.removesuffix('Prior')} prior"
