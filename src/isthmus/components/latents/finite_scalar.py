"""Codes on a fixed grid: each dimension is rounded to one of a few values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions import QuantisedPosterior

from .base import Latent, LatentModule

LEVELS = Interval(2, None, integer=True)
AUTOMATIC_DIM = 8

# What tanh makes of a standard normal number z: E[sech² z], E[tanh² z] and E[2 z tanh z sech² z], by quadrature.
SLOPE, SQUARE, SPREADING = 0.6057055, 0.3942945, 0.3635956
# The scale stops here where all rows give the same number.
LEAST_SCALE = 1e-6


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
    half a step. And tanh is told the encoder's output as its distance from a moving centre, in moving units; without,
    an encoder whose outputs all grow before they part would end in one corner of the grid, where tanh has no slope.

    Parameters
    ----------
    levels : int or sequence of int
        L of each dimension; a sequence begins anew where the dimensions outnumber it.
    decay : float
        What the centre and the unit keep of themselves in a step, at least half; 1: the encoder's output as it is.

    Examples
    --------
    >>> FiniteScalar(levels=(8, 5)).symbol_levels(3)
    (8, 5, 8)
    """

    stochastic: ClassVar[bool] = False
    code_space: ClassVar[str] = "symbols"
    straight_through: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "levels": (LEVELS, _LevelsOfDimensions()),
        "decay": (Interval(0.5, 1),),
    }

    levels: int | tuple[int, ...] = (8, 5, 5, 5)
    decay: float = 0.99

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
        return FiniteScalarLatent(self.symbol_levels(latent_dim), self.decay)


class FiniteScalarLatent(LatentModule):
    """Encoder output (n, latent_dim) -> the nearest point of the grid.

    The centre and the scale are M-estimates (Huber & Ronchetti 2009, Robust statistics, 2nd edition, chapter 6) of
    location and scale of the encoder's outputs: where the outputs are normal, their mean and standard deviation. The
    estimating functions are the bounded numbers themselves: their mean is to be 0 and their mean square that of tanh of
    a standard normal number. Each step in training goes a part of a Newton step towards that.

    Parameters
    ----------
    levels : tuple of int
        For each dimension.
    decay : float
        1 - the part of the Newton step.
    """

    half_range: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, levels: tuple[int, ...], decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("centre", torch.zeros(len(levels)))
        self.register_buffer("scale", torch.ones(len(levels)))
        self.levels = levels
        self.log_levels = sum(map(math.log, levels))
        # Half the distance between the outermost symbols; known from the levels, so that it need not be saved.
        self.register_buffer("half_range", (torch.tensor(levels) - 1) / 2, persistent=False)

    def describe(self) -> str:
        return f"rounded to {'×'.join(map(str, self.levels))} levels"

    def forward(self, parameters: Tensor) -> QuantisedPosterior:
        bounded = ((parameters - self.centre) / self.scale).tanh()
        symbols = ((bounded.detach() + 1) * self.half_range).round().long()
        return QuantisedPosterior(bounded, self.vectors(symbols), symbols, self.log_levels)

    def updates(self, posterior: QuantisedPosterior, noise: Tensor | None) -> dict[str, Tensor]:  # type: ignore[override]
        if self.decay == 1:
            return {}
        bounded, part = posterior.encoded.detach(), 1 - self.decay
        wider = 1 + part * (bounded.square().mean(0) - SQUARE) / SPREADING
        return {
            "centre": self.centre + part * self.scale * bounded.mean(0) / SLOPE,
            "scale": (self.scale * wider).clamp_min(LEAST_SCALE),
        }

    @torch.no_grad()
    def begin(self, encoded: Tensor, generator: Generator) -> None:
        if self.decay < 1:
            self.centre.copy_(encoded.mean(0))
            self.scale.copy_(encoded.std(0, correction=0).clamp_min(LEAST_SCALE))

    def vectors(self, symbols: Tensor) -> Tensor:
        return symbols / self.half_range - 1

    def extra_repr(self) -> str:
        return f"levels={self.levels}, decay={self.decay}"
