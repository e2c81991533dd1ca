"""What moves a codebook that is trained by gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, Penalty


@register("penalty", "codebook")
@dataclass(frozen=True)
class CodebookLoss(Penalty):
    """weight · ‖sg[e(x)] − q(x)‖²: codebook vectors move to the encoder's outputs that chose them.

    The second term of van den Oord, Vinyals & Kavukcuoglu (2017), Neural discrete representation learning, eq. 3,
    arXiv:1711.00937; sg stops the gradient. For ``VectorQuantised(update="gradient")``; a codebook of moving averages
    has no gradient.

    Parameters
    ----------
    weight : float or Schedule

    Examples
    --------
    >>> CodebookLoss(weight=2.0).weight
    2.0
    """

    code_spaces: ClassVar[tuple[str, ...]] = ("symbols",)
    differentiable: ClassVar[bool] = False

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        posterior = forward_pass.posterior
        squared: Tensor = (posterior.encoded.detach() - posterior.quantised).square()
        return squared.sum()
