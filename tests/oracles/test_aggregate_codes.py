"""Oracles 13 and 14: what penalties say of many codes together, where Gaussians have a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fast_checks import values

from isthmus.components.penalties.maximum_mean_discrepancy import MaximumMeanDiscrepancy
from isthmus.components.penalties.total_correlation import TotalCorrelation
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal


@pytest.mark.parametrize("mean", [(0.0, 0.0, 0.0), (0.9, -0.4, 0.2)])
@pytest.mark.parametrize("scale", [0.8, 2.0])
def test_discrepancy_of_shifted_normals(mean: tuple[float, ...], scale: float) -> None:
    """N(μ, I) and N(0, I) with an RBF kernel: within (s²/(s²+2))^{d/2}, between that times exp(−‖μ‖²/(2(s²+2)))."""
    shift, generator = torch.tensor(mean, dtype=torch.float64), torch_generator(0)
    spec = MaximumMeanDiscrepancy(kernel="rbf", scale=scale)
    found = torch.stack(
        [
            spec.squared_discrepancy(shift + pair[0], pair[1], typical=1.0)
            for pair in torch.randn(600, 2, 16, 3, generator=generator, dtype=torch.float64)
        ]
    )
    within = (scale**2 / (scale**2 + 2)) ** 1.5
    between = within * math.exp(-float(shift.square().sum()) / (2 * (scale**2 + 2)))
    error = abs(float(found.mean()) - 2 * (within - between))
    assert error <= 5 * float(found.std()) / math.sqrt(len(found))
    if not shift.any():
        assert float(found.min()) < 0


@pytest.mark.parametrize("dim", [2, 4])
def test_total_correlation_of_a_gaussian(dim: int) -> None:
    """D/2 pairs with correlation ρ: −(D/4) ln(1 − ρ²). The posteriors are points, blurred to N(0, Σ) together."""
    correlation, deviation, rows = 0.7, 0.5, 1500
    pair = np.array([[1.0, correlation], [correlation, 1.0]])
    covariance = np.kron(np.eye(dim // 2), pair)
    sigma = np.linalg.slogdet(covariance)[1]
    wanted = 0.5 * (np.log(np.diag(covariance)).sum() - sigma)
    assert wanted == pytest.approx(-dim / 4 * math.log(1 - correlation**2), rel=1e-12)
    factor = torch.from_numpy(np.linalg.cholesky(covariance - deviation**2 * np.eye(dim)))
    means = values(rows, dim, seed=1) @ factor.T
    q = DiagonalNormal(means, torch.full_like(means, math.log(deviation)))
    z = q.sample(values(rows, dim, seed=2))
    size = torch.tensor(float(rows), dtype=torch.float64)
    found = float(TotalCorrelation(estimator="stratified").estimate(z, q, size)) / rows
    assert found == pytest.approx(wanted, abs=0.06)
