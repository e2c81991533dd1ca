"""A Gaussian posterior bent by an inverse autoregressive flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.constraints import Constraint, Interval, SequenceOf
from isthmus.core.registry import register
from isthmus.distributions import DiagonalNormal
from isthmus.distributions.autoregressive_flow import AutoregressiveFlow
from isthmus.distributions.flow import FlowPosterior

from .base import Latent, LatentModule

POSITIVE = Interval(1, None, integer=True)


@register("latent", "flow")
@dataclass(frozen=True)
class FlowLatent(Latent):
    """q(z|x): a Gaussian sample, transformed by autoregressive networks that see the encoder's context.

    Kingma et al. (2016), Improving variational inference with inverse autoregressive flow, arXiv:1606.04934. Sampling
    is fast, and gives the density of the sample; the density of other points takes one pass per dimension. The code is
    what the flow makes of the Gaussian's mean; mean and standard deviation of the codes have no closed form. It needs
    zuko: ``pip install 'isthmus[flows]'``.

    Parameters
    ----------
    transforms : int
        How many transformations follow the Gaussian.
    hidden : tuple of int
        The widths of the hidden layers of each of their networks.
    context : int
        How many numbers the encoder gives these networks, besides mean and log standard deviation.

    Examples
    --------
    >>> FlowLatent(context=10).parameter_shape(8)
    26
    """

    stochastic: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "transforms": (POSITIVE,),
        "hidden": (SequenceOf(POSITIVE),),
        "context": (POSITIVE,),
    }

    transforms: int = 2
    hidden: tuple[int, ...] = (64,)
    context: int = 16

    def parameter_shape(self, latent_dim: int) -> int:
        return 2 * latent_dim + self.context

    def build(self, latent_dim: int) -> FlowLatentModule:
        flow = AutoregressiveFlow(latent_dim, self.transforms, tuple(self.hidden), "affine", self.context)
        return FlowLatentModule(latent_dim, flow)


class FlowLatentModule(LatentModule):
    """Encoder output (n, 2·latent_dim + context) -> q(z|x): means, log standard deviations, context."""

    def __init__(self, latent_dim: int, flow: AutoregressiveFlow) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.flow = flow

    def describe(self) -> str:
        return "autoregressive flow"

    def forward(self, parameters: Tensor) -> FlowPosterior:
        sizes = [self.latent_dim, self.latent_dim, parameters.shape[-1] - 2 * self.latent_dim]
        mean, log_std, context = parameters.split(sizes, -1)
        return FlowPosterior(DiagonalNormal(mean, log_std), self.flow, context)
