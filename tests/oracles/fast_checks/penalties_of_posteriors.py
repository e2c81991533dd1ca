"""Penalties that look at the posteriors of a batch, against numpy."""

from __future__ import annotations

import numpy as np
import torch
from scipy import special, stats
from torch import Tensor

from isthmus.components.penalties.activation_target import ActivationTarget
from isthmus.components.penalties.capacity import Capacity
from isthmus.components.penalties.code_norm import CodeNorm
from isthmus.components.penalties.disentangled_inferred_prior import DisentangledInferredPrior
from isthmus.components.penalties.free_bits import FreeBits
from isthmus.components.penalties.sparsity import L1Sparsity
from isthmus.components.penalties.total_correlation import TotalCorrelation
from isthmus.core.progress import Progress
from isthmus.core.schedule import LinearSchedule
from isthmus.distributions import DiagonalNormal, PointMass

from .known_numbers import close, values
from .passes import pass_with

ROWS = 6


def _posterior() -> DiagonalNormal:
    return DiagonalNormal(0.7 * values(ROWS, 3), 0.4 * values(ROWS, 3, seed=1) - 0.3)


def _divergences(q: DiagonalNormal) -> np.ndarray:
    """KL(q‖N(0, I)) of each row and dimension."""
    mean, deviation = q.mean.numpy(), q.stddev.numpy()
    return 0.5 * (mean**2 + deviation**2 - 1) - np.log(deviation)


def some_nats_are_free() -> None:
    q = _posterior()
    averages = _divergences(q).mean(0)
    free = float(np.median(averages))  # one dimension below it, one above
    close(FreeBits(nats=free).value(pass_with(q)), ROWS * np.maximum(averages, free).sum())
    close(FreeBits(nats=0.0).value(pass_with(q)), ROWS * averages.sum())


def the_capacity_is_neither_less_nor_more() -> None:
    q = _posterior()
    rate = _divergences(q).sum(-1).mean()
    for capacity in (0.5 * rate, 2 * rate):
        close(Capacity(capacity=capacity).value(pass_with(q)), ROWS * abs(rate - capacity))
    growing = Capacity(capacity=LinearSchedule(0, 8, until=0.5))
    now = growing.scheduled(Progress(1, 0.25))
    assert now == {"target": 4.0}
    close(growing.value(pass_with(q), None, now), ROWS * abs(rate - 4))
    assert [growing.settled(Progress(1, share)) for share in (0.4, 0.5)] == [False, True]


def _total_correlation(q: DiagonalNormal, z: Tensor, dataset: int, estimator: str) -> float:
    """The estimate of Chen et al. (2018, arXiv:1802.04942, appendix C), pair by pair."""
    each = stats.norm.logpdf(z.numpy()[:, None], q.mean.numpy(), q.stddev.numpy())  # (i, m, j)
    weights = np.full((ROWS, ROWS), 1 / (dataset * ROWS))
    if estimator == "stratified":
        weights = np.full((ROWS, ROWS), (dataset - 1) / (dataset * (ROWS - 1)))
        np.fill_diagonal(weights, 1 / dataset)
    joint = special.logsumexp(each.sum(-1), 1, b=weights)
    marginals = special.logsumexp(each, 1, b=weights[..., None])
    return float((joint - marginals.sum(-1)).sum())


def total_correlations_weigh_the_whole_data() -> None:
    q = _posterior()
    z = q.sample(values(ROWS, 3, seed=2))
    for estimator in ("weighted", "stratified"):
        module = TotalCorrelation(estimator=estimator).build(3, 4).double()
        module.begin(50)
        close(module.value(pass_with(q, z)), _total_correlation(q, z, 50, estimator), 1e-6)


def covariances_are_asked_to_be_the_identity() -> None:
    q = _posterior()
    covariance = np.cov(q.mean.numpy().T, bias=True)
    off = (covariance**2).sum() - (np.diag(covariance) ** 2).sum()
    diagonal = ((np.diag(covariance) - 1) ** 2).sum()
    close(DisentangledInferredPrior().value(pass_with(q)), ROWS * (off + 10 * diagonal))
    total = np.diag(covariance) + (q.stddev.numpy() ** 2).mean(0)
    wanted = off + 3 * ((total - 1) ** 2).sum()
    close(DisentangledInferredPrior(kind="ii", diagonal_ratio=3.0).value(pass_with(q)), ROWS * wanted)


def small_and_sparse_codes() -> None:
    code = values(ROWS, 3)
    close(L1Sparsity().value(pass_with(PointMass(code))), np.abs(code.numpy()).sum())
    close(CodeNorm().value(pass_with(PointMass(code))), 0.5 * (code.numpy() ** 2).sum())
    active, target = torch.sigmoid(code), 0.1
    mean = active.numpy().mean(0)
    coins = target * np.log(target / mean) + (1 - target) * np.log((1 - target) / (1 - mean))
    close(ActivationTarget(target=target).value(pass_with(PointMass(active, "sigmoid"))), ROWS * coins.sum())


def a_single_row_has_no_total_correlation() -> None:
    q = DiagonalNormal(values(1, 2), torch.zeros(1, 2).double())
    module = TotalCorrelation().build(2, 4).double()
    module.begin(1)
    close(module.value(pass_with(q, q.mean)), 0.0)
