"""What a straight line through the codes tells of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Boolean, Constraint, Interval
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register
from isthmus.distributions import DiagonalNormal

from .base import NOTHING, WEIGHT, Penalty

# Of the codes' own spread: what keeps the system of equations solvable where codes are fewer than dimensions.
JITTER = 1e-6


@register("penalty", "linear-readout")
@dataclass(frozen=True)
class LinearReadout(Penalty):
    """weight · ½ Σ ‖x − x̄ − W(c − c̄)‖² for the best W: the squared error of a linear reader of the codes.

    c is what ``transform`` gives (the posterior's mean), x the features of the whole row and their squares, hidden
    cells included, and W the ridge regression of the batch, in closed form. A decoder is content with any code that it
    can unscramble; what comes after ``transform`` (a regression, a nearest neighbour, a picture) mostly is not. This
    asks that the code say plainly what principal components would say plainly, and where cells are hidden, what can be
    told of them. Squares let a straight line say that somebody is of middle age, or that a gain is not only there but
    large.

    The reader gets codes with a part of the posterior's noise: the ridge is ``noise`` times the mean posterior
    variance of each dimension. With 1 it reads what the decoder reads; with less the code can say more at the same
    rate; with 0, and for codes without noise, the scale of the codes does not matter.

    What has a standard deviation above 1 in the batch is brought down to it; absent cells count as 0. It needs the
    whole batch, and batches of more rows than the code has dimensions: a regression with as many explains everything.

    Parameters
    ----------
    weight : float or Schedule
    noise : float
    squares : bool
        Whether the reader is asked for the squares of the features besides.

    Examples
    --------
    >>> LinearReadout(weight=20.0).to_json()["params"]
    {'weight': 20.0, 'noise': 0.1, 'squares': True}
    """

    scope: ClassVar[str] = "batch"
    takes_draws: ClassVar[bool] = True
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean", "sphere")

    noise: float = 0.1
    squares: bool = True

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "noise": (Interval(0, None),),
        "squares": (Boolean(),),
    }

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        posterior, features = forward_pass.posterior, forward_pass.features
        # Systems of equations are not solved in half precision.
        with torch.autocast(features.device.type, enabled=False):
            codes = _centred(posterior.code.to(features.dtype))
            target = _centred(torch.cat([features, features.square()], -1) if self.squares else features)
            target = target / target.square().mean(0).sqrt().clamp_min(1.0)
            scatter = codes.T @ codes
            ridge = (scatter.diagonal().mean() * JITTER + torch.finfo(codes.dtype).tiny).expand(codes.shape[-1])
            if isinstance(posterior, DiagonalNormal):
                variance = (2 * posterior.log_std).exp().expand_as(codes).to(features.dtype)
                ridge = ridge + self.noise * variance.sum(0)
            shared = codes.T @ target
            explained = (shared * torch.linalg.solve(scatter + torch.diag_embed(ridge), shared)).sum()
            error: Tensor = 0.5 * (target.square().sum() - explained)
        return error


def _centred(rows: Tensor) -> Tensor:
    return rows - rows.mean(0)
