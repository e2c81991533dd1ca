"""The contract of priors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from isthmus.core.spec import Spec
from isthmus.distributions import Distribution, Posterior

Encode = Callable[[Tensor], Posterior]


@dataclass(frozen=True)
class Prior(Spec):
    """p(z).

    To add one: subclass, implement :meth:`build`, register it on the axis "prior". On the axis "density" are those that
    are fitted to the codes of a trained model only: no model can be trained with them.

    Attributes
    ----------
    code_space : str
        Where its codes live; see :attr:`Latent.code_space`.
    learnt : bool
        It has parameters that the loss must move: without a penalty or an objective that does, it is refused.
    """

    code_space: ClassVar[str] = "euclidean"
    learnt: ClassVar[bool] = False

    @abstractmethod
    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> PriorModule:
        """A module that gives the distribution over codes, or over symbols in the code space "symbols".

        Pseudo-inputs have ``width`` columns, as the encoder's input has; ``levels`` are the latent's
        :meth:`Latent.symbol_levels`.
        """


class PriorModule(nn.Module):
    """``prior(encode) -> Distribution``: a prior that needs pseudo-inputs encodes them with ``encode``."""

    def forward(self, encode: Encode | None = None) -> Distribution:
        raise TypeError(f"{type(self).__name__} must define forward(encode)")

    def given(self, condition: Tensor, encode: Encode | None = None) -> Distribution:
        """p(z|c): one distribution for each row of encoded conditions (n, c), or for all rows of one condition (c,).

        The distribution itself, unless the prior knows about conditions.
        """
        distribution: Distribution = self(encode)
        return distribution

    @torch.no_grad()
    def begin(self, inputs: Tensor, generator: Generator) -> None:
        """Told once, before training: what the encoder is shown of some training rows, (m, width)."""

    def describe(self) -> str:
        """The prior in a few words, for tables and diagrams."""
        return f"{type(self).__name__.removesuffix('Prior')} prior"
