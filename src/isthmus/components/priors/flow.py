"""A normalising flow as prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch

from isthmus.core.constraints import Constraint, Interval, OneOf, SequenceOf
from isthmus.core.registry import register
from isthmus.distributions.autoregressive_flow import AutoregressiveFlow
from isthmus.distributions.flow import FlowDistribution

from .base import Encode, Prior, PriorModule

POSITIVE = Interval(1, None, integer=True)


@register("prior", "flow")
@dataclass(frozen=True)
class FlowPrior(Prior):
    """p(z) by a masked autoregressive flow, learnt with the model.

    "spline": Durkan et al. (2019), Neural spline flows, arXiv:1906.04032; "affine": Papamakarios et al. (2017), Masked
    autoregressive flow, arXiv:1705.07057. As prior of a VAE: Chen et al. (2017), Variational lossy autoencoder,
    arXiv:1611.02731. It begins near N(0, I). It needs zuko: ``pip install 'isthmus[flows]'``.

    Parameters
    ----------
    transforms : int
        How many maps are composed.
    hidden : tuple of int
        The widths of the hidden layers of each map's network.
    kind : str
        "spline" (bends codes between −5 and 5) or "affine".

    Examples
    --------
    >>> FlowPrior(transforms=2).build(2)().draw(3).shape
    torch.Size([3, 2])
    """

    learnt: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "transforms": (POSITIVE,),
        "hidden": (SequenceOf(POSITIVE),),
        "kind": (OneOf("spline", "affine"),),
    }

    transforms: int = 3
    hidden: tuple[int, ...] = (64, 64)
    kind: str = "spline"

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> FlowPriorModule:
        return FlowPriorModule(AutoregressiveFlow(latent_dim, self.transforms, tuple(self.hidden), self.kind))


class FlowPriorModule(PriorModule):
    """The flow from codes to N(0, I)."""

    anchor: torch.Tensor

    def __init__(self, flow: AutoregressiveFlow) -> None:
        super().__init__()
        self.flow = flow
        # An empty buffer follows .to(device): samples are drawn where the model lives.
        self.register_buffer("anchor", torch.empty(0), persistent=False)

    def describe(self) -> str:
        return f"{self.flow.kind} flow of {len(self.flow.networks)} maps as prior"

    def forward(self, encode: Encode | None = None) -> FlowDistribution:
        return FlowDistribution(self.flow, self.anchor.device, self.anchor.dtype)
