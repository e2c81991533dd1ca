"""Well spread rows, and linear maps without positional rounding."""

from __future__ import annotations

import torch

from isthmus.core.random import torch_generator
from isthmus.core.spread import spread_rows
from isthmus.core.steady_linear import steady_linear


def test_spread_rows_finds_each_far_cluster() -> None:
    rows = torch.arange(5.0).repeat_interleave(40)[:, None] * 1000 + torch.randn(200, 1, generator=torch_generator(0))
    for seed in range(10):
        chosen = spread_rows(lambda i: (rows - rows[i]).square().sum(-1), 5, torch_generator(seed))
        assert sorted((chosen // 40).tolist()) == [0, 1, 2, 3, 4]


def test_spread_rows_repeats_rows_where_too_few_differ() -> None:
    rows = torch.ones(3, 1)
    chosen = spread_rows(lambda i: (rows - rows[i]).square().sum(-1), 7, torch_generator(0))
    assert chosen.shape == (7,)
    assert ((chosen >= 0) & (chosen < 3)).all()


def test_steady_linear_is_linear_and_ignores_positions() -> None:
    for width in (1, 5, 6, 10, 16, 50):
        weight = torch.randn(7, width, generator=torch_generator(1))
        bias = torch.randn(7, generator=torch_generator(2))
        rows = torch.randn(33, width, generator=torch_generator(3))
        found = steady_linear(rows, weight, bias)
        torch.testing.assert_close(found, rows @ weight.T + bias, rtol=1e-4, atol=1e-5)
        order = torch.randperm(33, generator=torch_generator(4))
        assert torch.equal(steady_linear(rows[order], weight, bias), found[order])
