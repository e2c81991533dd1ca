"""Invertible maps whose Jacobian is triangular, with parameters from masked networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from isthmus.core.errors import MissingDependencyError
from isthmus.core.steady_linear import steady_linear

BINS = 8
# Output layers begin small, so that the map begins close to the identity.
LAST_GAIN = 0.1


class AutoregressiveFlow(nn.Module):
    """A composition of maps y_i = f(x_i; parameters that depend on x_1, …, x_{i−1} and the context).

    Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow, arXiv:1705.07057 (affine f); Durkan et al.
    (2019), Neural spline flows, arXiv:1906.04032 (rational-quadratic f within [−5, 5], the identity outside). Every
    second map goes through the dimensions backwards. The univariate maps are those of zuko.

    Parameters
    ----------
    dim : int
    transforms : int
        How many maps are composed.
    hidden : tuple of int
        The widths of the hidden layers of each map's network.
    kind : str
        "affine" or "spline".
    context : int
        The width of the context; 0: there is none.

    Raises
    ------
    MissingDependencyError
        zuko is not installed.
    """

    def __init__(self, dim: int, transforms: int, hidden: tuple[int, ...], kind: str, context: int = 0) -> None:
        super().__init__()
        _zuko()
        self.dim, self.kind = dim, kind
        outputs = 2 if kind == "affine" else 3 * BINS - 1
        self.networks = nn.ModuleList([MaskedNetwork(dim, outputs, hidden, context) for _ in range(transforms)])

    def forward(self, value: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The image of ``value`` (..., n, dim), and the log-determinant of the Jacobian, (..., n)."""
        log_det = value.new_zeros(value.shape[:-1])
        for number, network in enumerate(self.networks):
            value = value.flip(-1) if number % 2 else value
            value, change = self._map(network, context).call_and_ladj(value)
            value = value.flip(-1) if number % 2 else value
            log_det = log_det + change
        return value, log_det

    def inverse(self, image: Tensor, context: Tensor | None = None) -> Tensor:
        """The value (..., n, dim) with this image, dimension by dimension."""
        for number, network in reversed(list(enumerate(self.networks))):
            image = image.flip(-1) if number % 2 else image
            image = self._map(network, context).inv(image)
            image = image.flip(-1) if number % 2 else image
        return image

    def _map(self, network: nn.Module, context: Tensor | None) -> Any:
        zuko = _zuko()

        def given(value: Tensor) -> Any:
            parameters = network(value, context)
            if self.kind == "affine":
                univariate = zuko.MonotonicAffineTransform(*parameters.unbind(-1))
            else:
                univariate = zuko.MonotonicRQSTransform(*parameters.split([BINS, BINS, BINS - 1], -1))
            return zuko.DependentTransform(univariate, 1)

        return zuko.AutoregressiveTransform(given, self.dim)


class MaskedNetwork(nn.Module):
    """A network whose output i depends on the inputs before i, and on the context.

    Germain et al. (2015), MADE, arXiv:1502.03509, with ELU units.

    Parameters
    ----------
    dim : int
    outputs : int
        Numbers for each dimension.
    hidden : tuple of int
    context : int
        The width of the context.
    """

    def __init__(self, dim: int, outputs: int, hidden: tuple[int, ...], context: int) -> None:
        super().__init__()
        self.outputs = outputs
        # A unit of degree m sees inputs of degrees up to m; the context has degree 0, dimension i has degree i + 1.
        degrees = torch.cat([torch.arange(1, dim + 1), torch.zeros(context, dtype=torch.long)])
        lowest = 0 if context or dim == 1 else 1
        layers = []
        for width in hidden:
            units = lowest + torch.arange(width) % (dim - lowest)
            layers.append(MaskedLinear(units[:, None] >= degrees))
            degrees = units
        last = torch.arange(1, dim + 1).repeat_interleave(outputs)
        self.layers = nn.ModuleList([*layers, MaskedLinear(last[:, None] > degrees, LAST_GAIN)])

    def forward(self, value: Tensor, context: Tensor | None = None) -> Tensor:
        """(..., n, dim) and (n, context) -> (..., n, dim, outputs)."""
        units = value
        if context is not None:
            units = torch.cat([value, context.expand(*value.shape[:-1], -1)], -1)
        *hidden, last = self.layers
        for layer in hidden:
            units = functional.elu(layer(units))
        result: Tensor = last(units)
        return result.unflatten(-1, (-1, self.outputs))


class MaskedLinear(nn.Module):
    """A linear layer with some weights fixed at zero.

    Parameters
    ----------
    mask : Tensor of bool, shape (out, in)
        Where there are weights.
    gain : float
        A factor of the weights that :meth:`initialise` draws.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        self.weight = nn.Parameter(torch.zeros(mask.shape))
        self.bias = nn.Parameter(torch.zeros(len(mask)))
        self.register_buffer("mask", mask, persistent=False)

    @torch.no_grad()
    def initialise(self, generator: Generator) -> None:
        """Uniform weights of variance gain² / 3 over the number of inputs that a unit sees; no biases."""
        bound = self.gain / self.mask.sum(-1, keepdim=True).clamp_min(1).sqrt()
        self.weight.uniform_(-1, 1, generator=generator).mul_(bound * self.mask)
        self.bias.zero_()

    def forward(self, rows: Tensor) -> Tensor:
        linear: Callable[..., Tensor] = functional.linear if self.training else steady_linear
        return linear(rows, self.weight * self.mask, self.bias)


def _zuko() -> Any:
    try:
        import zuko.transforms
    except ImportError as error:
        raise MissingDependencyError(
            "Flows need zuko, which is not installed: pip install 'isthmus[flows]'."
        ) from error
    return zuko.transforms
