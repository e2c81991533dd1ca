"""Sparse codes by their average activation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, WEIGHT, Penalty


@register("penalty", "activation-target")
@dataclass(frozen=True)
class ActivationTarget(Penalty):
    """weight · Σ_j KL(ρ‖ρ̂_j) for each row: unit j should be active in a share ρ of the rows.

    ρ̂_j is the batch's mean of the code h_j, and KL(ρ‖ρ̂) = ρ ln(ρ/ρ̂) + (1 − ρ) ln((1 − ρ)/(1 − ρ̂)) that of two coins.
    Ng (2011), Sparse autoencoder, CS294A lecture notes; after Lee, Ekanadham & Ng (2007), Sparse deep belief net model
    for visual area V2. The codes must lie between 0 and 1: ``Point(activation="sigmoid")``.

    Parameters
    ----------
    weight : float or Schedule
        Ng's β.
    target : float
        ρ.

    Raises
    ------
    ParameterError
        By :meth:`value`, for codes that are not those of a sigmoid.

    Examples
    --------
    >>> ActivationTarget(weight=3.0, target=0.05).scope
    'batch'
    """

    scope: ClassVar[str] = "batch"
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean",)
    takes_draws: ClassVar[bool] = True
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "target": (Interval(0, 1, closed="neither"),),
    }

    target: float = 0.05

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        posterior = forward_pass.posterior
        if getattr(posterior, "activation", None) != "sigmoid":
            raise ParameterError(
                f"penalty ActivationTarget needs codes between 0 and 1; those of a {type(posterior).__name__} without "
                "a sigmoid are not. Use latent=Point(activation='sigmoid'), or L1Sparsity() for codes of any range."
            )
        code = posterior.code
        # A unit that is never on, or always: to the last bit. Its divergence stays finite.
        least = torch.finfo(code.dtype).eps
        mean = code.mean(0).clamp(least, 1 - least)
        entropy = -self.target * math.log(self.target) - (1 - self.target) * math.log1p(-self.target)
        cross = -(self.target * mean.log() + (1 - self.target) * torch.log1p(-mean))
        return code.shape[0] * (cross - entropy).sum()
