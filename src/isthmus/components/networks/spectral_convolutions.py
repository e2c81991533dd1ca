"""Convolutions that stretch no map: divided by the largest singular value of the operator that they are.

Miyato et al. (2018), arXiv:1802.05957, divide by that of the kernel as a matrix (out, in · k · k). A convolution on
maps is a larger matrix, whose norm may be several times that, and depends on stride, borders and size (Gouk et al.
2021, arXiv:1804.04368; Farnia et al. 2019, arXiv:1811.07457). Its power iteration is a convolution and its transpose,
of a single map: next to nothing beside a batch. So here it is the norm of the operator itself, and a decoder that is
made of such layers moves its output no further than its code.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from .convolutional_layers import STRIDE, Convolution, ResizeConvolution, Size, TransposedConvolution

# Until the largest singular value is known to one or two hundredths; each training step goes on from there.
FIRST_ITERATIONS = 50


class SpectralMap(nn.Module):
    """The part of such layers that knows the norm: mixed into a layer that has ``product(maps, bias)``.

    As for :class:`~isthmus.components.networks.layers.SpectralLinear`, each training step follows the weights with one
    power iteration, whose result is left in :attr:`pending`, and the gradient takes the singular vectors as constants.

    Attributes
    ----------
    right : Tensor, shape (1, in_channels, height, width)
        The map that the layer stretches most.
    """

    right: Tensor
    weight: Tensor
    bias: Any
    product: Any
    pending: dict[str, Tensor]

    def remember(self, channels: int, before: Size) -> None:
        """Make room for the singular vector: maps come in with so many channels and of that size."""
        number = channels * math.prod(before)
        self.register_buffer("right", torch.full((1, channels, *before), number**-0.5))
        self.pending = {}

    @torch.no_grad()
    def initialise(self, generator: Generator) -> None:
        """As for other layers; the singular vector is that of the drawn weights, by power iteration."""
        super().initialise(generator)  # type: ignore[misc]
        right = torch.randn(self.right.shape, generator=generator, device=generator.device).to(self.right)
        for _ in range(FIRST_ITERATIONS):
            right = _unit(self.adjoint(_unit(self.product(right, None))))
        self.right.copy_(right)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        # Zero weights, as they are before initialisation, give zeros.
        largest = self.largest_singular_value().clamp_min(torch.finfo(self.weight.dtype).tiny)
        stretched: Tensor = self.product(maps, None) / largest
        return stretched + self.bias[:, None, None]

    def largest_singular_value(self) -> Tensor:
        """The estimate of it, a scalar, and in training one more power iteration."""
        self.pending = {}
        with torch.autocast(self.weight.device.type, enabled=False):
            stretched = self.product(self.right, None)
            left = _unit(stretched.detach())
            if self.training:
                with torch.no_grad():
                    self.pending = {"right": _unit(self.adjoint(left))}
            return (left * stretched).sum()

    def adjoint(self, maps: Tensor) -> Tensor:
        """The transpose of ``product`` without bias: maps (n, out_channels, …) -> (n, in_channels, …)."""
        raise TypeError(f"{type(self).__name__} must define adjoint(maps)")


class SpectralConvolution(SpectralMap, Convolution):
    """A :class:`~.convolutional_layers.Convolution` with norm 1, on maps of the size ``before``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        size: Size,
        stride: int = 1,
        gain: float = 1.0,
        *,
        before: Size,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, size, stride, gain)
        self.remember(in_channels, before)

    def adjoint(self, maps: Tensor) -> Tensor:
        # Where the last window ends beyond the map, the transposed convolution's own padding would cut off too much.
        before = int(self.padding[0])
        found = functional.conv_transpose2d(maps, self.weight, None, self.stride)
        return _cropped(found[:, :, before:, before:], self.right.shape[-2:])


class SpectralDoubling(SpectralMap):
    """What layers that double a map of the size ``before`` share."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, size: Size, gain: float = 1.0, *, before: Size
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, size, gain)
        self.remember(in_channels, before)

    def doubled(self, maps: Tensor) -> Tensor:
        """Maps of twice the size ``before``: zeros where an odd size was cut off."""
        return _cropped(maps, [STRIDE * side for side in self.right.shape[-2:]])


class SpectralResizeConvolution(SpectralDoubling, ResizeConvolution):
    """A :class:`~.convolutional_layers.ResizeConvolution` with norm 1, the repetition of pixels included."""

    def adjoint(self, maps: Tensor) -> Tensor:
        return functional.conv2d(self.doubled(maps), self.tied_weight, None, STRIDE, self.kernel_size[0] // 2)


class SpectralTransposedConvolution(SpectralDoubling, TransposedConvolution):
    """A :class:`~.convolutional_layers.TransposedConvolution` with norm 1."""

    def adjoint(self, maps: Tensor) -> Tensor:
        return functional.conv2d(self.doubled(maps), self.weight, None, STRIDE, int(self.padding[0]))


def _unit(maps: Tensor) -> Tensor:
    return maps / maps.norm().clamp_min(torch.finfo(maps.dtype).tiny)


def _cropped(maps: Tensor, size: Any) -> Tensor:
    """Maps of that size: rows and columns at the end are cut off, or zeros are added."""
    height, width = size
    return functional.pad(maps, (0, width - maps.shape[-1], 0, height - maps.shape[-2]))
