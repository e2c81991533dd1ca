"""A likelihood of six columns that goes column by column, and rows for it."""

from __future__ import annotations

from typing import Any

import torch

from isthmus.components.likelihoods.autoregressive import Autoregressive
from isthmus.core.blocks import Block

BLOCKS = [
    Block("continuous", 0, 1, (1,)),
    Block("binary", 1, 2, (1,)),
    Block("categorical", 2, 8, (6,), cardinality=3),
    Block("missing", 8, 10, (2,), of=(0, 3)),
]
VALUES = torch.tensor([-1.0, 0.0, 0.5, 2.0])


def rows(n: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)

    def pick(levels: int) -> torch.Tensor:
        return torch.randint(levels, (n,), generator=generator)

    number, coin = VALUES[pick(4)][:, None], pick(2)[:, None].float()
    levels = [torch.nn.functional.one_hot(pick(3), 3).float() for _ in range(2)]
    return torch.cat([number, coin, *levels, pick(2)[:, None].float(), pick(2)[:, None].float()], 1).double()


def chained_likelihood() -> Any:
    """A likelihood of rows with a number, a coin, two columns of levels and two indicators, with random weights."""
    module = Autoregressive(width=16, cells=8).build_joint(BLOCKS)
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.4, generator=generator)
    module.begin(rows(200), None)
    return module.double()


def hidden(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
