"""A linear map that gives a row the same bits wherever it stands in a batch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

FAN_IN_MULTIPLE = 16


def steady_linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``rows`` (..., i) times ``weight`` (o, i) transposed, plus ``bias`` (o,): (..., o).

    Matrix products with some fan-ins (5, 6, 10, 50, …) round differently at different rows; with a fan-in that is a
    multiple of 16, to which it is padded with zeros, they do not.

    Examples
    --------
    >>> import torch
    >>> steady_linear(torch.ones(2, 3), torch.ones(1, 3))
    tensor([[3.],
            [3.]])
    """
    missing = -rows.shape[-1] % FAN_IN_MULTIPLE
    if not missing:
        return functional.linear(rows, weight, bias)
    return functional.linear(functional.pad(rows, (0, missing)), functional.pad(weight, (0, missing)), bias)
