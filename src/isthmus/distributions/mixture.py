"""Mixtures that all rows share, and the mixture of full normals."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Generator, Tensor

from .base import Distribution
from .normal import LOG_2_PI


class FiniteMixture(Distribution):
    """Σ_k w_k p_k(z), shared by all rows.

    To add one: implement :meth:`component_log_prob` and :meth:`place`.

    Parameters
    ----------
    log_weights : Tensor, shape (k,)
        Normalised log-weights.
    means : Tensor, shape (k, d)
    """

    __slots__ = ("log_weights", "means")

    def __init__(self, log_weights: Tensor, means: Tensor) -> None:
        self.log_weights, self.means = log_weights, means

    @abstractmethod
    def component_log_prob(self, value: Tensor) -> Tensor:
        """log w_k + log p_k(z) for each component: (..., n, d) -> (..., n, k)."""

    @abstractmethod
    def place(self, component: Tensor, noise: Tensor) -> Tensor:
        """Draws of the given components: indices (..., n), standard normal noise (..., n, d) -> (..., n, d)."""

    def log_prob(self, value: Tensor) -> Tensor:
        return torch.logsumexp(self.component_log_prob(value), -1)

    def responsibilities(self, value: Tensor) -> Tensor:
        """The probability that each component made the row: (..., n, d) -> (..., n, k), rows that sum to 1."""
        return self.component_log_prob(value).softmax(-1)

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        component = torch.multinomial(self.log_weights.exp(), rows, replacement=True, generator=generator)
        noise = torch.randn(
            rows, self.means.shape[-1], generator=generator, device=self.means.device, dtype=self.means.dtype
        )
        return self.place(component, noise)

    def sample_shared(self, noise: Tensor) -> Tensor:
        """As documented in the base; there is no gradient in the weights, which only choose."""
        cumulated = self.log_weights.detach().exp().cumsum(0)
        # Below the total, however the sum is rounded: never a component without weight.
        below = torch.nextafter(cumulated[-1], torch.zeros_like(cumulated[-1]))
        uniform = torch.special.ndtr(noise[..., -1].detach()).to(cumulated.dtype) * cumulated[-1]
        component = torch.searchsorted(cumulated, torch.minimum(uniform, below), right=True)
        return self.place(component, noise[..., :-1])


class NormalMixture(FiniteMixture):
    """Σ_k w_k N(mean_k, L_k L_kᵀ).

    Parameters
    ----------
    log_weights : Tensor, shape (k,)
        Normalised log-weights.
    means : Tensor, shape (k, d)
    scale_trils : Tensor, shape (k, d, d)
        Lower-triangular, with positive diagonals.
    """

    __slots__ = ("scale_trils",)

    def __init__(self, log_weights: Tensor, means: Tensor, scale_trils: Tensor) -> None:
        super().__init__(log_weights, means)
        self.scale_trils = scale_trils

    def component_log_prob(self, value: Tensor) -> Tensor:
        log_normal = log_normals(value.unsqueeze(-3) - self.means.unsqueeze(-2), self.scale_trils)
        return log_normal.mT + self.log_weights

    def place(self, component: Tensor, noise: Tensor) -> Tensor:
        return self.means[component] + torch.einsum("...ij,...j->...i", self.scale_trils[component], noise)


def log_normals(centred: Tensor, scale_trils: Tensor) -> Tensor:
    """log N(0, L_k L_kᵀ) of points for each of k factors (k, d, d): (..., k, n, d) -> (..., k, n)."""
    whitened = torch.linalg.solve_triangular(scale_trils, centred.mT, upper=False)  # (..., k, d, n)
    log_det = scale_trils.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return -0.5 * (whitened.square().sum(-2) + centred.shape[-1] * LOG_2_PI) - log_det.unsqueeze(-1)
