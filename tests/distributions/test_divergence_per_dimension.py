"""The divergence of each dimension: its sum is the whole, each term the one-dimensional divergence."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import (
    DiagonalNormal,
    Distribution,
    FullNormal,
    PointMass,
    Posterior,
    StandardNormal,
    kl_divergence,
    kl_per_dimension,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


Q = DiagonalNormal(normal(5, 3), 0.5 * normal(5, 3, seed=1))


@pytest.mark.parametrize(
    "p",
    [
        StandardNormal(3),
        DiagonalNormal(normal(5, 3, seed=2), 0.5 * normal(5, 3, seed=3)),
        DiagonalNormal(normal(1, 3, seed=4), 0.5 * normal(1, 3, seed=5)),
    ],
    ids=["standard", "diagonal", "shared"],
)
def test_terms_are_one_dimensional_divergences(p: Distribution) -> None:
    terms = kl_per_dimension(Q, p)
    assert terms.shape == (5, 3)
    torch.testing.assert_close(terms.sum(-1), kl_divergence(Q, p), rtol=1e-13, atol=1e-14)
    for j in range(3):
        column = slice(j, j + 1)
        one = StandardNormal(1)
        if isinstance(p, DiagonalNormal):
            one = DiagonalNormal(p.mean[:, column], p.log_std[:, column])
        q = DiagonalNormal(Q.mean[:, column], Q.log_std[:, column])
        torch.testing.assert_close(terms[:, j], kl_divergence(q, one), rtol=1e-12, atol=1e-14)


def test_a_term_by_hand() -> None:
    q = DiagonalNormal(torch.tensor([[3.0, 0.0]]).double(), torch.tensor([[0.0, 1.0]]).double())
    wanted = torch.tensor([[4.5, 0.5 * (torch.e**2 - 3)]], dtype=torch.float64)
    torch.testing.assert_close(kl_per_dimension(q, StandardNormal(2)), wanted)


def test_terms_are_differentiable_and_vanish_at_equality() -> None:
    inputs = (normal(2, 3).requires_grad_(), (0.3 * normal(2, 3, seed=1)).requires_grad_())
    for p in (StandardNormal(3), DiagonalNormal(normal(2, 3, seed=2), normal(2, 3, seed=3))):
        assert torch.autograd.gradcheck(lambda m, s, p=p: kl_per_dimension(DiagonalNormal(m, s), p), inputs)
    assert float(kl_per_dimension(Q, Q).abs().max()) < 1e-15
    assert float(kl_per_dimension(DiagonalNormal(torch.zeros(1, 2), torch.zeros(1, 2)), StandardNormal(2)).sum()) == 0


@pytest.mark.parametrize(
    ("q", "p"), [(Q, FullNormal(torch.zeros(3), torch.eye(3))), (PointMass(torch.zeros(2, 3)), StandardNormal(3))]
)
def test_other_pairs_are_named(q: Posterior, p: Distribution) -> None:
    message = f"KL({type(q).__name__}‖{type(p).__name__}) is not a sum over dimensions"
    with pytest.raises(TypeError, match=re.escape(message) + ".*DiagonalNormal posterior with a StandardNormal"):
        kl_per_dimension(q, p)
