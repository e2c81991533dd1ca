"""How far the dimensions of the code are from independent, by sampling within the batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isthmus.core.constraints import Constraint, OneOf
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.loss_terms import Weight
from isthmus.core.registry import register
from isthmus.core.schedule import Schedule
from isthmus.distributions import DiagonalNormal
from isthmus.distributions.normal import LOG_2_PI

from .base import NOTHING, WEIGHT, Penalty, PenaltyModule
from .requirements import diagonal_posterior

CELLS_AT_ONCE = 2**24


@register("penalty", "total-correlation")
@dataclass(frozen=True)
class TotalCorrelation(Penalty):
    """weight · KL(q(z)‖Π_j q(z_j)), where q(z) is the mean of the posteriors of all N training rows: nats per row.

    Beside a KL penalty of weight 1, a ``weight`` of β − 1 makes the β-TCVAE of Chen et al. (2018), Isolating sources
    of disentanglement in variational autoencoders, arXiv:1802.04942, where β = 6. The densities are estimated from the
    batch's own M rows, so it needs the whole batch, and a Gaussian posterior; it is added once to the loss per row.

    Parameters
    ----------
    weight : float or Schedule
        β − 1.
    estimator : str
        How the batch stands for the N rows. "weighted" (the paper's choice): log q(z) ≈ log Σ_m q(z|x_m) / NM, a
        constant offset of about (latent_dim − 1)·ln N above the total correlation, which changes no gradient.
        "stratified": the row itself counts 1/N and each of the others (N − 1)/(N(M − 1)), which makes the estimate of
        q(z) unbiased, and exact when the batch is all of the data (the paper's alternative, averaged over which of the
        rows makes up the rest).

    Examples
    --------
    >>> module = TotalCorrelation(weight=5.0).build(latent_dim=8, width=100)
    >>> module.begin(rows=1000)
    >>> module.dataset_size
    tensor(1000.)
    """

    scope: ClassVar[str] = "batch"
    needs_stochastic_latent: ClassVar[bool] = True
    needs_gaussian_posterior: ClassVar[bool] = True
    beta_offset: ClassVar[float | None] = 1.0  # the KL penalty beside it counts it once
    code_spaces: ClassVar[tuple[str, ...]] = ("euclidean",)

    weight: float | Schedule = 5.0
    estimator: str = "weighted"

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "weight": WEIGHT,
        "estimator": (OneOf("weighted", "stratified"),),
    }

    def build(self, latent_dim: int, width: int) -> PenaltyModule:
        return TotalCorrelationModule(self)

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        """As documented in the base, for a batch that is all of the data."""
        z = forward_pass.z
        return self.estimate(z, diagonal_posterior(self, forward_pass), z.new_tensor(float(z.shape[0])))

    def estimate(self, z: Tensor, posterior: DiagonalNormal, dataset_size: Tensor) -> Tensor:
        """The sum over rows of log q(z) − Σ_j log q(z_j), for one sample z (n, d) of each row's posterior."""
        log_weights = self.log_weights(z.shape[0], dataset_size)
        joint, marginals = aggregate_log_densities(z, posterior, log_weights)
        return joint.sum() - marginals.sum()

    def log_weights(self, rows: int, dataset_size: Tensor) -> Tensor:
        """ln of what row m's posterior counts in the estimate of q(z_i): (rows, rows), [i, m]."""
        # A batch cannot have more rows than the data: so it is before `begin`, and for many held-out rows.
        log_size = dataset_size.clamp_min(float(rows)).log()
        uniform = (-log_size).expand(rows, rows)
        if self.estimator == "weighted":
            return uniform - torch.full_like(log_size, float(rows)).log()
        own = torch.eye(rows, dtype=torch.bool, device=dataset_size.device)
        others = torch.log1p(-torch.exp(-log_size)) - torch.full_like(log_size, float(max(rows - 1, 1))).log()
        return torch.where(own, uniform, others)


class TotalCorrelationModule(PenaltyModule):
    """Remembers the number of training rows."""

    spec: TotalCorrelation
    dataset_size: Tensor

    def __init__(self, spec: TotalCorrelation) -> None:
        super().__init__(spec)
        self.register_buffer("dataset_size", torch.zeros(()))

    def value(
        self, forward_pass: ForwardPass, noise: Tensor | None = None, at: Mapping[str, Weight] = NOTHING
    ) -> Tensor:
        return self.spec.estimate(forward_pass.z, diagonal_posterior(self.spec, forward_pass), self.dataset_size)

    @torch.no_grad()
    def begin(self, rows: int) -> None:
        self.dataset_size.fill_(float(rows))


def aggregate_log_densities(z: Tensor, posterior: DiagonalNormal, log_weights: Tensor) -> tuple[Tensor, Tensor]:
    """log Σ_m w_im q(z_i|x_m), (n,), and the same of each dimension by itself, (n, d).

    Parameters
    ----------
    z : Tensor, shape (n, d)
    posterior : DiagonalNormal
        Of m rows.
    log_weights : Tensor, shape (n, m)
    """
    mean, log_std = posterior.mean, posterior.log_std
    precision, constant = (-log_std).exp(), log_std + 0.5 * LOG_2_PI
    # All pairs of rows for each dimension: in pieces, so that thousands of held-out rows fit into memory.
    rows = max(1, CELLS_AT_ONCE // mean.numel())
    joint, marginals = [], []
    for codes, weights in zip(z.split(rows), log_weights.split(rows), strict=True):
        terms = -0.5 * ((codes.unsqueeze(1) - mean) * precision).square() - constant
        joint.append(torch.logsumexp(terms.sum(-1) + weights, 1))
        marginals.append(torch.logsumexp(terms + weights.unsqueeze(-1), 1))
    return torch.cat(joint), torch.cat(marginals)
