"""Densities of codes made bolder or more careful."""

from __future__ import annotations

import math
from functools import singledispatch
from numbers import Real
from typing import Any

import torch

from isthmus.core.errors import ParameterError
from isthmus.distributions import (
    DiagonalMixture,
    DiagonalNormal,
    Distribution,
    FlowDistribution,
    FullNormal,
    NormalMixture,
    RowwiseNormalMixture,
    SphericalMixture,
    StandardNormal,
    SymbolMixture,
    SymbolSequence,
    UniformCodes,
    UniformSphere,
)
from isthmus.distributions.symbol_sequence import Logits


def tempered(density: Distribution, temperature: float) -> Distribution:
    """``density`` at a temperature: below 1 nearer to what is typical, above 1 farther from it.

    - Normals, and the components of their mixtures: every standard deviation is multiplied by the temperature, as
      Kingma & Dhariwal (2018, Glow, arXiv:1807.03039) and Vahdat & Kautz (2020, NVAE, arXiv:2007.03898) have it.
    - Flows: the deviation of the normal that the flow transforms is multiplied by it.
    - von Mises–Fisher distributions, and the components of their mixtures: the concentration is divided by it.
    - Symbols, in classes or in sequences: the logits of each place are divided by it.
    - Uniform distributions stay what they are.

    How often a mixture's components are chosen does not change.

    Raises
    ------
    ParameterError
        The temperature is not a number in (0, inf), or other than 1 for a kind of density that has none.

    Examples
    --------
    >>> tempered(StandardNormal(2), 0.5).stddev
    tensor([0.5000, 0.5000])
    """
    size = checked_temperature(temperature)
    return density if size == 1 else _tempered(density, size)


def checked_temperature(temperature: float) -> float:
    """The temperature, or :class:`ParameterError` if it is not a number in (0, inf)."""
    if isinstance(temperature, bool) or not isinstance(temperature, Real) or not 0 < temperature < math.inf:
        raise ParameterError(f"sample: `temperature` must be a number in (0, inf); got {temperature!r}.")
    return float(temperature)


@singledispatch
def _tempered(density: Any, temperature: float) -> Distribution:
    raise ParameterError(
        f"sample: codes drawn from {type(density).__name__} have no temperature; got {temperature:g}. Leave "
        "`temperature` at 1."
    )


@_tempered.register(UniformCodes)
@_tempered.register(UniformSphere)
def _uniform(density: Distribution, temperature: float) -> Distribution:
    return density


@_tempered.register
def _standard(density: StandardNormal, temperature: float) -> DiagonalNormal:
    mean = torch.zeros(density.dim, device=density.device, dtype=density.dtype)
    return DiagonalNormal(mean, torch.full_like(mean, math.log(temperature)))


@_tempered.register
def _full(density: FullNormal, temperature: float) -> FullNormal:
    return FullNormal(density.mean, density.scale_tril * temperature)


@_tempered.register
def _mixture(density: NormalMixture, temperature: float) -> NormalMixture:
    return NormalMixture(density.log_weights, density.means, density.scale_trils * temperature)


@_tempered.register
def _rowwise(density: RowwiseNormalMixture, temperature: float) -> RowwiseNormalMixture:
    return RowwiseNormalMixture(density.log_weights, density.means, density.scale_trils * temperature)


@_tempered.register
def _diagonal_mixture(density: DiagonalMixture, temperature: float) -> DiagonalMixture:
    return DiagonalMixture(density.log_weights, density.means, density.log_stds + math.log(temperature))


@_tempered.register
def _flow(density: FlowDistribution, temperature: float) -> FlowDistribution:
    base: Any = density.base
    changed = FlowDistribution(density.flow, base.device, base.dtype)
    changed.base = _standard(base, temperature)  # type: ignore[assignment]
    return changed


@_tempered.register
def _spherical(density: SphericalMixture, temperature: float) -> SphericalMixture:
    return SphericalMixture(density.log_weights, density.means, density.concentrations / temperature)


@_tempered.register
def _symbols(density: SymbolMixture, temperature: float) -> SymbolMixture:
    return SymbolMixture(density.log_weights, (density.log_probs / temperature).log_softmax(-1))


@_tempered.register
def _sequence(density: SymbolSequence, temperature: float) -> SymbolSequence:
    def divided(logits: Logits) -> Logits:
        return lambda symbols: logits(symbols) / temperature

    one_by_one = density.one_by_one
    return SymbolSequence(
        divided(density.logits),
        density.places,
        density.device,
        None if one_by_one is None else lambda: divided(one_by_one()),
    )
