"""What is given besides a row: the condition, and the exposure of counts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Context:
    """What encoder, decoder and likelihood are told of rows that they do not model.

    Attributes
    ----------
    condition : Tensor, shape (n, c), optional
        Encoded condition columns: p(x|z, c).
    exposure : Tensor, shape (n, 1), optional
        What the rates of counts are multiplied by (an observation time, a library size); None: the likelihood's own
        typical one.

    Examples
    --------
    >>> import torch
    >>> Context(condition=torch.eye(3))[:2].condition.shape
    torch.Size([2, 3])
    """

    condition: Tensor | None = None
    exposure: Tensor | None = None

    def to(self, device: torch.device | str) -> Context:
        """The same context on another device."""
        return Context(
            None if self.condition is None else self.condition.to(device),
            None if self.exposure is None else self.exposure.to(device),
        )

    def __getitem__(self, rows: slice) -> Context:
        """The context of some of the rows."""
        return Context(
            None if self.condition is None else self.condition[rows],
            None if self.exposure is None else self.exposure[rows],
        )
