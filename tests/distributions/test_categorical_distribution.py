"""Independent categories in the layout of one-hot columns side by side."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from isthmus.core.random import torch_generator
from isthmus.distributions import IndependentBernoulli, IndependentCategorical

LOGITS = torch.tensor([[0.0, 1.0, -2.0, 3.0, 3.0, -1.0], [0.5, 0.1, 0.2, -9.0, 9.0, 0.0]], dtype=torch.float64)


def one_hot(*levels: int, cardinality: int = 3) -> torch.Tensor:
    return torch.eye(cardinality, dtype=torch.float64)[list(levels)].flatten()


def test_log_prob_is_the_log_softmax_of_the_chosen_levels() -> None:
    value = torch.stack([one_hot(2, 0), one_hot(0, 1)])
    first = -2 - math.log(1 + math.e + math.exp(-2)) + 3 - math.log(2 * math.exp(3) + math.exp(-1))
    second = 0.5 - math.log(sum(map(math.exp, (0.5, 0.1, 0.2)))) + 9 - math.log(sum(map(math.exp, (-9, 9, 0))))
    got = IndependentCategorical(LOGITS, 3).log_prob(value)
    np.testing.assert_allclose(got.numpy(), [first, second], rtol=0, atol=1e-10)


@pytest.mark.parametrize("cardinality", [2, 3, 6])
def test_masses_of_all_rows_add_up_to_one(cardinality: int) -> None:
    distribution = IndependentCategorical(LOGITS, cardinality)
    columns = LOGITS.shape[1] // cardinality
    rows = [
        one_hot(*levels, cardinality=cardinality) for levels in itertools.product(range(cardinality), repeat=columns)
    ]
    total = torch.stack([distribution.log_prob(row) for row in rows]).exp().sum(0)
    np.testing.assert_allclose(total.numpy(), 1, rtol=0, atol=1e-10)


def test_mean_holds_the_probabilities_column_by_column() -> None:
    mean = IndependentCategorical(LOGITS, 3).mean
    wanted = np.concatenate(
        [np.exp(part) / np.exp(part).sum(1, keepdims=True) for part in np.split(LOGITS.numpy(), 2, 1)], 1
    )
    np.testing.assert_allclose(mean.numpy(), wanted, rtol=1e-12)


def test_mode_is_the_first_likeliest_level_of_each_column() -> None:
    assert torch.equal(IndependentCategorical(LOGITS, 3).mode, torch.stack([one_hot(1, 0), one_hot(0, 1)]))


def test_draws_are_one_hot_and_as_frequent_as_their_probability() -> None:
    rows = 20_000
    distribution = IndependentCategorical(LOGITS[0], 3)
    drawn = distribution.draw(rows, torch_generator(0))
    assert drawn.shape == (rows, 6)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert (drawn.unflatten(-1, (2, 3)).sum(-1) == 1).all()
    mean = distribution.mean
    assert ((drawn.mean(0) - mean).abs() <= 5 * (mean * (1 - mean) / rows).sqrt()).all()
    both = (drawn[:, 1] * drawn[:, 3]).mean()  # columns are independent
    expected = mean[1] * mean[3]
    assert abs(both - expected) <= 5 * (expected * (1 - expected) / rows).sqrt()


def test_two_levels_are_a_coin() -> None:
    logits = torch.tensor([[1.5, -0.3]], dtype=torch.float64)
    pairs = torch.stack([torch.zeros_like(logits), logits], -1).flatten(-2)
    value = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    as_pairs = torch.stack([1 - value, value], -1).flatten(-2)
    got = IndependentCategorical(pairs, 2).log_prob(as_pairs)
    torch.testing.assert_close(got, IndependentBernoulli(logits).log_prob(value), rtol=0, atol=1e-10)


def test_impossible_levels_keep_an_exact_log_mass() -> None:
    logits = torch.tensor([[1000.0, 0.0, -1000.0]])
    values = torch.eye(3)
    got = torch.cat([IndependentCategorical(logits, 3).log_prob(value) for value in values])
    assert got.tolist() == [0.0, -1000.0, -2000.0]
