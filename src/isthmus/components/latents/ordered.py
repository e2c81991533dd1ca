"""Codes in the order of their importance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.registry import register
from isthmus.distributions import OrderedPointMass

from .base import Latent, LatentModule


@register("latent", "ordered")
@dataclass(frozen=True)
class Ordered(Latent):
    """A deterministic code of which training keeps only the first b entries, for a random b: nested dropout.

    Rippel, Gelbart & Adams (2014), Learning ordered representations with nested dropout, arXiv:1402.0915. An entry is
    worth most where all before it are known, so that the first entries learn what matters most: with linear networks
    they are the principal components, in order. After one training every shorter code can be used: set the entries
    behind it to 0. The code itself is always whole.

    Parameters
    ----------
    distribution : str
        Of b over 1, ..., latent_dim: "uniform", or "geometric", P(b) = rate · (1 − rate)^(b − 1), with what lies beyond
        latent_dim added to it.
    rate : float
        The parameter of the geometric distribution: about 1/rate entries are kept on average.

    Examples
    --------
    >>> posterior = Ordered().build(4)(torch.ones(3, 4))
    >>> posterior.sample(torch.tensor([[-2.0], [0.1], [2.0]]))
    tensor([[1., 0., 0., 0.],
            [1., 1., 1., 0.],
            [1., 1., 1., 1.]])
    """

    stochastic: ClassVar[bool] = False
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "distribution": (OneOf("uniform", "geometric"),),
        "rate": (Interval(0, 1, closed="neither"),),
    }

    distribution: str = "uniform"
    rate: float = 0.1

    def parameter_shape(self, latent_dim: int) -> int:
        return latent_dim

    def noise_width(self, latent_dim: int) -> int:
        return 1

    def build(self, latent_dim: int) -> OrderedLatent:
        lengths = torch.arange(1, latent_dim, dtype=torch.float64)
        if self.distribution == "uniform":
            return OrderedLatent((1 - lengths / latent_dim).log())
        return OrderedLatent(lengths * math.log1p(-self.rate))


class OrderedLatent(LatentModule):
    """Encoder output (n, latent_dim) -> a point mass on it, whose samples are cut.

    Parameters
    ----------
    log_beyond : Tensor, shape (latent_dim - 1,)
        ln P(more than b entries are kept) for b = 1, ..., latent_dim − 1.
    """

    log_beyond: Tensor

    def __init__(self, log_beyond: Tensor) -> None:
        super().__init__()
        # Known from the spec, so that it need not be saved.
        self.register_buffer("log_beyond", log_beyond, persistent=False)

    def describe(self) -> str:
        return "nested dropout"

    def forward(self, parameters: Tensor) -> OrderedPointMass:
        return OrderedPointMass(parameters, self.log_beyond)
