"""Likelihoods of rows of which some cells are absent."""

from __future__ import annotations

import copy

import pytest
import torch
from scipy import stats

from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator
from isthmus.distributions import (
    DiagonalNormal,
    Distribution,
    FullNormal,
    IndependentBernoulli,
    IndependentCategorical,
    IsotropicNormal,
    Joint,
    Observed,
    log_prob_by_column,
)

PRESENT = torch.tensor([[True, False, True, False], [True, True, True, True], [False, False, False, False]])


def row(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def mixed(*draws: int) -> tuple[Joint, torch.Tensor]:
    parts: list[tuple[int, int, Distribution]] = [
        (0, 2, IsotropicNormal(row(0, *draws, 3, 2), torch.tensor(0.25).double())),
        (2, 5, IndependentCategorical(row(1, *draws, 3, 3), 3)),
        (5, 6, IndependentBernoulli(row(2, *draws, 3, 1))),
    ]
    levels = torch.eye(3, dtype=torch.float64)
    return Joint(parts), torch.cat([row(3, 3, 2), levels, torch.tensor([[1.0], [0.0], [1.0]])], 1)


def test_it_is_the_density_of_the_cells_that_are_there() -> None:
    mean, log_std = row(0, 3, 4), 0.3 * row(1, 3, 4)
    value = row(2, 3, 4)
    found = Observed(DiagonalNormal(mean, log_std), PRESENT).log_prob(value)
    cells = stats.norm.logpdf(value, mean, log_std.exp())
    for one, there, terms in zip(found, PRESENT.numpy(), cells, strict=True):
        assert float(one) == pytest.approx(terms[there].sum(), abs=1e-12)
    assert float(found[2]) == 0.0


@pytest.mark.parametrize("draws", [(), (2,)])
def test_the_levels_of_a_column_are_one_cell(draws: tuple[int, ...]) -> None:
    joint, value = mixed(*draws)
    cells = log_prob_by_column(joint, value)
    assert cells.shape == (*draws, 3, 4)
    observed = Observed(joint, PRESENT)
    torch.testing.assert_close(log_prob_by_column(observed, value), cells * PRESENT)
    torch.testing.assert_close(observed.log_prob(value), (cells * PRESENT).sum(-1))
    everything = Observed(joint, torch.ones_like(PRESENT))
    torch.testing.assert_close(everything.log_prob(value), joint.log_prob(value))


def test_absent_cells_have_no_gradient() -> None:
    mean = row(0, 3, 4).requires_grad_(True)
    Observed(IsotropicNormal(mean, torch.tensor(1.0)), PRESENT).log_prob(row(1, 3, 4)).sum().backward()
    assert mean.grad is not None
    assert torch.equal(mean.grad != 0, PRESENT)


def test_everything_else_is_of_all_cells() -> None:
    normal = IsotropicNormal(row(0, 3, 4), torch.tensor(0.25).double())
    observed = Observed(normal, PRESENT)
    assert observed.mean is normal.mean
    assert observed.variance is normal.variance
    assert torch.equal(observed.draw(3, torch_generator(0)), normal.draw(3, torch_generator(0)))
    assert not hasattr(observed, "logits")
    assert copy.copy(observed).mean is normal.mean


def test_columns_that_are_not_independent_are_refused() -> None:
    full = FullNormal(torch.zeros(4), torch.eye(4))
    with pytest.raises(ParameterError, match="gives FullNormal, whose log-probability is not known column by column"):
        Observed(full, PRESENT).log_prob(torch.zeros(3, 4))
