"""A mixture of full normals whose weights and means differ from row to row."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from .base import Distribution
from .mixture import log_normals


class RowwiseNormalMixture(Distribution):
    """Σ_k w_nk N(mean_nk, L_k L_kᵀ): row n has weights and means of its own, and all rows share the factors.

    Parameters
    ----------
    log_weights : Tensor, shape (n, k)
        Normalised log-weights.
    means : Tensor, shape (n, k, d)
    scale_trils : Tensor, shape (k, d, d)
        Lower-triangular, with positive diagonals.

    Examples
    --------
    >>> import torch
    >>> log_weights = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0]])
    >>> means = torch.tensor([[[-9.0], [9.0]], [[-5.0], [5.0]]])
    >>> RowwiseNormalMixture(log_weights, means, torch.full((2, 1, 1), 0.01)).draw(2).round()
    tensor([[-9.],
            [ 5.]])
    """

    __slots__ = ("log_weights", "means", "scale_trils")

    def __init__(self, log_weights: Tensor, means: Tensor, scale_trils: Tensor) -> None:
        self.log_weights, self.means, self.scale_trils = log_weights, means, scale_trils

    @property
    def mean(self) -> Tensor:
        """The mean of each row, (n, d)."""
        return (self.log_weights.exp().unsqueeze(-1) * self.means).sum(-2)

    def component_log_prob(self, value: Tensor) -> Tensor:
        """log w_nk + log p_k(z) for each component: (..., n, d) -> (..., n, k)."""
        centred = value.unsqueeze(-3) - self.means.transpose(0, 1)  # (..., k, n, d)
        return log_normals(centred, self.scale_trils).mT + self.log_weights

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.logsumexp(self.component_log_prob(value), -1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        component = torch.multinomial(self.log_weights.exp(), 1, generator=generator).squeeze(-1)
        shape, like = (rows, self.means.shape[-1]), self.means
        noise = torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)
        drawn = torch.empty_like(noise)
        for number, factor in enumerate(self.scale_trils):  # a factor for each row would take n matrices
            chosen = component == number
            drawn[chosen] = self.means[chosen, number] + noise[chosen] @ factor.T
        return drawn
