"""The encoder's commitment to the codebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register
from isthmus.core.schedule import Schedule

from .base import NOTHING, Penalty


@register("penalty", "commitment")
@dataclass(frozen=True)
class Commitment(Penalty):
    """weight · ‖e(x) − sg[q(x)]‖²: the encoder stays near the codebook vectors that replace its output.

    The third term of van den Oord, Vinyals & Kavukcuoglu (2017), Neural discrete representation learning, eq. 3,
    arXiv:1711.00937; sg stops the gradient.

    Parameters
    ----------
    weight : float or Schedule
        The paper's β.

    Examples
    --------
    >>> Commitment().weight
    0.25
    """

    code_spaces: ClassVar[tuple[str, ...]] = ("symbols",)

    weight: float | Schedule = 0.25

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        posterior = forward_pass.posterior
        squared: Tensor = (posterior.encoded - posterior.quantised.detach()).square()
        return squared.sum()
