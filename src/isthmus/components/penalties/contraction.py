"""Codes that change little where the row changes a little."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register

from .base import NOTHING, WEIGHT, Penalty
from .encoder_jacobian import closed_form
from .second_look import second_look


@register("penalty", "contraction")
@dataclass(frozen=True)
class Contraction(Penalty):
    """weight · ‖∂code/∂x‖²_F of each row: the squared Jacobian of the encoder at the clean row.

    Rifai et al. (2011), Contractive auto-encoders: explicit invariance during feature extraction, ICML.

    The closed form is there for an encoder of one linear layer, followed by any activation of the code, and for one
    with one hidden layer and a linear code (:func:`~isthmus.components.penalties.encoder_jacobian.closed_form`). All
    else is estimated (Hutchinson 1989) as ‖Jᵀv‖² for random directions v of the code with squared length q: unbiased,
    at the cost of one pass back through the encoder for each.

    Parameters
    ----------
    weight : float or Schedule
    estimator : str
        "exact", "hutchinson", or "auto": the closed form where there is one and it costs no more than about a training
        step, else the estimate.
    probes : int
        How many directions are averaged.

    Raises
    ------
    ParameterError
        By :meth:`value`, if ``estimator="exact"`` and there is no closed form.

    Examples
    --------
    >>> Contraction(probes=2).noise_width(latent_dim=8, width=100)
    16
    """

    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean", "sphere")
    takes_draws: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False  # by the encoder's output: it looks at the encoder itself
    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "estimator": (OneOf("auto", "exact", "hutchinson"),),
        "probes": (Interval(1, None, integer=True),),
    }

    estimator: str = "auto"
    probes: int = 1

    def noise_width(self, latent_dim: int, width: int) -> int:
        return 0 if self.estimator == "exact" else self.probes * latent_dim

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        if self.estimator == "hutchinson":
            return self._estimate(forward_pass, noise)
        exact = closed_form(forward_pass, whatever_it_costs=self.estimator == "exact")
        if exact is not None:
            return exact
        if self.estimator == "exact":
            raise ParameterError(
                "penalty Contraction: `estimator`='exact' knows no closed form for the code of a "
                f"{type(forward_pass.posterior).__name__} behind this encoder. It needs an encoder of one linear layer "
                "with latent=Point(...), or of one hidden layer without dropout and normalisation with latent=Point(), "
                "on rows without counts, conditions and holes. Use estimator='auto'."
            )
        return self._estimate(forward_pass, noise)

    def _estimate(self, forward_pass: ForwardPass, noise: Tensor | None) -> Tensor:
        """The mean of ‖Jᵀv‖² over random directions v with ‖v‖² = q, summed over the rows."""
        if noise is None:
            raise TypeError("the contraction is estimated: it needs noise")
        with second_look(forward_pass.networks["encoder"]):
            code, pull_back = torch.func.vjp(lambda rows: forward_pass.encode(rows).code, forward_pass.features)[:2]
        directions = functional.normalize(noise.unflatten(-1, (self.probes, -1)), dim=-1) * math.sqrt(code.shape[-1])
        pulled = (pull_back(direction.to(code.dtype))[0] for direction in directions.unbind(-2))
        return torch.stack([gradient.square().sum() for gradient in pulled]).sum() / self.probes
