"""A deterministic code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register
from isthmus.distributions import PointMass

from .base import Latent, LatentModule

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda values: values,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


@register("latent", "point")
@dataclass(frozen=True)
class Point(Latent):
    """The encoder's output is the code: the latent of plain and of sparse autoencoders.

    With ``top_k`` it is the code of the k-sparse autoencoder: Makhzani & Frey (2014), arXiv:1312.5663. There the
    largest values of linear units pass; here the largest magnitudes, so that strongly negative units count too.

    Parameters
    ----------
    activation : str
        "identity", "relu", "sigmoid" or "tanh": what is applied to the encoder's output.
    top_k : int or None
        Only so many activations of a row pass, those of the largest magnitude; the others become 0, in training and
        afterwards. None: all pass.

    Examples
    --------
    >>> Point(activation="relu", top_k=1).build(3)(torch.tensor([[0.5, 2.0, -3.0]])).code
    tensor([[0., 2., 0.]])
    """

    stochastic: ClassVar[bool] = False
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "activation": (OneOf(*ACTIVATIONS),),
        "top_k": (OneOf(None), Interval(1, None, integer=True)),
    }

    activation: str = "identity"
    top_k: int | None = None

    def parameter_shape(self, latent_dim: int) -> int:
        if self.top_k is not None and self.top_k > latent_dim:
            raise ParameterError(
                f"Point: `top_k` must be at most the size of the code, `latent_dim`={latent_dim}; got {self.top_k}."
            )
        return latent_dim

    def build(self, latent_dim: int) -> PointLatent:
        return PointLatent(self.activation, self.top_k)


class PointLatent(LatentModule):
    """Encoder output (n, latent_dim) -> a point mass on its activation."""

    def __init__(self, activation: str = "identity", top_k: int | None = None) -> None:
        super().__init__()
        self.activation, self.top_k = activation, top_k

    def describe(self) -> str:
        words = "" if self.activation == "identity" else self.activation
        return ", ".join(filter(None, [words, f"{self.top_k} largest" if self.top_k else ""]))

    def forward(self, parameters: Tensor) -> PointMass:
        code = ACTIVATIONS[self.activation](parameters)
        if self.top_k is None:
            return PointMass(code, self.activation)
        with torch.no_grad():
            largest = code.abs().topk(self.top_k, -1).indices
            passed = torch.zeros_like(code).scatter(-1, largest, torch.ones_like(code))
        return PointMass(code * passed, self.activation, passed)

    def extra_repr(self) -> str:
        return "" if self.activation == "identity" and self.top_k is None else f"{self.activation}, top_k={self.top_k}"
