"""A mixture of normals over codes that knows the condition of a row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, Interval
from isthmus.core.registry import register
from isthmus.distributions import NormalMixture, RowwiseNormalMixture
from isthmus.distributions.mixture import log_normals

from .base import Encode, Prior, PriorModule


@register("density", "conditional-mixture")
@dataclass(frozen=True)
class ConditionalMixture(Prior):
    """p(z|c) = Σ_k w_k(c) N(z; m_k + B_k (c - a_k), L_k L_kᵀ): codes of rows whose encoded condition is c.

    What follows from a mixture of normals over condition and code together, p(c, z) = Σ_k w_k p_k(c, z), with
    w_k(c) ∝ w_k N(c; a_k, S_k) (Ghahramani & Jordan 1994, Supervised learning from incomplete data via an EM approach).
    ``sample`` of conditional models draws from it; it is fitted to their codes after training, and is no prior that a
    model can be trained with.

    Parameters
    ----------
    n_components : int
    condition_width : int
        How many numbers an encoded condition has.

    Examples
    --------
    >>> module = ConditionalMixture(n_components=3, condition_width=4).build(2)
    >>> module().means.shape, module.given(torch.zeros(5, 4)).means.shape  # p(z), and p(z|c) of five rows
    (torch.Size([3, 2]), torch.Size([5, 3, 2]))
    """

    n_components: int = 10
    condition_width: int = 1

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "n_components": (Interval(1, None, integer=True),),
        "condition_width": (Interval(1, None, integer=True),),
    }

    def build(self, latent_dim: int, width: int = 0, levels: tuple[int, ...] = ()) -> ConditionalMixturePrior:
        return ConditionalMixturePrior(self.n_components, latent_dim, self.condition_width)


class ConditionalMixturePrior(PriorModule):
    """Buffers that :meth:`assign` fills: nothing here is learnt by a loss. Begins at N(0, I), whatever the condition.

    Each component is kept as N(c; a, A Aᵀ) N(z; m + B (c - a), L Lᵀ): nothing is inverted when it is asked.
    """

    log_weights: Tensor
    condition_means: Tensor
    condition_factors: Tensor
    means: Tensor
    slopes: Tensor
    factors: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(self, n_components: int, latent_dim: int, condition_width: int) -> None:
        super().__init__()
        k, d, c = n_components, latent_dim, condition_width
        anything = torch.finfo(torch.float32).max
        for name, value in {
            "log_weights": torch.zeros(k).log_softmax(0),
            "condition_means": torch.zeros(k, c),
            "condition_factors": torch.eye(c).repeat(k, 1, 1),
            "means": torch.zeros(k, d),
            "slopes": torch.zeros(k, d, c),
            "factors": torch.eye(d).repeat(k, 1, 1),
            "lowest": torch.full((c,), -anything),
            "highest": torch.full((c,), anything),
        }.items():
            self.register_buffer(name, value)

    @torch.no_grad()
    def assign(self, weights: Tensor, means: Tensor, covariances: Tensor, lowest: Tensor, highest: Tensor) -> None:
        """Take over a mixture over conditions and codes, and what conditions there were.

        Parameters
        ----------
        weights : Tensor, shape (k,)
        means : Tensor, shape (k, c + d)
            The condition first.
        covariances : Tensor, shape (k, c + d, c + d)
        lowest, highest : Tensor, shape (c,)
            Codes under a condition beyond these are those at the bound.
        """
        c = self.condition_means.shape[-1]
        joint = torch.linalg.cholesky(covariances.double())
        own, across = joint[:, :c, :c], joint[:, c:, :c]
        self.log_weights.copy_(weights.double().clamp_min(1e-30).log().log_softmax(0))
        self.condition_means.copy_(means[:, :c])
        self.condition_factors.copy_(own)
        self.means.copy_(means[:, c:])
        self.slopes.copy_(torch.linalg.solve_triangular(own, across, upper=False, left=False))
        self.factors.copy_(joint[:, c:, c:])
        self.lowest.copy_(lowest)
        self.highest.copy_(highest)

    def describe(self) -> str:
        return f"mixture of {len(self.means)} Gaussians that know the condition"

    def forward(self, encode: Encode | None = None) -> NormalMixture:
        """p(z) of rows whose condition is not known."""
        # The covariance is both bothᵀ. Its root comes from that, for a collapsed code would not survive the square.
        both = torch.cat([self.factors, self.slopes @ self.condition_factors], -1)
        root = torch.linalg.qr(both.mT.double().cpu(), mode="r").R.mT
        signs = torch.where(root.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0)
        return NormalMixture(self.log_weights, self.means, (root * signs.unsqueeze(-2)).to(self.means))

    def given(self, condition: Tensor, encode: Encode | None = None) -> NormalMixture | RowwiseNormalMixture:
        rows = torch.clamp(condition.to(self.means), self.lowest, self.highest).reshape(-1, len(self.lowest))
        centred = rows - self.condition_means.unsqueeze(1)  # (k, n, c)
        log_weights = (log_normals(centred, self.condition_factors).mT + self.log_weights).log_softmax(-1)
        means = (self.means.unsqueeze(1) + centred @ self.slopes.mT).transpose(0, 1)  # (n, k, d)
        if condition.ndim == 1:
            return NormalMixture(log_weights[0], means[0], self.factors)
        return RowwiseNormalMixture(log_weights, means, self.factors)
