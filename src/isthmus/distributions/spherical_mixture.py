"""A mixture of von Mises–Fisher distributions: clusters on the unit sphere."""

from __future__ import annotations

from torch import Tensor

from .hyperspherical import VonMisesFisher
from .mixture import FiniteMixture


class SphericalMixture(FiniteMixture):
    """Σ_k w_k vMF(mean_k, κ_k), shared by all rows.

    Parameters
    ----------
    log_weights : Tensor, shape (k,)
        Normalised log-weights.
    means : Tensor, shape (k, d)
        Unit vectors.
    concentrations : Tensor, shape (k,)

    Examples
    --------
    >>> import torch
    >>> p = SphericalMixture(torch.tensor([0.5, 0.5]).log(), torch.eye(2), torch.tensor([9.0, 9.0]))
    >>> p.responsibilities(torch.tensor([[0.6, 0.8]])).round(decimals=2)
    tensor([[0.1400, 0.8600]])
    """

    __slots__ = ("concentrations",)

    def __init__(self, log_weights: Tensor, means: Tensor, concentrations: Tensor) -> None:
        super().__init__(log_weights, means)
        self.concentrations = concentrations

    def component_log_prob(self, value: Tensor) -> Tensor:
        components = VonMisesFisher(self.means, self.concentrations[:, None])
        return components.log_prob(value.unsqueeze(-2)) + self.log_weights

    def place(self, component: Tensor, noise: Tensor) -> Tensor:
        chosen = component.flatten()
        drawn = VonMisesFisher(self.means[chosen], self.concentrations[chosen, None])
        return drawn.sample(noise.flatten(0, -2)).view_as(noise)
