"""TotalCorrelation: exact when the batch is all of the data, unbiased densities when it is not."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.penalties import total_correlation
from isthmus.components.penalties.total_correlation import TotalCorrelation, aggregate_log_densities
from isthmus.core.batch import Batch
from isthmus.core.errors import ParameterError
from isthmus.core.noise import Noise
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, PointMass, StandardNormal, kl_divergence
from isthmus.testing.examples import WIDTH, example_model

ROWS, DIM = 6, 2


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def posterior_of(rows: int = ROWS, dim: int = DIM) -> DiagonalNormal:
    return DiagonalNormal(values(rows, dim), 0.4 * values(rows, dim, seed=1) - 0.5)


def densities(q: DiagonalNormal, z: Tensor) -> np.ndarray:
    """q(z_ij|x_m) by scipy: (i, m, j)."""
    mean, deviation = q.mean.numpy(), q.stddev.numpy()
    return stats.norm.pdf(z.numpy()[:, None, :], mean[None], deviation[None])


def evaluated(spec: TotalCorrelation, q: DiagonalNormal, noise: Tensor, dataset_size: int) -> float:
    model = example_model(True, {"penalty": spec}, latent=GaussianLatent())
    module = model.penalties_by_name["penalty"]
    module.begin(dataset_size)
    found = model.pass_of(q, Batch(values(len(q.mean), WIDTH)), Noise(latent=noise))
    if dataset_size == len(q.mean):
        torch.testing.assert_close(spec.value(found), module.value(found), rtol=1e-14, atol=1e-14)
    return float(module.value(found))


@pytest.mark.parametrize("cells", [2**24, 1])
def test_stratified_is_exact_when_the_batch_is_all_of_the_data(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(total_correlation, "CELLS_AT_ONCE", cells)
    q, noise = posterior_of(), values(ROWS, DIM, seed=2)
    each = densities(q, q.sample(noise))
    joint, marginals = each.prod(-1).mean(1), each.mean(1)
    wanted = (np.log(joint) - np.log(marginals).sum(-1)).sum()
    found = evaluated(TotalCorrelation(estimator="stratified"), q, noise, ROWS)
    assert found == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize("dataset_size", [ROWS, 50])
def test_weighted_divides_by_rows_and_data(dataset_size: int) -> None:
    q, noise = posterior_of(), values(ROWS, DIM, seed=2)
    each = densities(q, q.sample(noise))
    joint, marginals = each.prod(-1).sum(1), each.sum(1)
    count = dataset_size * ROWS
    wanted = (np.log(joint / count) - np.log(marginals / count).sum(-1)).sum()
    found = evaluated(TotalCorrelation(), q, noise, dataset_size)
    assert found == pytest.approx(wanted, abs=1e-10)
    exact = evaluated(TotalCorrelation(estimator="stratified"), q, noise, ROWS)
    if dataset_size == ROWS:  # the documented offset
        assert found - exact == pytest.approx(ROWS * (DIM - 1) * math.log(ROWS), abs=1e-10)


def test_stratified_densities_of_small_batches_are_unbiased() -> None:
    """Averaged over all batches of three rows that contain row 0, q(z_0) is exact."""
    q, z = posterior_of(), values(ROWS, DIM, seed=2)
    found, size = [], torch.tensor(float(ROWS), dtype=torch.float64)
    for others in combinations(range(1, ROWS), 2):
        rows = torch.tensor([0, *others])
        batch = DiagonalNormal(q.mean[rows], q.log_std[rows])
        weights = TotalCorrelation(estimator="stratified").log_weights(3, size)
        torch.testing.assert_close(weights.exp().sum(1), torch.ones(3, dtype=torch.float64), rtol=1e-14, atol=0)
        joint, marginals = aggregate_log_densities(z[rows], batch, weights)
        found.append(torch.cat([joint[:1], marginals[0]]).exp())
    each = densities(q, z)[0]
    wanted = np.append(each.prod(-1).mean(), each.mean(0))
    np.testing.assert_allclose(torch.stack(found).mean(0), wanted, rtol=1e-12)


def test_divergence_is_information_plus_total_correlation_plus_dimension_wise() -> None:
    """Chen et al. (2018), eq. 2, with every term from its own density; the sum is the sampled divergence."""
    q, prior = posterior_of(), StandardNormal(DIM)
    weights = TotalCorrelation(estimator="stratified").log_weights(ROWS, torch.tensor(float(ROWS)))
    sums = []
    for seed in range(500):
        z = q.sample(values(ROWS, DIM, seed=seed))
        joint, marginals = aggregate_log_densities(z, q, weights)
        information = (q.log_prob(z) - joint).sum()
        dependence = TotalCorrelation(estimator="stratified").estimate(z, q, torch.tensor(float(ROWS)))
        dimension_wise = (marginals.sum(-1) - prior.log_prob(z)).sum()
        sums.append(torch.stack([information, dependence, dimension_wise]))
    parts = torch.stack(sums)
    total = parts.sum(1)
    error = abs(float(total.mean() - kl_divergence(q, prior).sum()))
    assert error <= 5 * float(total.std()) / math.sqrt(len(total))
    # The dependence by quadrature of the mixture.
    grid = torch.linspace(-7, 7, 141, dtype=torch.float64)
    step = float(grid[1] - grid[0])
    points = torch.cartesian_prod(grid, grid)
    each = densities(q, points)
    joint, marginals = each.prod(-1).mean(1), each.mean(1).prod(-1)
    exact = ROWS * float((joint * np.log(joint / marginals)).sum()) * step**2
    assert abs(float(parts[:, 1].mean()) - exact) <= 5 * float(parts[:, 1].std()) / math.sqrt(len(total))


def test_the_number_of_rows_is_remembered_and_never_below_the_batch() -> None:
    module = TotalCorrelation().build(DIM, WIDTH)
    module.begin(1234)
    assert float(module.state_dict()["dataset_size"]) == 1234.0
    weights = TotalCorrelation().log_weights(ROWS, torch.zeros(()))
    torch.testing.assert_close(weights, torch.full((ROWS, ROWS), -2 * math.log(ROWS)))
    alone = TotalCorrelation(estimator="stratified").log_weights(1, torch.zeros(()))
    assert alone.tolist() == [[0.0]]


def test_other_posteriors_are_refused_by_name() -> None:
    found = example_model(False).pass_of(PointMass(values(ROWS, DIM)), Batch(values(ROWS, WIDTH)), None)
    with pytest.raises(ParameterError, match=r"TotalCorrelation needs .* DiagonalNormal posterior; got a PointMass"):
        TotalCorrelation().value(found)
