"""The discretised logistic likelihood: exact log-masses of grey levels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.blocks import Block
from isthmus.core.constraints import Constraint, Interval
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register
from isthmus.distributions import DiscretisedLogisticMixture

from .accepted_kinds import require_kind
from .base import Likelihood, LikelihoodModule

# A logistic of scale s has the variance π² s²/3.
SCALE_OF_DEVIATION = math.sqrt(3) / math.pi
OFF_LEVEL = 0.1  # of a step


@register("likelihood", "discretised-logistic")
@dataclass(frozen=True)
class DiscretisedLogistic(Likelihood):
    """p(x|z) = Π Σ_m w_m P(a logistic variable rounds to x): a log-mass in nats, not a density.

    For data in [0, 1] that were measured in steps, such as pixels. Everything beyond the two ends belongs to them.
    One logistic: Kingma et al. (2016), Improved variational inference with inverse autoregressive flow,
    arXiv:1606.04934; a mixture: Salimans et al. (2017), PixelCNN++, arXiv:1701.05517, without the autoregression.

    The decoder gives weights (for a mixture), locations and log-scales, in this order: each for the first component of
    every feature, then for the second, …, so that the parameters of images are images. Where it gives zeros, the
    locations of M components are at (m + ½)/M, and the scale is that of the training data.

    Parameters
    ----------
    components : int
        How many logistics each feature mixes.

    Examples
    --------
    >>> block = Block("unit-interval", 0, 2, (2,), step=1 / 15)
    >>> DiscretisedLogistic().parameter_shape(block), DiscretisedLogistic(components=5).parameter_shape(block)
    (4, 30)
    """

    components: int = 1

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"components": (Interval(1, None, integer=True),)}

    def parameter_shape(self, block: Block) -> int:
        return block.width * (2 if self.components == 1 else 3 * self.components)

    def build(self, block: Block) -> DiscretisedLogisticLikelihood:
        name = "DiscretisedLogistic"
        remedy = "declare schema='unit-interval' if the columns share a range that means something"
        require_kind(name, block, ("unit-interval",), "levels in [0, 1], such as pixels", remedy)
        levels = round(1 / block.step) if block.step > 0 else 0
        if levels < 1 or abs(levels * block.step - 1) > 1e-6:
            raise ParameterError(
                f"likelihood {name} needs data on levels, but these unit-interval data were not measured in equal "
                f"steps (the schema found a step of {block.step:g}). Use likelihood=ContinuousBernoulli() or "
                "Gaussian(), or give the data as whole numbers, such as grey levels from 0 to 255."
            )
        return DiscretisedLogisticLikelihood(self.components, block)


class DiscretisedLogisticLikelihood(LikelihoodModule):
    """Decoder output (n, 2 · d) or (n, 3 · M · d) as weights, locations and log-scales of M logistics a feature."""

    is_density = False
    first_locations: Tensor

    def __init__(self, components: int, block: Block) -> None:
        super().__init__()
        self.components = components
        self.width = block.width
        self.step = 1 / round(1 / block.step)
        deviation = max(math.sqrt(block.variance), self.step)
        self.first_log_scale = math.log(deviation * SCALE_OF_DEVIATION)
        places = (torch.arange(components) + 0.5) / components
        self.register_buffer("first_locations", places, persistent=False)

    def forward(self, parameters: Tensor) -> DiscretisedLogisticMixture:
        groups = parameters.unflatten(-1, (-1, self.components, self.width)).transpose(-1, -2)
        locations = groups[..., -2, :, :] + self.first_locations
        log_scales = groups[..., -1, :, :] + self.first_log_scale
        logits = torch.zeros_like(locations) if self.components == 1 else groups[..., 0, :, :]
        return DiscretisedLogisticMixture(logits, locations, log_scales, self.step)

    @torch.no_grad()
    def begin(self, target: Tensor, exposure: Tensor | None, present: Tensor | None = None) -> None:
        off = (target / self.step - (target / self.step).round()).abs() > OFF_LEVEL
        if off.any():
            row, column = off.nonzero()[0].tolist()
            raise ParameterError(
                f"likelihood DiscretisedLogistic needs every value on a level k · {self.step:g}, but feature {column} "
                f"(scaled) has {float(target[row, column]):g}: the columns differ in their levels. Use "
                "likelihood=ContinuousBernoulli() or Gaussian()."
            )

    def describe(self) -> str:
        kind = "discretised logistic" if self.components == 1 else f"mixture of {self.components} discretised logistics"
        return f"{kind}, {round(1 / self.step) + 1} levels"
