"""The contract of latents."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from isthmus.core.spec import Spec
from isthmus.distributions import Posterior


@dataclass(frozen=True)
class Latent(Spec):
    """What an encoder's output means.

    To add one: subclass, set :attr:`stochastic`, implement :meth:`parameter_shape` and :meth:`build`, register it
    on the axis "latent".
    """

    stochastic: ClassVar[bool]

    @abstractmethod
    def parameter_shape(self, latent_dim: int) -> int:
        """How many numbers the encoder must give for a code of ``latent_dim``."""

    @abstractmethod
    def build(self, latent_dim: int) -> LatentModule:
        """The module for codes of ``latent_dim``."""


class LatentModule(nn.Module):
    """``latent(parameters) -> Posterior``: from the encoder's output (n, parameter_shape) to q(z|x)."""

    def forward(self, parameters: Tensor) -> Posterior:
        raise TypeError(f"{type(self).__name__} must define forward(parameters)")
