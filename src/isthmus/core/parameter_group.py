"""Parameters that are trained together."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """Some parameters of a model, by a name under which an objective may give them a loss of their own.

    Attributes
    ----------
    name : str
        "encoder", "decoder", "prior", or that of a critic's loss part.
    parameters : tuple of Parameter
    rate_factor : float
        Their learning rate, as a factor of the run's.
    betas : pair of float
        Adam's decay rates for them.
    """

    name: str
    parameters: tuple[nn.Parameter, ...]
    rate_factor: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
