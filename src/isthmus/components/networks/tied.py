"""A decoder that uses the encoder's weight matrices, transposed."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Generator, Tensor, nn

from .layers import Linear


class TransposedLinear(Linear):
    """x Wᵀ + b with the matrix W (in, out) of another layer: only the bias b (out,) is its own.

    Parameters
    ----------
    partner : Linear
        The layer that owns W; it maps this layer's outputs to its inputs.
    """

    def __init__(self, partner: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = partner.out_features, partner.in_features
        self._note_fan_in(self.in_features)
        self.bias = nn.Parameter(torch.zeros(self.out_features))
        # In a tuple, where torch does not look for modules: W is the encoder's, and is saved and trained there.
        self._partner = (partner,)

    @property
    def weight(self) -> Tensor:  # type: ignore[override]
        """Wᵀ (out, in)."""
        return self._partner[0].weight.T

    def initialise(self, generator: Generator) -> None:
        """The bias begins at zero; the matrix is drawn where it belongs."""
        nn.init.zeros_(self.bias)


def tied(encoder: Iterable[nn.Module], decoder: Iterable[nn.Module]) -> nn.Sequential:
    """The decoder's layers, with the linear ones replaced by the encoder's, transposed and in reverse order.

    Both are what :class:`~isthmus.components.networks.mlp.MLP` builds from one spec.
    """
    partners = [layer for layer in encoder if isinstance(layer, nn.Linear)][::-1]
    replaced = iter(TransposedLinear(partner) for partner in partners)
    return nn.Sequential(*(next(replaced) if isinstance(layer, nn.Linear) else layer for layer in decoder))
