"""How steeply the decoder's output changes with the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, Penalty
from .directional_derivative import directional_derivative
from .requirements import given_noise


@register("penalty", "decoder-gradient")
@dataclass(frozen=True)
class DecoderGradient(Penalty):
    """weight · ‖∂ mean(x|z) / ∂z‖²_F at each row's code: a smooth decoder.

    The gradient penalty of RAE-GP: Ghosh et al. (2020), From variational to deterministic autoencoders,
    arXiv:1903.12436. Estimated without bias by ‖J v‖² with one v ~ N(0, I) per row (Hutchinson 1990), in one
    forward-mode evaluation of the decoder. In squared encoded units per squared unit of the code. With batch
    normalisation in the decoder the rows of a training batch move its statistics together, and the derivative has
    that in it.

    Parameters
    ----------
    weight : float or Schedule

    Examples
    --------
    >>> DecoderGradient(weight=0.1).noise_width(latent_dim=8, width=100)
    8
    """

    takes_draws: ClassVar[bool] = True
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean",)

    def noise_width(self, latent_dim: int, width: int) -> int:
        return latent_dim

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        derivative = directional_derivative(
            lambda z: forward_pass.decode(z).mean,
            forward_pass.posterior.code,
            given_noise(self, noise),
            forward_pass.networks.get("decoder"),
        )
        return derivative.square().sum()
