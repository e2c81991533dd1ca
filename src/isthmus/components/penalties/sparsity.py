"""Sparse codes by their absolute size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, Penalty


@register("penalty", "l1-sparsity")
@dataclass(frozen=True)
class L1Sparsity(Penalty):
    """weight · Σ_j |h_j| of each row's code h: the fewer and the smaller the activations, the better.

    Olshausen & Field (1996), Emergence of simple-cell receptive field properties by learning a sparse code for natural
    images, Nature 381. It is minus the log-density of a Laplace prior, up to a constant. Together with
    ``Point(activation="relu")`` codes become exactly 0. The decoder can undo it by growing: give the decoder a weight
    decay, or choose the weight with held-out rows.

    Parameters
    ----------
    weight : float or Schedule

    Examples
    --------
    >>> L1Sparsity(weight=0.01).scope
    'row'
    """

    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean", "sphere")
    takes_draws: ClassVar[bool] = True

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        return forward_pass.posterior.code.abs().sum()
