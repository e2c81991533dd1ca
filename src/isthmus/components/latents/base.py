"""The contract of latents."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn

from isthmus.core.spec import Spec
from isthmus.distributions import Posterior

# Rombach et al. (2022), arXiv:2112.10752, use 3 or 4 for maps of continuous codes.
MAP_CHANNELS = 4


@dataclass(frozen=True)
class Latent(Spec):
    """What an encoder's output means.

    To add one: subclass, set :attr:`stochastic`, implement :meth:`parameter_shape` and :meth:`build`, register it
    on the axis "latent".

    Attributes
    ----------
    stochastic : bool
        The posterior has a density that can be sampled and evaluated.
    code_space : str
        Where codes live: "euclidean" (R^d), "sphere" (unit vectors) or "symbols" (entries of a codebook). Priors
        declare the same, and must agree.
    bounded : bool
        There is a divergence from a prior, and with it a bound on the log-likelihood.
    straight_through : bool
        Codes are rounded, and their gradient is that of what was rounded (``Posterior.encoded``): no derivative.
    has_codebook : bool
        Codes are made of vectors that are learnt, and that a :class:`Commitment` holds the encoder to.
    """

    stochastic: ClassVar[bool]
    code_space: ClassVar[str] = "euclidean"
    straight_through: ClassVar[bool] = False
    has_codebook: ClassVar[bool] = False

    @property
    def bounded(self) -> bool:
        return self.stochastic or self.code_space == "symbols"

    @abstractmethod
    def parameter_shape(self, latent_dim: int) -> int:
        """How many numbers the encoder must give for a code of ``latent_dim``.

        Raises :class:`~isthmus.core.errors.ParameterError` if codes of that size make no sense.
        """

    def suitable_dim(self, latent_dim: int) -> int:
        """The size of a code that "auto" means, where ``latent_dim`` is the usual one."""
        return latent_dim

    def suitable_channels(self) -> int:
        """How many numbers each position of a code that is a map has, where nobody says."""
        return MAP_CHANNELS

    def completed(self, latent_dim: int, positions: int | None) -> Latent:
        """The same latent with every parameter in place.

        Parameters
        ----------
        latent_dim : int
        positions : int or None
            Of a code that is a map, whose neighbouring numbers belong to one position; None for other codes.
        """
        return self

    @abstractmethod
    def build(self, latent_dim: int) -> LatentModule:
        """The module for codes of ``latent_dim``."""

    def noise_width(self, latent_dim: int) -> int:
        """How many standard normal numbers ``Posterior.sample`` takes for a row; 0: there is nothing to sample."""
        return latent_dim if self.stochastic else 0

    def symbol_levels(self, latent_dim: int) -> tuple[int, ...]:
        """How many symbols there are to choose from at each place of a code, in the code space "symbols"."""
        return ()


NO_UPDATES: dict[str, Tensor] = {}


class LatentModule(nn.Module):
    """``latent(parameters) -> Posterior``: from the encoder's output (n, parameter_shape) to q(z|x)."""

    def forward(self, parameters: Tensor) -> Posterior:
        raise TypeError(f"{type(self).__name__} must define forward(parameters)")

    def updates(self, posterior: Posterior, noise: Tensor | None) -> dict[str, Tensor]:
        """New values of buffers after a step in training (moving codebooks); none by default."""
        return NO_UPDATES

    @torch.no_grad()
    def begin(self, encoded: Tensor, generator: Generator) -> None:
        """Told once, before training: the untrained encoder's output for some rows, (m, parameter_shape)."""

    def vectors(self, symbols: Tensor) -> Tensor:
        """The codes (n, latent_dim) of symbols (n, T), in the code space "symbols"."""
        raise TypeError(f"{type(self).__name__} has no symbols")

    def describe(self) -> str:
        """The latent in a few words, for tables and diagrams; empty where the code is just a point."""
        return ""

    def diagnose(self, posterior: Posterior) -> str | None:
        """A warning about the fitted state, in words, or None. ``posterior`` is that of training rows."""
        return None
