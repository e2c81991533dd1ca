"""The multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from isthmus.core.constraints import Boolean, Constraint, Interval, OneOf, SequenceOf
from isthmus.core.errors import ParameterError
from isthmus.core.registry import register

from .activations import ACTIVATIONS, activation
from .base import Network
from .batched import BatchedLayerNorm, BatchedLinear, UnitsInUse
from .layers import BatchNorm, Dropout, Linear, SpectralLinear


@register("network", "mlp")
@dataclass(frozen=True)
class MLP(Network):
    """Fully connected layers. One spec describes the encoder; the decoder mirrors it.

    Parameters
    ----------
    hidden : "auto" or sequence of int
        The widths of the hidden layers, from the data inwards; ``()`` makes the network linear. "auto" chooses them
        from the sizes of rows and codes (see :func:`isthmus.models.defaults.hidden_widths`).
    activation : str
        "relu", "gelu", "silu", "tanh", "sigmoid", "elu", "gated" or "identity", after each hidden layer. A gated layer
        is twice as wide inside: one half, through a sigmoid, multiplies the other (Dauphin et al. 2017,
        arXiv:1612.08083).
    normalisation : str
        "none", "batch" or "layer": what stands between a hidden layer and its activation.
    dropout : float
        The share of hidden units set to zero in each training step.
    spectral_norm : bool
        Divide each weight matrix by its largest singular value (Miyato et al. 2018, arXiv:1802.05957), so that with
        most activations the network's output moves no further than its input.
    tied : bool
        The decoder uses the encoder's weight matrices, transposed, and learns biases only: half the parameters, and
        no way to undo in the decoder what a penalty asks of the encoder's scale (Vincent et al. 2010, Rifai et al.
        2011). For deterministic codes without conditions, and one parameter per feature; not with gated layers or
        spectral norms.

    Examples
    --------
    >>> MLP(hidden=(5, 4)).build(6, 2)
    Sequential(
      (0): Linear(in_features=6, out_features=5, bias=True)
      (1): GELU(approximate='none')
      (2): Linear(in_features=5, out_features=4, bias=True)
      (3): GELU(approximate='none')
      (4): Linear(in_features=4, out_features=2, bias=True)
    )
    """

    hidden: str | tuple[int, ...] = "auto"
    activation: str = "gelu"
    normalisation: str = "none"
    dropout: float = 0.0
    spectral_norm: bool = False
    tied: bool = False

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "hidden": (OneOf("auto"), SequenceOf(Interval(1, None, integer=True))),
        "activation": (OneOf(*ACTIVATIONS),),
        "normalisation": (OneOf("none", "batch", "layer"),),
        "dropout": (Interval(0, 1, closed="left"),),
        "spectral_norm": (Boolean(),),
        "tied": (Boolean(),),
    }

    def build(self, in_features: int, out_features: int, mirrored: bool = False) -> nn.Module:
        widths = self._widths(mirrored)
        linear = SpectralLinear if self.spectral_norm else Linear
        layers: list[nn.Module] = []
        for width in widths:
            inside = 2 * width if self.activation == "gated" else width
            layers.append(linear(in_features, inside))
            if self.normalisation == "batch":
                layers.append(BatchNorm(inside))
            elif self.normalisation == "layer":
                layers.append(nn.LayerNorm(inside))
            layers.append(activation(self.activation))
            if self.dropout:
                layers.append(Dropout(self.dropout))
            in_features = width
        layers.append(linear(in_features, out_features))
        return nn.Sequential(*layers)

    def build_members(
        self, in_features: int, out_features: int, members: int, shares: Sequence[float] = (), mirrored: bool = False
    ) -> nn.Module:
        """Many networks of this spec as one module, (n, in) or (members, n, in) -> (members, n, out).

        Parameters
        ----------
        members : int
        shares : sequence of float, optional
            The share of each hidden layer's units that each member has, in (0, 1]; without, all of them.
        mirrored : bool
            The layers in reverse order, as in :meth:`build`.

        Raises
        ------
        ParameterError
            The spec asks for batch or spectral normalisation, or tied weights, which members cannot have; or the shares
            do not fit.

        Examples
        --------
        >>> import torch
        >>> MLP(hidden=(8,)).build_members(3, 2, members=4, shares=(0.25, 0.5, 0.75, 1))(torch.ones(5, 3)).shape
        torch.Size([4, 5, 2])
        """
        refused = {
            "normalisation='batch'": self.normalisation == "batch",
            "spectral_norm=True": self.spectral_norm,
            "tied=True": self.tied,
        }
        for words, asked in refused.items():
            if asked:
                raise ParameterError(f"MLP: networks that are trained together cannot have {words}.")
        shares = tuple(shares) or (1.0,) * members
        if len(shares) != members or not all(0 < share <= 1 for share in shares):
            raise ParameterError(f"MLP: `shares` must be {members} numbers in (0, 1]; got {shares!r}.")
        layers: list[nn.Module] = []
        before = [in_features] * members
        for width in self._widths(mirrored):
            inside = 2 * width if self.activation == "gated" else width
            used = [max(1, round(share * width)) for share in shares]
            if inside != width and min(used) < width:
                raise ParameterError("MLP: gated layers cannot be of different widths; leave out `shares`.")
            layers.append(self._members_linear(in_features, inside, before, [inside * u // width for u in used]))
            if self.normalisation == "layer":
                layers.append(BatchedLayerNorm([inside * u // width for u in used], inside))
            layers.append(activation(self.activation))
            if min(used) < width:
                layers.append(UnitsInUse(used, width))
            if self.dropout:
                layers.append(Dropout(self.dropout))
            in_features, before = width, used
        layers.append(self._members_linear(in_features, out_features, before, [out_features] * members))
        return nn.Sequential(*layers)

    @staticmethod
    def _members_linear(
        in_features: int, out_features: int, before: Sequence[int], after: Sequence[int]
    ) -> BatchedLinear:
        layer = BatchedLinear(len(before), in_features, out_features)
        layer.fans = list(zip(before, after, strict=True))
        return layer

    def _widths(self, mirrored: bool) -> tuple[int, ...]:
        if isinstance(self.hidden, str):
            raise ParameterError("MLP: `hidden` must be widths before the network is built; got 'auto'.")
        return tuple(reversed(self.hidden)) if mirrored else tuple(self.hidden)
