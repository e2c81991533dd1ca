"""What every network must do."""

from __future__ import annotations

import math

import torch
from torch import nn

from isthmus.components.networks.base import Network
from isthmus.components.networks.layers import Linear, initialise
from isthmus.components.networks.mlp import MLP
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator
from isthmus.models.defaults import AUTO, Parts, complete

from .requirement import global_random_state_untouched, require
from .specs import check_spec

ROWS = 1024
IMAGES, FEW_IMAGES = 256, 16
HEAVY = 10**7  # parameters
SHAPE = (17, 16, 1)


def check_network(spec: Network, in_features: int = 10, out_features: int = 5) -> None:
    """Sizes, both directions, weights from the run's generator, and rows that do not see each other.

    In evaluation mode a row must have the same bits at any position of a batch of fixed size: the layers of
    :mod:`isthmus.components.networks.layers` see to that.

    Parameters
    ----------
    spec : Network
        Parameters that are "auto" are completed as for a schema of ``in_features`` columns. One with a parameter
        ``shape`` is for images: of that shape, or, if it is "auto", of 17 × 16 pixels.
    in_features, out_features : int
        A network whose code is a map has the ``out_features`` that suit it.

    Raises
    ------
    AssertionError
        Naming the broken rule.

    Examples
    --------
    >>> from isthmus import MLP
    >>> check_network(MLP(hidden=(8,)))
    """
    check_spec(spec)
    who = type(spec).__name__
    shape: tuple[int, ...] = (in_features,)
    if hasattr(spec, "shape"):
        shape = SHAPE if isinstance(spec.shape, str) else tuple(spec.shape)
        in_features = math.prod(shape)
    if getattr(spec, "code_channels", AUTO) != AUTO:
        spec = spec.replace(spatial=True)  # refused without
    composition = complete(Parts(network=spec), [Block("continuous", 0, in_features, shape)])
    spec = composition.encoder
    if getattr(spec, "spatial", False):
        out_features = composition.latent_dim
    with global_random_state_untouched(f"{who}.build and .initialise"):
        network, twin = (_initialised(spec, in_features, out_features, False) for _ in range(2))
        mirrored = _initialised(spec, out_features, in_features, True)
    _check_shape(who, network, in_features, out_features)
    _check_shape(f"{who} (mirrored)", mirrored, out_features, in_features)
    for name, tensor in network.state_dict().items():
        require(torch.equal(tensor, twin.state_dict()[name]), f"{who}: one seed gives different weights ({name})")
    heavy = sum(parameter.numel() for parameter in network.parameters()) > HEAVY
    count = ROWS if len(shape) == 1 else FEW_IMAGES if heavy else IMAGES
    rows = torch.randn(count, in_features, generator=torch_generator(1))
    result = network.eval()(rows)
    require((result.std(0) > 0).all(), f"{who}: outputs do not depend on the row; `initialise` must draw the weights")
    _check_positions(who, network, rows)
    _check_training(who, network, rows[:32])


def two_layers(in_features: int, out_features: int, mirrored: bool = False, width: int = 6) -> nn.Module:
    """A network as a user's own function builds it, for ``Custom("isthmus.testing.networks:two_layers")``."""
    return MLP(hidden=(width,), activation="tanh").build(in_features, out_features, mirrored)


def _initialised(spec: Network, in_features: int, out_features: int, mirrored: bool) -> nn.Module:
    network = spec.build(in_features, out_features, mirrored=mirrored)
    initialise(nn.ModuleList([network]), torch_generator(0))
    return network


def _check_shape(who: str, network: nn.Module, in_features: int, out_features: int) -> None:
    require(isinstance(network, nn.Module), f"{who}.build must give a torch module")
    for rows in (1, 3):
        got = tuple(network.eval()(torch.zeros(rows, in_features)).shape)
        require(
            got == (rows, out_features), f"{who}: ({rows}, {in_features}) -> {got}, expected ({rows}, {out_features})"
        )


@torch.inference_mode()
def _check_positions(who: str, network: nn.Module, rows: torch.Tensor) -> None:
    order = torch.randperm(len(rows), generator=torch_generator(2))
    same = torch.equal(network(rows[order]), network(rows)[order])
    require(same, f"{who}: in evaluation mode a row's bits depend on its position; build it of {Linear.__module__}")


def _check_training(who: str, network: nn.Module, rows: torch.Tensor) -> None:
    """Training draws only from the generator that the loop hands in, and every parameter gets a gradient."""
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train()
    for layer in network.modules():
        if hasattr(layer, "generator"):
            layer.generator = torch_generator(3)  # type: ignore[assignment]
    with global_random_state_untouched(f"{who} in training"):
        network(rows).square().sum().backward()
    for name, parameter in network.named_parameters():
        require(parameter.grad is not None, f"{who}: no gradient reaches {name!r}")
        require(parameter.grad.isfinite().all(), f"{who}: the gradient of {name!r} is not finite")  # type: ignore[union-attr]
    for name, buffer in network.named_buffers():
        require(torch.equal(buffer, buffers[name]), f"{who}: a step changed buffer {name!r}; leave it in `pending`")
