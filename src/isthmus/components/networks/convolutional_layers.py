"""Layers of maps, (n, channels, height, width), that know the size of what they give.

Flat rows in the order height, width, channels are maps in channels-last memory format already: :class:`RowsToMaps` and
:class:`MapsToRows` view them as such without a copy.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional

from .layers import BatchNorm, Linear

Size = tuple[int, int]

GROUPS = 8
STRIDE = 2
# He, Zhang, Ren & Sun (2015), arXiv:1502.01852: what halves the signal's variance is given twice as much. The others
# keep that of a linear layer.
GAINS = dict.fromkeys(("relu", "gelu", "silu", "elu"), math.sqrt(2))


def halved(size: Size) -> Size:
    """The size of a map after a convolution with stride 2: half of it, rounded up.

    >>> halved((28, 7))
    (14, 4)
    """
    height, width = size
    return -(-height // STRIDE), -(-width // STRIDE)


class FirstMap(Linear):
    """The linear layer that gives a decoder's first map, which is much wider than the code.

    Its weights have a variance by the fan-in alone, as those of convolutions: Glorot's, by both, would be small.
    """

    def __init__(self, in_features: int, out_features: int, gain: float) -> None:
        super().__init__(in_features, out_features)
        self.gain = gain

    def initialise(self, generator: Generator) -> None:
        """Draw the weights from ``generator``; biases begin at zero."""
        _draw(self, self.gain, self.in_features, generator)


class RowsToMaps(nn.Module):
    """Rows (n, h · w · c + k) as maps (n, c + k, h, w): what follows the image becomes constant planes."""

    def __init__(self, size: Size, channels: int) -> None:
        super().__init__()
        self.size, self.channels = size, channels

    def forward(self, rows: Tensor) -> Tensor:
        pixels = math.prod(self.size) * self.channels
        maps = rows[:, :pixels].unflatten(1, (*self.size, self.channels))
        if rows.shape[1] > pixels:
            planes = rows[:, None, None, pixels:].expand(-1, *self.size, -1)
            maps = torch.cat([maps, planes], -1)
        return maps.permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        return f"{self.size[0]} × {self.size[1]} × {self.channels}"


class MapsToRows(nn.Module):
    """Maps (n, groups · c, h, w) as rows (n, groups · h · w · c): one group after the other, each an image."""

    def __init__(self, groups: int = 1) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, maps: Tensor) -> Tensor:
        return maps.unflatten(1, (self.groups, -1)).permute(0, 1, 3, 4, 2).flatten(1)


class Convolution(nn.Conv2d):
    """A convolution with zeros around the map: stride 1 keeps its size, stride 2 halves it (rounded up).

    Parameters
    ----------
    in_channels, out_channels, kernel : int
    size : (int, int)
        The height and width of the map that comes out.
    stride : int
        1 or 2.
    gain : float
        The weights are drawn uniformly with the variance gain²/fan-in; biases begin at zero. A gain of 0 makes zeros.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, size: Size, stride: int = 1, gain: float = 1.0
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride=stride, padding=(kernel - 1) // 2)
        self.size, self.gain = size, gain

    @property
    def fan_in(self) -> float:
        """How many numbers each number that comes out is a weighted sum of."""
        return float(self.in_channels * math.prod(self.kernel_size))

    def reset_parameters(self) -> None:
        # Drawn later, by `initialise`: construction must not touch the global generator.
        _zeros(self)

    def initialise(self, generator: Generator) -> None:
        """Draw the weights from ``generator``."""
        _draw(self, self.gain, self.fan_in, generator)

    def forward(self, maps: Tensor) -> Tensor:
        return self.product(maps, self.bias)

    def product(self, maps: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution of the maps with the weights, plus a bias."""
        given, stride, kernel, padding = maps.shape[-2:], self.stride[0], self.kernel_size[0], self.padding[0]
        # An even kernel on an odd map needs one more row or column of zeros at the end.
        below, right = (
            max(0, (wanted - 1) * stride + kernel - 2 * int(padding) - there)
            for wanted, there in zip(self.size, given, strict=True)
        )
        if below or right:
            maps = functional.pad(maps, (0, right, 0, below))
        return functional.conv2d(maps, self.weight, bias, self.stride, self.padding)


class ResizeConvolution(Convolution):
    """Each pixel repeated twice by twice, then a convolution with an odd kernel: no output pixel is covered more often.

    Odena, Dumoulin & Olah (2016), Deconvolution and checkerboard artifacts, Distill, doi:10.23915/distill.00003.

    A sum of k weights over repeated pixels is one of (k + 1) / 2 pairs over the pixels themselves. So the two steps are
    one transposed convolution whose kernel, of k + 1, has tied weights: half the arithmetic, and no large map between.
    """

    pairs: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel: int, size: Size, gain: float = 1.0) -> None:
        super().__init__(in_channels, out_channels, kernel, size, gain=gain)
        # Weight j meets the same pixel as its neighbour at every other place: it stands at k - 1 - j and at k - j.
        pairs = torch.eye(kernel).flip(0)
        pairs = functional.pad(pairs, (0, 0, 0, 1)) + functional.pad(pairs, (0, 0, 1, 0))
        self.register_buffer("pairs", pairs, persistent=False)

    @property
    def tied_weight(self) -> Tensor:
        """The kernel of the transposed convolution, (in, out, k + 1, k + 1)."""
        return torch.einsum("ma,oiab,nb->iomn", self.pairs, self.weight, self.pairs)

    def product(self, maps: Tensor, bias: Tensor | None) -> Tensor:
        height, width = self.size
        padding = self.kernel_size[0] // 2
        doubled = functional.conv_transpose2d(maps, self.tied_weight, bias, stride=STRIDE, padding=padding)
        return doubled[:, :, :height, :width]


class TransposedConvolution(nn.ConvTranspose2d):
    """The transpose of a convolution with stride 2: it doubles a map, less one row or column where the size is odd."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, size: Size, gain: float = 1.0) -> None:
        padding = (kernel - 1) // 2
        outside = STRIDE + 2 * padding - kernel
        super().__init__(in_channels, out_channels, kernel, stride=STRIDE, padding=padding, output_padding=outside)
        self.size, self.gain = size, gain

    @property
    def fan_in(self) -> float:
        """How many numbers each number that comes out is a weighted sum of, on average."""
        return self.in_channels * math.prod(self.kernel_size) / STRIDE**2

    def reset_parameters(self) -> None:
        _zeros(self)

    def initialise(self, generator: Generator) -> None:
        """Draw the weights from ``generator``."""
        _draw(self, self.gain, self.fan_in, generator)

    def forward(self, maps: Tensor, output_size: list[int] | None = None) -> Tensor:
        return self.product(maps, self.bias)

    def product(self, maps: Tensor, bias: Tensor | None) -> Tensor:
        """The transposed convolution of the maps with the weights, plus a bias."""
        height, width = self.size
        padding = int(self.padding[0])
        doubled = functional.conv_transpose2d(maps, self.weight, bias, self.stride, padding, self.output_padding)
        return doubled[:, :, :height, :width]


class ResidualBlock(nn.Module):
    """maps + what two 3 × 3 convolutions make of them, each after normalisation and activation.

    He, Zhang, Ren & Sun (2016), Identity mappings in deep residual networks, arXiv:1603.05027. The second convolution
    begins at zero, and the block as the identity (Goyal et al. 2017, arXiv:1706.02677).
    """

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.body = body

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.body(maps)


class MapBatchNorm(BatchNorm):
    """Batch normalisation of maps: the statistics of a channel are over rows and positions."""

    def forward(self, maps: Tensor) -> Tensor:
        self.pending = {}
        # One value a channel has no statistics: then too the running ones are used.
        if not self.training or maps.numel() == maps.shape[1]:
            return functional.batch_norm(maps, self.mean, self.variance, self.weight, self.bias, eps=self.epsilon)
        with torch.no_grad():
            variance, mean = torch.var_mean(maps.to(self.mean.dtype), (0, 2, 3))
            self.pending = {
                "mean": torch.lerp(self.mean, mean, self.momentum),
                "variance": torch.lerp(self.variance, variance, self.momentum),
            }
        return functional.batch_norm(maps, None, None, self.weight, self.bias, training=True, eps=self.epsilon)


class MapGroupNorm(nn.GroupNorm):
    """Group normalisation (Wu & He 2018), in up to 8 groups of channels of each row's own maps."""

    def __init__(self, channels: int) -> None:
        super().__init__(math.gcd(GROUPS, channels), channels)

    def forward(self, maps: Tensor) -> Tensor:
        # PyTorch's forward-mode formula takes contiguous maps only.
        if not torch.compiler.is_compiling() and forward_ad.unpack_dual(maps).tangent is not None:
            maps = maps.contiguous()
        return super().forward(maps)


def normalisation(name: str, channels: int) -> list[nn.Module]:
    """The layer of that name for maps, in a list; an empty one for "none".

    >>> [layer.num_groups for layer in normalisation("group", 12)]
    [4]
    """
    if name == "group":
        return [MapGroupNorm(channels)]
    return [MapBatchNorm(channels)] if name == "batch" else []


def _zeros(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _draw(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, gain: float, fan_in: float, generator: Generator) -> None:
    bound = gain * math.sqrt(3 / fan_in)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
