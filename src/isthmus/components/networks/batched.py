"""Layers with a leading axis of members: many networks of one shape, computed as one batched matrix product."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.steady_linear import FAN_IN_MULTIPLE


class BatchedLinear(nn.Module):
    """A linear layer of each member: (n, in) or (members, n, in) -> (members, n, out).

    Rows without an axis of members go to all of them. In evaluation mode fan-ins are padded with zeros to a multiple of
    16, as those of :class:`~isthmus.components.networks.layers.Linear` are, and for the same reason.

    Parameters
    ----------
    members, in_features, out_features : int

    Attributes
    ----------
    weight : Parameter, shape (members, out_features, in_features)
    bias : Parameter, shape (members, out_features)

    Examples
    --------
    >>> BatchedLinear(8, 3, 2)(torch.ones(5, 3)).shape
    torch.Size([8, 5, 2])
    """

    def __init__(self, members: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.members, self.in_features, self.out_features = members, in_features, out_features
        self.weight = nn.Parameter(torch.zeros(members, out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(members, out_features))
        # How many inputs and outputs of each member are in use, where members have different widths.
        self.fans = [(in_features, out_features)] * members

    def initialise(self, generator: Generator) -> None:
        """Draw the weights as :class:`Linear` does, each member by its own numbers of inputs and outputs in use.

        The weights of those not in use are 0. With an activation that is 0 at 0 they stay so: nothing comes out of such
        a unit, and no gradient comes back.
        """
        with torch.no_grad():
            nn.init.uniform_(self.weight, -1.0, 1.0, generator=generator)
            bounds = [math.sqrt(6 / (fan_in + fan_out)) for fan_in, fan_out in self.fans]
            self.weight.mul_(torch.tensor(bounds, dtype=self.weight.dtype)[:, None, None])
            for weight, (fan_in, fan_out) in zip(self.weight, self.fans, strict=True):
                weight[fan_out:], weight[:, fan_in:] = 0.0, 0.0
            nn.init.zeros_(self.bias)

    def forward(self, rows: Tensor) -> Tensor:
        return members_linear(rows, self.weight, self.bias, steady=not self.training)

    def extra_repr(self) -> str:
        return f"members={self.members}, in_features={self.in_features}, out_features={self.out_features}"


def members_linear(rows: Tensor, weight: Tensor, bias: Tensor, steady: bool) -> Tensor:
    """What a :class:`BatchedLinear` with these weights gives; ``steady`` pads fan-ins."""
    missing = -weight.shape[-1] % FAN_IN_MULTIPLE
    if missing and steady:
        rows, weight = functional.pad(rows, (0, missing)), functional.pad(weight, (0, missing))
    if rows.dim() == 2:
        # One wide product is faster than a batch of narrow ones.
        return functional.linear(rows, weight.flatten(0, 1), bias.flatten()).unflatten(1, bias.shape).transpose(0, 1)
    return torch.baddbmm(bias[:, None], rows, weight.transpose(1, 2))


class BatchedLayerNorm(nn.Module):
    """Layer normalisation (Ba, Kiros & Hinton 2016, arXiv:1607.06450) with scales and shifts of each member's own.

    Parameters
    ----------
    widths : sequence of int
        How many units of each member are in use; the mean and the variance are over these.
    features : int
        The width of the layer, that of the widest member or more.
    """

    shares: Tensor

    def __init__(self, widths: Sequence[int], features: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(len(widths), features))
        self.bias = nn.Parameter(torch.zeros(len(widths), features))
        shares = _in_use(widths, features) / torch.tensor(widths)[:, None, None]
        self.register_buffer("shares", shares, persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        centred = rows - (rows * self.shares).sum(-1, keepdim=True)
        variance = (centred.square() * self.shares).sum(-1, keepdim=True)
        return centred * (variance + self.epsilon).rsqrt() * self.weight[:, None] + self.bias[:, None]


class UnitsInUse(nn.Module):
    """Sets the units to zero that a member of a smaller width does not have; nothing reaches their weights then.

    Examples
    --------
    >>> UnitsInUse([1, 3], 3)(torch.ones(2, 1, 3)).tolist()
    [[[1.0, 0.0, 0.0]], [[1.0, 1.0, 1.0]]]
    """

    mask: Tensor

    def __init__(self, widths: Sequence[int], features: int) -> None:
        super().__init__()
        self.widths = tuple(widths)
        # Derived from the widths alone, so that it need not be saved.
        self.register_buffer("mask", _in_use(widths, features), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        return rows * self.mask

    def extra_repr(self) -> str:
        return f"widths={self.widths}"


def _in_use(widths: Sequence[int], features: int) -> Tensor:
    """1 where a member has the unit, else 0: (members, 1, features)."""
    return (torch.arange(features) < torch.tensor(widths)[:, None, None]).float()
