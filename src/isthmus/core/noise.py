"""The random numbers of a step, drawn outside of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from .batch import Index


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard normal numbers for some rows: steps are pure functions of rows and noise.

    Attributes
    ----------
    latent : Tensor, shape (n, width) or (n, samples, width), optional
        For samples of the posterior; None: the code itself is decoded.
    corruption : Tensor, shape (n, width), optional
        For the corruption; None: the encoder sees the clean rows.
    penalties : dict of str to Tensor, each (n, width)
        For the penalties that estimate something, by their names.

    Examples
    --------
    >>> import torch
    >>> Noise(torch.zeros(4, 2))[:3].latent.shape
    torch.Size([3, 2])
    """

    latent: Tensor | None = None
    corruption: Tensor | None = None
    penalties: Mapping[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, rows: Index) -> Noise:
        """The noise of some of the rows."""
        return Noise(
            None if self.latent is None else self.latent[rows],
            None if self.corruption is None else self.corruption[rows],
            {name: tensor[rows] for name, tensor in self.penalties.items()} if self.penalties else self.penalties,
        )
