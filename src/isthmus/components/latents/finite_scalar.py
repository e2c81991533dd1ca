"""Codes on a fixed grid: each dimension is rounded to one of a few values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions import QuantisedPosterior

from .base import Latent, LatentModule

LEVELS = Interval(2, None, integer=True)
AUTOMATIC_DIM = 8


class _LevelsOfDimensions:
    """One number of levels or more, each at least 2."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, (tuple, list)) and len(value) > 0 and all(map(LEVELS.accepts, value))

    def describe(self) -> str:
        return "a sequence of one or more such integers"


@register("latent", "finite-scalar")
@dataclass(frozen=True)
class FiniteScalar(Latent):
    """tanh of each dimension, rounded to the nearest of L values with equal distances from −1 to 1.

    Mentzer et al. (2023), Finite scalar quantization: VQ-VAE made simple, arXiv:2309.15505. There is no codebook to
    learn, and it needs no penalty. The grid is symmetric for even L too, which the paper shifts by
    half a step.

    Parameters
    ----------
    levels : int or sequence of int
        L of each dimension; a sequence begins anew where the dimensions outnumber it.

    Examples
    --------
    >>> FiniteScalar(levels=(8, 5)).symbol_levels(3)
    (8, 5, 8)
    """

    stochastic: ClassVar[bool] = False
    code_space: ClassVar[str] = "symbols"
    straight_through: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"levels": (LEVELS, _LevelsOfDimensions())}

    levels: int | tuple[int, ...] = (8, 5, 5, 5)

    def parameter_shape(self, latent_dim: int) -> int:
        return latent_dim

    def suitable_dim(self, latent_dim: int) -> int:
        """8 numbers, whatever the data: about 19 bits with the usual levels."""
        return AUTOMATIC_DIM

    def suitable_channels(self) -> int:
        """One number for each of the ``levels``: with the usual ones as many symbols as a codebook of 1,000."""
        return super().suitable_channels() if isinstance(self.levels, int) else len(self.levels)

    def symbol_levels(self, latent_dim: int) -> tuple[int, ...]:
        levels = (self.levels,) if isinstance(self.levels, int) else self.levels
        return tuple(int(levels[place % len(levels)]) for place in range(latent_dim))

    def build(self, latent_dim: int) -> FiniteScalarLatent:
        return FiniteScalarLatent(self.symbol_levels(latent_dim))


class FiniteScalarLatent(LatentModule):
    """Encoder output (n, latent_dim) -> the nearest point of the grid.

    Parameters
    ----------
    levels : tuple of int
        For each dimension.
    """

    half_range: Tensor

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = levels
        self.log_levels = sum(map(math.log, levels))
        # Half the distance between the outermost symbols; known from the levels, so that it need not be saved.
        self.register_buffer("half_range", (torch.tensor(levels) - 1) / 2, persistent=False)

    def describe(self) -> str:
        return f"rounded to {'×'.join(map(str, self.levels))} levels"

    def forward(self, parameters: Tensor) -> QuantisedPosterior:
        bounded = parameters.tanh()
        symbols = ((bounded.detach() + 1) * self.half_range).round().long()
        return QuantisedPosterior(bounded, self.vectors(symbols), symbols, self.log_levels)

    def vectors(self, symbols: Tensor) -> Tensor:
        return symbols / self.half_range - 1

    def extra_repr(self) -> str:
        return f"levels={self.levels}"
