"""The distance between the codes and the prior, by their projections on lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register
from isthmus.core.schedule import Schedule

from .base import NOTHING, WEIGHT, Penalty
from .requirements import given_noise

PROJECTIONS = 50


@register("penalty", "sliced-wasserstein")
@dataclass(frozen=True)
class SlicedWasserstein(Penalty):
    """weight · the squared 2-Wasserstein distance of codes and prior along a line, averaged over random lines.

    On a line the optimal transport of equally many points is the sorted order. It asks the codes *together* to look
    like the prior: Kolouri et al. (2018), Sliced-Wasserstein autoencoder, arXiv:1804.01947. In squared units of the
    code. It needs the whole batch, and is added once to the loss per row; with few rows it is too large (two samples
    of one distribution differ).

    Parameters
    ----------
    weight : float or Schedule
    projections : "auto" or int
        On how many lines; there is at most one per row of the batch. "auto": 50.

    Examples
    --------
    >>> SlicedWasserstein(weight=10.0).noise_width(latent_dim=8, width=100)
    17
    """

    matches_prior: ClassVar[bool] = True
    scope: ClassVar[str] = "batch"
    trains_prior: ClassVar[bool] = True
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean", "sphere")

    weight: float | Schedule = 10.0
    projections: int | str = "auto"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "projections": (OneOf("auto"), Interval(1, None, integer=True)),
    }

    def noise_width(self, latent_dim: int, width: int) -> int:
        return 2 * latent_dim + 1

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        z = forward_pass.z
        noise = given_noise(self, noise)
        lines = PROJECTIONS if isinstance(self.projections, str) else self.projections
        directions = functional.normalize(noise[:lines, : z.shape[-1]], dim=-1)
        drawn = forward_pass.prior.sample_shared(noise[:, z.shape[-1] :])
        return z.shape[0] * sliced_squared_distance(z, drawn, directions)


def sliced_squared_distance(x: Tensor, y: Tensor, directions: Tensor) -> Tensor:
    """The mean over unit ``directions`` (l, d) of the squared 2-Wasserstein distance of x·θ and y·θ: a scalar.

    x and y have equally many rows, (n, d).

    >>> import torch
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> sliced_squared_distance(x, x.flip(0) + 3, torch.tensor([[1.0], [-1.0]]))
    tensor(9.)
    """
    first = torch.sort(x @ directions.T, dim=0).values
    second = torch.sort(y @ directions.T, dim=0).values
    return (first - second).square().mean()
