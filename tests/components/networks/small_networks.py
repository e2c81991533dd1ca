"""What tests of networks share: numbers from a fixed seed, and networks whose every parameter matters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isthmus.components.networks.base import Network
from isthmus.components.networks.layers import initialise
from isthmus.core.random import torch_generator


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)))


def built(spec: Network, in_features: int, out_features: int, mirrored: bool = False) -> nn.Sequential:
    """With weights and biases that are all different from zero."""
    network = spec.build(in_features, out_features, mirrored=mirrored)
    generator = torch_generator(0)
    initialise(network, generator)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return network  # type: ignore[return-value]
