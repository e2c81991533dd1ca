"""The activations that networks know by name."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "gated": nn.GLU,
    "identity": nn.Identity,
}


def activation(name: str, axis: int = -1) -> nn.Module:
    """The layer of that name; a gate divides what it is given along ``axis``.

    Examples
    --------
    >>> activation("relu"), activation("gated", axis=1)
    (ReLU(), GLU(dim=1))
    """
    return nn.GLU(axis) if name == "gated" else ACTIVATIONS[name]()
