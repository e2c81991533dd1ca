"""From the numbers of a convolutional network to its layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .activations import activation
from .convolutional_layers import (
    GAINS,
    STRIDE,
    Convolution,
    FirstMap,
    MapsToRows,
    ResidualBlock,
    ResizeConvolution,
    RowsToMaps,
    Size,
    TransposedConvolution,
    normalisation,
)
from .convolutional_layouts import sizes
from .layers import Linear, SpectralLinear
from .spectral_convolutions import SpectralConvolution, SpectralResizeConvolution, SpectralTransposedConvolution

ROWS_AT_ONCE = 128
BLOCK_KERNEL = 3


class ConvolutionalSequence(nn.Sequential):
    """Layers from rows to rows, (..., in_features) -> (..., out_features).

    In evaluation mode they see a limited number of rows at once: maps are many times larger than rows and codes.
    """

    def forward(self, rows: Tensor) -> Tensor:
        flat = rows if rows.ndim == 2 else rows.reshape(-1, rows.shape[-1])
        if self.training or len(flat) <= ROWS_AT_ONCE:
            found = self._all(flat)
        else:
            found = torch.cat([self._all(some) for some in flat.split(ROWS_AT_ONCE)])
        return found if rows.ndim == 2 else found.reshape(*rows.shape[:-1], found.shape[-1])

    def _all(self, rows: Tensor) -> Tensor:
        return super().forward(rows)


@dataclass(frozen=True)
class Plan:
    """The parameters of :class:`~isthmus.components.networks.convolutional.Convolutional`, none of them "auto"."""

    shape: tuple[int, int, int]
    channels: tuple[int, ...]
    hidden: tuple[int, ...]
    kernel: int
    blocks: int
    doublings: int
    upsampling: str
    normalisation: str
    activation: str
    spectral_norm: bool
    spatial: bool
    code_channels: int
    """The numbers at each position of a spatial code; 0: not known yet."""

    @property
    def last_map(self) -> Size:
        """The size of the map that the encoder ends with."""
        return sizes(self.shape[:2], len(self.channels))[-1]

    @property
    def pixels(self) -> int:
        """The number of features of an image."""
        return math.prod(self.shape)

    def encoder(self, condition: int, out_features: int) -> nn.Module:
        """Rows (n, pixels + condition) -> (n, out_features)."""
        height, width, colours = self.shape
        size, *halves = sizes((height, width), len(self.channels))
        layers: list[nn.Module] = [RowsToMaps(size, colours)]
        before = colours + condition
        for channels, half in zip(self.channels, halves, strict=True):
            layers.append(self._convolution(before, self._inside(channels), self.kernel, (size, half), self._gain))
            layers += self._stage(channels, half)
            before, size = channels, half
        if self.spatial:
            numbers = out_features // math.prod(size)
            to_code = self._convolution(before, numbers, 1, (size, size))
            return ConvolutionalSequence(*layers, to_code, MapsToRows(numbers // self.code_channels))
        layers.append(MapsToRows())
        before *= math.prod(size)
        for units in self.hidden:
            layers += self._connected(before, units)
            before = units
        return ConvolutionalSequence(*layers, self._linear(before, out_features))

    def decoder(self, in_features: int, groups: int) -> nn.Module:
        """Codes (n, in_features) -> rows (n, groups · pixels), one group after the other."""
        height, width, colours = self.shape
        *doubled, size = sizes((height, width), self.doublings)
        before, *widths = self.channels[::-1][: self.doublings + 1]
        layers = self._first_map(in_features, size, before)
        layers += self._stage(before, size)
        for channels, larger in zip(widths, reversed(doubled), strict=False):
            layers.append(self._doubling(before, self._inside(channels), (size, larger), self._gain))
            layers += self._stage(channels, larger)
            before, size = channels, larger
        if len(widths) < len(doubled):
            layers.append(self._doubling(before, groups * colours, (size, doubled[0]), 1.0))
        else:
            kernel = self._odd_kernel if self.upsampling == "resize" else self.kernel
            layers.append(self._convolution(before, groups * colours, kernel, (size, size)))
        return ConvolutionalSequence(*layers, MapsToRows(groups))

    def _first_map(self, in_features: int, size: Size, channels: int) -> list[nn.Module]:
        """From codes (n, in_features) to the maps that the decoder begins with, before their activation."""
        width = self._inside(channels)
        if self.spatial:
            condition = in_features - math.prod(size) * self.code_channels
            before = self.code_channels + condition
            first = self._convolution(before, width, BLOCK_KERNEL, (size, size), self._gain)
            return [RowsToMaps(size, self.code_channels), first]
        layers: list[nn.Module] = []
        for units in reversed(self.hidden):
            layers += self._connected(in_features, units)
            in_features = units
        numbers = math.prod(size) * width
        dense = (
            SpectralLinear(in_features, numbers) if self.spectral_norm else FirstMap(in_features, numbers, self._gain)
        )
        return [*layers, dense, RowsToMaps(size, width)]

    def _inside(self, width: int) -> int:
        """The width before the activation."""
        return 2 * width if self.activation == "gated" else width

    @property
    def _gain(self) -> float:
        return GAINS.get(self.activation, 1.0)

    @property
    def _odd_kernel(self) -> int:
        return max(3, self.kernel - 1 + self.kernel % 2)

    def _linear(self, in_features: int, out_features: int) -> Linear:
        return (SpectralLinear if self.spectral_norm else Linear)(in_features, out_features)

    def _connected(self, in_features: int, units: int) -> list[nn.Module]:
        return [self._linear(in_features, self._inside(units)), activation(self.activation)]

    def _activated(self, width: int) -> list[nn.Module]:
        return [*normalisation(self.normalisation, self._inside(width)), activation(self.activation, axis=1)]

    def _stage(self, width: int, size: Size) -> list[nn.Module]:
        """What follows a map of its size: residual blocks, normalisation, activation."""
        return [*(self._block(width, size) for _ in range(self.blocks)), *self._activated(width)]

    def _block(self, width: int, size: Size) -> ResidualBlock:
        first, second = (
            Convolution(width, self._inside(width), BLOCK_KERNEL, size, gain=gain) for gain in (self._gain, 0.0)
        )
        return ResidualBlock(nn.Sequential(*self._activated(width), first, *self._activated(width), second))

    def _convolution(
        self, before: int, after: int, kernel: int, through: tuple[Size, Size], gain: float = 1.0
    ) -> Convolution:
        """From maps of the first size to maps of the second: the same size, or half of it."""
        start, end = through
        stride = 1 if start == end else STRIDE
        if self.spectral_norm:
            return SpectralConvolution(before, after, kernel, end, stride, gain, before=start)
        return Convolution(before, after, kernel, end, stride, gain)

    def _doubling(self, before: int, after: int, through: tuple[Size, Size], gain: float) -> nn.Module:
        start, end = through
        if self.upsampling == "resize":
            if self.spectral_norm:
                return SpectralResizeConvolution(before, after, self._odd_kernel, end, gain, before=start)
            return ResizeConvolution(before, after, self._odd_kernel, end, gain)
        if self.spectral_norm:
            return SpectralTransposedConvolution(before, after, self.kernel, end, gain, before=start)
        return TransposedConvolution(before, after, self.kernel, end, gain)
