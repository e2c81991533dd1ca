"""The distance between the codes and the prior, by a kernel."""

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
from isthmus.distributions import UniformSphere

from .base import NOTHING, WEIGHT, Penalty
from .requirements import given_noise


@register("penalty", "maximum-mean-discrepancy")
@dataclass(frozen=True)
class MaximumMeanDiscrepancy(Penalty):
    """weight · MMD²(q(z), p(z)), between the codes of the batch and as many draws from the prior.

    It asks the codes *together* to look like the prior, and leaves each of them free: the WAE-MMD of Tolstikhin et
    al. (2018), Wasserstein auto-encoders, arXiv:1711.01558 (weight 10 on MNIST); beside a KL penalty of small weight,
    the InfoVAE of Zhao et al. (2019), arXiv:1706.02262. The unbiased estimator (Gretton et al. 2012, eq. 3) is used:
    it is 0 on average where codes and prior agree, so that single values may be negative.

    It needs the whole batch, and is added once to the loss per row; no units (kernels are at most 1).

    Parameters
    ----------
    weight : float or Schedule
    kernel : str
        "inverse-multiquadratic": s² / (s² + ‖x − y‖²), which still pulls at codes far away; "rbf":
        exp(−‖x − y‖² / 2s²).
    scale : "auto" or float
        s, in units of the code. "auto" goes by the typical squared distance D of two draws from the prior, 2 ·
        latent_dim for N(0, I) and 2 for unit vectors: s² = D for the inverse multiquadratic (as Tolstikhin et al.),
        s² = D / 2 for the RBF.

    Examples
    --------
    >>> MaximumMeanDiscrepancy(weight=10.0, kernel="rbf").noise_width(latent_dim=8, width=100)
    9
    """

    matches_prior: ClassVar[bool] = True
    scope: ClassVar[str] = "batch"
    trains_prior: ClassVar[bool] = True
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean", "sphere")

    weight: float | Schedule = 10.0
    kernel: str = "inverse-multiquadratic"
    scale: float | str = "auto"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "kernel": (OneOf("inverse-multiquadratic", "rbf"),),
        "scale": (OneOf("auto"), Interval(0, None, closed="right")),
    }

    def noise_width(self, latent_dim: int, width: int) -> int:
        return latent_dim + 1

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        z, prior = forward_pass.z, forward_pass.prior
        drawn = prior.sample_shared(given_noise(self, noise))
        typical = 2.0 if isinstance(prior, UniformSphere) else 2.0 * z.shape[-1]
        return z.shape[0] * self.squared_discrepancy(z, drawn, typical)

    def squared_discrepancy(self, x: Tensor, y: Tensor, typical: float) -> Tensor:
        """The unbiased estimate of MMD² from equally many rows x and y (n, d): a scalar; 0 for a single row.

        ``typical`` is the squared distance by which "auto" goes.
        """
        if x.shape[0] < 2:
            return x.new_zeros(())
        within = self._similarity(torch.pdist(x), typical).mean() + self._similarity(torch.pdist(y), typical).mean()
        # Differences, not products: ‖x‖² + ‖y‖² − 2x·y loses the small distances.
        between = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
        return within - 2 * self._similarity(between, typical).mean()

    def _similarity(self, distance: Tensor, typical: float) -> Tensor:
        if self.kernel == "rbf":
            doubled = typical if isinstance(self.scale, str) else 2 * self.scale**2
            return (-distance.square() / doubled).exp()
        constant = typical if isinstance(self.scale, str) else self.scale**2
        return constant / (constant + distance.square())
