"""The covariance of the codes, asked to be the identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, Interval, OneOf
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register
from isthmus.core.schedule import Schedule

from .base import NOTHING, WEIGHT, Penalty
from .requirements import diagonal_posterior


@register("penalty", "disentangled-inferred-prior")
@dataclass(frozen=True)
class DisentangledInferredPrior(Penalty):
    """weight · [Σ_{i≠j} C_ij² + ratio · Σ_i (C_ii − 1)²] for a covariance C of the codes of the batch.

    Beside a KL penalty of weight 1 it makes the DIP-VAE of Kumar et al. (2018), Variational inference of disentangled
    latent concepts from unlabeled observations, arXiv:1711.00848. In their letters λ_od = weight and λ_d =
    weight · diagonal_ratio. It needs the whole batch, and a Gaussian posterior; it is added once to the loss per row.

    Parameters
    ----------
    weight : float or Schedule
        λ_od, for the covariances of different dimensions.
    diagonal_ratio : "auto" or float
        λ_d / λ_od, for the variances. "auto": 10 for kind "i", 1 for kind "ii", as in the paper.
    kind : str
        "i": C is the covariance of the posterior means; "ii": that of the codes, which is the same plus the mean of
        the posterior variances on the diagonal.

    Examples
    --------
    >>> DisentangledInferredPrior(weight=5.0, kind="ii").ratio
    1.0
    """

    scope: ClassVar[str] = "batch"
    needs_stochastic_latent: ClassVar[bool] = True
    needs_gaussian_posterior: ClassVar[bool] = True
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean",)

    weight: float | Schedule = 10.0
    diagonal_ratio: float | str = "auto"
    kind: str = "i"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "diagonal_ratio": (OneOf("auto"), Interval(0, None)),
        "kind": (OneOf("i", "ii"),),
    }

    @property
    def ratio(self) -> float:
        """λ_d / λ_od as a number."""
        if isinstance(self.diagonal_ratio, str):
            return 10.0 if self.kind == "i" else 1.0
        return float(self.diagonal_ratio)

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        posterior = diagonal_posterior(self, forward_pass)
        rows = posterior.mean.shape[0]
        centred = posterior.mean - posterior.mean.mean(0)
        covariance = centred.T @ centred / rows
        variances = covariance.diagonal()
        off_diagonal = covariance - torch.diag_embed(variances)
        if self.kind == "ii":
            variances = variances + (2 * posterior.log_std).exp().expand_as(centred).mean(0)
        return rows * (off_diagonal.square().sum() + self.ratio * (variances - 1).square().sum())
