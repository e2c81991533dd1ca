"""Convolutional networks, for images of any size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from torch import nn

from isthmus.core.constraints import Boolean, Constraint, Interval, OneOf, SequenceOf
from isthmus.core.errors import ParameterError
from isthmus.core.image_shape import ImageShape
from isthmus.core.registry import register

from .activations import ACTIVATIONS
from .base import Network
from .convolutional_layouts import (
    LAYOUTS,
    automatic_channels,
    automatic_doublings,
    check_reach,
    check_size,
    spatial_channels,
)
from .convolutional_plan import Plan
from .spatial_codes import channels_before, channels_of, check_parts, parameters_of

AUTO = "auto"


class Widths:
    """A tuple or list of at least one positive integer."""

    def accepts(self, value: Any) -> bool:
        return SequenceOf(Interval(1, None, integer=True)).accepts(value) and len(value) > 0

    def describe(self) -> str:
        return "at least one integer in [1, inf), in a sequence"


@register("network", "convolutional")
@dataclass(frozen=True)
class Convolutional(Network):
    """Convolutions that halve the image, and fully connected layers between the last map and the code.

    One spec describes the encoder; the decoder mirrors it. Sizes need not be divisible by two: halves are rounded up,
    and the decoder goes back through the same sizes. Rows are flat images in the order height, width, channels.
    A condition is shown to the encoder as constant planes beside the image, and joined to the code for the decoder.

    With ``spatial`` nothing is fully connected: the code is a map itself, with some numbers at each position of the
    encoder's last map, and whatever the code is made of (:class:`~isthmus.VectorQuantised` tokens, say) stands for its
    part of the image. Rows of such codes are maps in the order height, width, channels.

    Every number that is "auto" is that of ``layout``.

    Parameters
    ----------
    layout : str
        "auto": widths 32, 64, 128, 256, … until the map has about 4 × 4 to 8 × 8 positions, a fully connected layer of
        256, no normalisation. "small": two convolutions of 32 and 64, the usual one for 28 × 28 digits. "faces":
        32-64-128-256 with group normalisation, nothing fully connected between map and code, after Hou, Shen, Sun & Qiu
        (2017), Deep feature consistent variational autoencoder, arXiv:1610.00291. "disentanglement": 32-32-64-64 and
        256, the network for 64 × 64 of Locatello et al. (2019), Challenging common assumptions, arXiv:1811.12359, and
        with other widths of Burgess et al. (2018), Understanding disentangling in β-VAE, arXiv:1804.03599; kernels
        are 4 × 4 throughout, while the last two of the former's encoder are 2 × 2. "rae": 128-256-512-1024 with batch
        normalisation, whose decoder begins at 8 × 8, of Ghosh et al. (2020), From variational to deterministic
        autoencoders, arXiv:1903.12436.
    channels : "auto" or sequence of int
        The widths of the maps, from the image inwards; each halves height and width.
    hidden : "auto" or sequence of int
        The widths of fully connected layers between the last map and the code.
    kernel : "auto" or int
        The side of the convolutions that halve, and of transposed ones. Convolutions after resizing take the largest
        odd number up to it, at least 3.
    blocks : int
        Residual blocks (He et al. 2016, arXiv:1603.05027) at each size of the map; 0 for a plain network.
    doublings : "auto" or int
        How often the decoder doubles its first map, at most once for each width. Fewer than there are widths make the
        first map larger than the encoder's last, and the last layer a convolution at full size.
    upsampling : "auto", "resize" or "transposed"
        How the decoder doubles. "resize" repeats pixels before a convolution and leaves no checkerboards (Odena et al.
        2016, doi:10.23915/distill.00003).
    normalisation : "auto", "none", "group" or "batch"
        What stands between a convolution and its activation: group normalisation (Wu & He 2018, arXiv:1803.08494) in up
        to 8 groups, or batch normalisation.
    activation : "auto" or str
        One of :class:`~isthmus.components.networks.mlp.MLP`'s.
    spectral_norm : bool
        Divide each layer by its largest singular value, that of a convolution as an operator on maps of its size (see
        :mod:`isthmus.components.networks.spectral_convolutions`), so that with most activations the network's output
        moves no further than its input. Not with residual blocks, which add their input.
    spatial : bool
        The code is a map: a 1 × 1 convolution gives it, a 3 × 3 one takes it back. Left at "auto", the number of
        ``channels`` then brings the sides down by about their square root: to 7 × 7 for 28 × 28, 8 × 8 for 64 × 64,
        16 × 16 for 256 × 256.
    code_channels : "auto" or int
        The numbers at each position of a spatial code; "auto": ``latent_dim`` divided by the number of positions, and
        if that is "auto" too, as many as suit the latent (16 for learnt codebooks).
    shape : "auto" or tuple of int
        (height, width) or (height, width, channels) of the images; "auto" takes it from the data. Give it for images
        that come as flat rows.

    Raises
    ------
    ParameterError
        By :meth:`sized` and :meth:`build`: for images smaller than 8 × 8 or smaller than the network's reach, and
        widths of rows that are not images of ``shape``.

    Examples
    --------
    >>> Convolutional(channels=(4,), hidden=(6,), shape=(8, 8)).build(64, 2)
    ConvolutionalSequence(
      (0): RowsToMaps(8 × 8 × 1)
      (1): Convolution(1, 4, kernel_size=(4, 4), stride=(2, 2), padding=(1, 1))
      (2): GELU(approximate='none')
      (3): MapsToRows()
      (4): Linear(in_features=64, out_features=6, bias=True)
      (5): GELU(approximate='none')
      (6): Linear(in_features=6, out_features=2, bias=True)
    )
    """

    layout: str = AUTO
    channels: str | tuple[int, ...] = AUTO
    hidden: str | tuple[int, ...] = AUTO
    kernel: str | int = AUTO
    blocks: int = 0
    doublings: str | int = AUTO
    upsampling: str = AUTO
    normalisation: str = AUTO
    activation: str = AUTO
    spectral_norm: bool = False
    spatial: bool = False
    code_channels: str | int = AUTO
    shape: str | tuple[int, ...] = AUTO

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "layout": (OneOf(*LAYOUTS),),
        "channels": (OneOf(AUTO), Widths()),
        "hidden": (OneOf(AUTO), SequenceOf(Interval(1, None, integer=True))),
        "kernel": (OneOf(AUTO), Interval(2, None, integer=True)),
        "blocks": (Interval(0, None, integer=True),),
        "doublings": (OneOf(AUTO), Interval(0, None, integer=True)),
        "upsampling": (OneOf(AUTO, "resize", "transposed"),),
        "normalisation": (OneOf(AUTO, "none", "group", "batch"),),
        "activation": (OneOf(AUTO, *ACTIVATIONS),),
        "spectral_norm": (Boolean(),),
        "spatial": (Boolean(),),
        "code_channels": (OneOf(AUTO), Interval(1, None, integer=True)),
        "shape": (OneOf(AUTO), ImageShape()),
    }

    def sized(self, shape: tuple[int, ...] | None = None, latent_dim: int | None = None) -> Convolutional:
        """The same network with every number in place, for images of ``shape`` (by default its own).

        A spatial code's number of channels follows from ``latent_dim``, and stays "auto" without it.

        Examples
        --------
        >>> Convolutional(layout="disentanglement").sized((64, 64)).channels
        (32, 32, 64, 64)
        >>> Convolutional(spatial=True).sized((28, 28), latent_dim=784).code_channels
        16
        """
        plan = self._plan(self.shape if shape is None else shape)
        numbers = asdict(plan)
        del numbers["code_channels"]
        if self.spatial and latent_dim is not None:
            numbers["code_channels"] = channels_of(plan.last_map, self.code_channels, latent_dim)
        return self.replace(**numbers)

    def positions(self, shape: tuple[int, ...] | None = None) -> int:
        """How many positions the encoder's last map has, for images of ``shape`` (by default the network's own).

        >>> Convolutional(spatial=True).positions((28, 28))
        49
        """
        height, width = self._plan(self.shape if shape is None else shape).last_map
        return height * width

    def build(self, in_features: int, out_features: int, mirrored: bool = False) -> nn.Module:
        plan = self._plan(self.shape)
        height, width, colours = plan.shape
        images = f"images of {height} × {width} × {colours} = {plan.pixels} pixels"
        if mirrored:
            if out_features % plan.pixels:
                raise ParameterError(
                    f"Convolutional: rows of {out_features} numbers are no {images}, nor several parameters of each. "
                    "Set `shape` to that of the images, or leave it at 'auto'."
                )
            if self.spatial:
                plan = replace(plan, code_channels=channels_before(plan.last_map, self.code_channels, in_features))
            return plan.decoder(in_features, out_features // plan.pixels)
        if in_features < plan.pixels:
            raise ParameterError(
                f"Convolutional: rows of {in_features} features are too short for {images}. Set `shape` to that of the "
                "images, or use an MLP for what is no image."
            )
        if self.spatial:
            plan = replace(plan, code_channels=parameters_of(plan.last_map, self.code_channels, out_features))
        return plan.encoder(in_features - plan.pixels, out_features)

    def _plan(self, shape: str | tuple[int, ...]) -> Plan:
        if isinstance(shape, str):
            raise ParameterError(
                "Convolutional: `shape` must be (height, width) or (height, width, channels) before the network is "
                "built; got 'auto', which is filled in where rows are images. Set shape=(28, 28), say."
            )
        check_parts(self.spatial, self.code_channels, self.hidden)
        if self.spectral_norm and self.blocks:
            raise ParameterError(
                f"Convolutional: `spectral_norm`=True does not go with `blocks`={self.blocks}: a residual block adds "
                "its input to what it makes of it, and stretches up to twice as far whatever the norms. Leave one of "
                "the two out."
            )
        height, width, colours = shape if len(shape) == 3 else (*shape, 1)
        check_size((height, width))
        usual = LAYOUTS[self.layout]
        given = not isinstance(self.channels, str)
        wanted = usual.channels if isinstance(self.channels, str) else tuple(self.channels)
        automatic = spatial_channels if self.spatial else automatic_channels
        channels = wanted or automatic((height, width))
        check_reach((height, width), channels, self.layout, given)
        hidden = usual.hidden if isinstance(self.hidden, str) else tuple(self.hidden)
        return Plan(
            shape=(height, width, colours),
            channels=channels,
            hidden=() if self.spatial else hidden,
            kernel=usual.kernel if isinstance(self.kernel, str) else self.kernel,
            blocks=self.blocks,
            doublings=self._doublings((height, width), len(channels)),
            upsampling=usual.upsampling if self.upsampling == AUTO else self.upsampling,
            normalisation=usual.normalisation if self.normalisation == AUTO else self.normalisation,
            activation=usual.activation if self.activation == AUTO else self.activation,
            spectral_norm=self.spectral_norm,
            spatial=self.spatial,
            code_channels=self.code_channels if isinstance(self.code_channels, int) else 0,
        )

    def _doublings(self, size: tuple[int, int], most: int) -> int:
        """How often the decoder doubles, which is as often as the encoder halves where the code is a map."""
        doublings = self.doublings
        if isinstance(doublings, str):
            return most if self.spatial else automatic_doublings(self.layout, size, most)
        if doublings > most:
            raise ParameterError(
                f"Convolutional: `doublings`={doublings} is more than there are `channels` ({most}): a decoder doubles "
                f"no more often than the encoder halves. Use `doublings` of at most {most}, or 'auto'."
            )
        if self.spatial and doublings < most:
            raise ParameterError(
                f"Convolutional: `doublings`={doublings} would begin with a larger map than the code, which is the "
                f"encoder's last one (`spatial`=True, {most} halvings). Leave `doublings` at 'auto'."
            )
        return doublings
