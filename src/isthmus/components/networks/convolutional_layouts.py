"""The numbers of convolutional networks: those of papers by name, and those that follow from the size of the images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.core.errors import ParameterError

from .convolutional_layers import Size, halved

SMALLEST_SIDE = 8
WIDEST = 256
FIRST_MAP = 7
"""The decoder of "rae" begins with maps of 8 × 8; 7 × 7 for images whose sides are no power of two."""


@dataclass(frozen=True)
class Layout:
    """What the parameters of :class:`~isthmus.components.networks.convolutional.Convolutional` are by name.

    ``channels`` is None where it follows from the size of the images; ``first_map`` is the smallest side of the
    decoder's first map, where that is not the encoder's last.
    """

    channels: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = (256,)
    kernel: int = 4
    upsampling: str = "resize"
    normalisation: str = "none"
    activation: str = "gelu"
    first_map: int | None = None


LAYOUTS: Mapping[str, Layout] = {
    "auto": Layout(),
    "small": Layout(channels=(32, 64)),
    "faces": Layout(channels=(32, 64, 128, 256), hidden=(), normalisation="group"),
    "disentanglement": Layout(channels=(32, 32, 64, 64), upsampling="transposed", activation="relu"),
    "rae": Layout(
        channels=(128, 256, 512, 1024),
        hidden=(),
        kernel=5,
        upsampling="transposed",
        normalisation="batch",
        activation="relu",
        first_map=FIRST_MAP,
    ),
}


def automatic_channels(size: Size) -> tuple[int, ...]:
    """Widths from 32 on, doubled with each halving up to 256, until the map has about 4 × 4 to 8 × 8 positions.

    >>> automatic_channels((8, 8)), automatic_channels((28, 28)), automatic_channels((64, 64))
    ((32,), (32, 64), (32, 64, 128, 256))
    """
    by_area = int(math.log2(math.sqrt(math.prod(size)) / 4))
    halvings = max(1, min(by_area, reach(size) - 1))
    return tuple(min(32 * 2**number, WIDEST) for number in range(halvings))


def spatial_channels(size: Size) -> tuple[int, ...]:
    """Widths for a code that is a map: as many as bring the sides down by about their square root.

    >>> [len(spatial_channels((side, side))) for side in (8, 28, 32, 64, 128, 256)]
    [1, 2, 2, 3, 3, 4]
    """
    by_area = int(math.log2(math.prod(size)) / 4)
    halvings = max(1, min(by_area, reach(size) - 1))
    return tuple(min(64 * 2**number, WIDEST) for number in range(halvings))


def reach(size: Size) -> int:
    """How often an image can be halved until one of its sides is a single pixel.

    >>> reach((8, 100)), reach((9, 9))
    (3, 4)
    """
    return math.ceil(math.log2(min(size)))


def sizes(size: Size, halvings: int) -> list[Size]:
    """The sizes of an image and its halves, as many as asked for.

    >>> sizes((28, 21), 3)
    [(28, 21), (14, 11), (7, 6), (4, 3)]
    """
    found = [size]
    for _ in range(halvings):
        found.append(halved(found[-1]))
    return found


def automatic_doublings(layout: str, size: Size, halvings: int) -> int:
    """How often the decoder doubles its first map: as often as the encoder halves, or as the layout's first map says.

    >>> automatic_doublings("auto", (64, 64), 4), automatic_doublings("rae", (64, 64), 4)
    (4, 3)
    """
    smallest = LAYOUTS[layout].first_map
    if smallest is None:
        return halvings
    large = [number for number, one in enumerate(sizes(size, halvings)) if min(one) >= smallest]
    return min(max(1, *large), halvings - 1) if halvings > 1 else halvings


def check_size(size: Size) -> None:
    """Raise :class:`ParameterError` for images that are too small for convolutions."""
    if min(size) < SMALLEST_SIDE:
        raise ParameterError(
            f"Convolutional: images of {size[0]} × {size[1]} pixels are too small; both sides must be at least "
            f"{SMALLEST_SIDE}. Use network=MLP()."
        )


def check_reach(size: Size, channels: tuple[int, ...], layout: str, given: bool) -> None:
    """Raise :class:`ParameterError` for more widths than the images can be halved."""
    most = reach(size)
    if len(channels) <= most:
        return
    height, width = sizes(size, most)[-1]
    whose = f"`channels`={channels}" if given else f"layout {layout!r}, `channels`={channels},"
    raise ParameterError(
        f"Convolutional: {whose} halves the images {len(channels)} times, but images of {size[0]} × {size[1]} are "
        f"{height} × {width} after {most} halvings. Use at most {most} widths: channels={channels[:most]}."
    )
