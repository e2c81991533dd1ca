"""A mixture of many diagonal normals: aggregated posteriors of pseudo-inputs, clusters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .mixture import FiniteMixture
from .normal import LOG_2_PI


class DiagonalMixture(FiniteMixture):
    """Σ_k w_k N(mean_k, diag(exp(log_std_k))²), shared by all rows.

    Parameters
    ----------
    log_weights : Tensor, shape (k,)
        Normalised log-weights.
    means, log_stds : Tensor, shape (k, d)

    Examples
    --------
    >>> import torch
    >>> p = DiagonalMixture(torch.tensor([0.25, 0.75]).log(), torch.tensor([[-9.0], [9.0]]), torch.zeros(2, 1))
    >>> p.responsibilities(torch.tensor([[0.0], [9.0]])).round(decimals=4)
    tensor([[0.2500, 0.7500],
            [0.0000, 1.0000]])
    """

    __slots__ = ("log_stds",)

    def __init__(self, log_weights: Tensor, means: Tensor, log_stds: Tensor) -> None:
        super().__init__(log_weights, means)
        self.log_stds = log_stds

    def component_log_prob(self, value: Tensor) -> Tensor:
        # Σ_d (z − m)² / s², expanded, is one matrix product of (z², z) with (1/s², −2 m/s²): no (n, k, d) tensor. What
        # cancels in it is kept by float64 (where the device has it) and by the shift to the centre of the means.
        precise = value.dtype if value.device.type == "mps" else torch.float64
        center = self.means.detach().mean(0).to(precise)
        z, means, log_stds = value.to(precise) - center, self.means.to(precise) - center, self.log_stds.to(precise)
        precisions = (-2 * log_stds).exp()
        scaled = means * precisions
        log_peaks = -0.5 * (scaled * means).sum(-1) - log_stds.sum(-1) - 0.5 * means.shape[-1] * LOG_2_PI
        log_normal = functional.linear(
            torch.cat([z.square(), z], -1), torch.cat([-0.5 * precisions, scaled], -1), log_peaks
        )
        return log_normal.to(value.dtype) + self.log_weights

    def place(self, component: Tensor, noise: Tensor) -> Tensor:
        return torch.addcmul(self.means[component], self.log_stds[component].exp(), noise)
