"""Codes near the origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, Penalty


@register("penalty", "code-norm")
@dataclass(frozen=True)
class CodeNorm(Penalty):
    """weight · ½‖z‖² of each row's code z: what is left of the KL term when the encoder has no noise.

    Ghosh et al. (2020), From variational to deterministic autoencoders (RAE), arXiv:1903.12436. The paper joins it with
    one of three regularisers of the decoder: weight decay (L2), a gradient penalty (GP) or spectral norms (SN). Without
    one the decoder can undo it by growing.

    Parameters
    ----------
    weight : float or Schedule

    Examples
    --------
    >>> CodeNorm(weight=1e-4).scope
    'row'
    """

    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean",)
    takes_draws: ClassVar[bool] = True

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        return 0.5 * forward_pass.posterior.code.square().sum()
