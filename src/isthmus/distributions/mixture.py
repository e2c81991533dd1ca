"""A mixture of full normals, shared by all rows."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .base import Distribution
from .normal import LOG_2_PI


class NormalMixture(Distribution):
    """Σ_k w_k N(mean_k, L_k L_kᵀ).

    Parameters
    ----------
    log_weights : Tensor, shape (k,)
        Normalised log-weights.
    means : Tensor, shape (k, d)
    scale_trils : Tensor, shape (k, d, d)
        Lower-triangular, with positive diagonals.
    """

    __slots__ = ("log_weights", "means", "scale_trils")

    def __init__(self, log_weights: Tensor, means: Tensor, scale_trils: Tensor) -> None:
        self.log_weights, self.means, self.scale_trils = log_weights, means, scale_trils

    def component_log_prob(self, value: Tensor) -> Tensor:
        """log w_k + log N_k(z) for each component: (n, d) -> (n, k)."""
        centred = value.unsqueeze(-3) - self.means.unsqueeze(-2)  # (k, n, d)
        whitened = torch.linalg.solve_triangular(self.scale_trils, centred.mT, upper=False)  # (k, d, n)
        log_det = self.scale_trils.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        log_normal = -0.5 * (whitened.square().sum(-2) + self.means.shape[-1] * LOG_2_PI) - log_det.unsqueeze(-1)
        return log_normal.mT + self.log_weights

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.logsumexp(self.component_log_prob(value), -1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        component = torch.multinomial(self.log_weights.exp(), rows, replacement=True, generator=generator)
        noise = torch.randn(
            rows, self.means.shape[-1], generator=generator, device=self.means.device, dtype=self.means.dtype
        )
        return self.means[component] + torch.einsum("nij,nj->ni", self.scale_trils[component], noise)
