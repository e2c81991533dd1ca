"""What is given besides a row: the condition, the exposure of counts, and which cells there are and may be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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
    visible : Tensor of bool, shape (n, columns), optional
        The cells that the encoder sees, for each encoded column (see :class:`~isthmus.core.batch.Batch`); None: all.
    present : Tensor of bool, shape (n, columns), optional
        The cells that the likelihood is asked about; None: all.

    Examples
    --------
    >>> import torch
    >>> Context(condition=torch.eye(3))[:2].condition.shape
    torch.Size([2, 3])
    """

    condition: Tensor | None = None
    exposure: Tensor | None = None
    visible: Tensor | None = None
    present: Tensor | None = None

    def to(self, device: torch.device | str) -> Context:
        """The same context on another device."""
        return self.changed(lambda tensor: tensor.to(device))

    def changed(self, change: Callable[[Tensor], Tensor]) -> Context:
        """The context with every tensor that it has replaced by ``change`` of it.

        >>> Context(condition=torch.eye(2)).changed(lambda tensor: tensor.repeat(3, 1)).condition.shape
        torch.Size([6, 2])
        """
        return Context(
            None if self.condition is None else change(self.condition),
            None if self.exposure is None else change(self.exposure),
            None if self.visible is None else change(self.visible),
            None if self.present is None else change(self.present),
        )

    def seeing(self, visible: Tensor | None) -> Context:
        """The same rows, of which the encoder sees these cells only: (n, columns), None for all."""
        return replace(self, visible=visible)

    def __getitem__(self, rows: slice) -> Context:
        """The context of some of the rows."""
        return self.changed(lambda tensor: tensor[rows])
