"""Rows far from one another, to begin clusters with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor


def spread_rows(distances_to: Callable[[int], Tensor], count: int, generator: Generator) -> Tensor:
    """The positions (count,) of rows that are probably far apart: k-means++, Arthur & Vassilvitskii (2007).

    Each is drawn with a probability proportional to its squared distance from those drawn before. Where fewer rows
    differ than are asked for, rows come again.

    Parameters
    ----------
    distances_to : callable
        From the position of a row to the squared distances (n,) of all rows from it.
    count : int
    generator : torch.Generator
        Of the device of the distances.

    Examples
    --------
    >>> from isthmus.core.random import torch_generator
    >>> rows = torch.tensor([0.0, 0.0, 0.0, 9.0])
    >>> sorted(rows[spread_rows(lambda i: (rows - rows[i]).square(), 2, torch_generator(0))].tolist())
    [0.0, 9.0]
    """
    first = distances_to(0)
    chosen = [int(torch.randint(len(first), (), generator=generator, device=first.device))]
    nearest = distances_to(chosen[0])
    while len(chosen) < count:
        weights = nearest if bool((nearest > 0).any()) else torch.ones_like(nearest)
        chosen.append(int(torch.multinomial(weights.float(), 1, generator=generator)))
        nearest = torch.minimum(nearest, distances_to(chosen[-1]))
    return torch.tensor(chosen, device=first.device)
