"""Codes that are maps: how many numbers there are at each position."""

from __future__ import annotations

import math

from isthmus.core.errors import ParameterError

from .convolutional_layers import Size


def check_parts(spatial: bool, code_channels: str | int, hidden: str | tuple[int, ...]) -> None:
    """Raise :class:`ParameterError` for what has no meaning with, or without, codes that are maps."""
    if spatial and not isinstance(hidden, str) and len(hidden) > 0:
        raise ParameterError(
            f"Convolutional: `spatial`=True has nothing fully connected between map and code; got `hidden`={hidden}. "
            "Leave `hidden` at 'auto', or add residual `blocks`."
        )
    if not spatial and not isinstance(code_channels, str):
        raise ParameterError(
            f"Convolutional: `code_channels`={code_channels} is the number of channels of a code that is a map. Set "
            "`spatial`=True, or leave `code_channels` at 'auto'."
        )


def channels_of(size: Size, code_channels: str | int, latent_dim: int) -> int:
    """The numbers at each position of a map that makes ``latent_dim`` in all.

    Raises :class:`ParameterError` with the nearest sizes that do.

    >>> channels_of((7, 7), "auto", 784)
    16
    """
    positions = math.prod(size)
    words = f"each of the {size[0]} × {size[1]} = {positions} positions of a spatial code"
    if not isinstance(code_channels, str):
        if latent_dim != positions * code_channels:
            raise ParameterError(
                f"Convolutional: `code_channels`={code_channels} at {words} make {positions * code_channels} numbers; "
                f"got `latent_dim`={latent_dim}. Leave one of the two at 'auto'."
            )
        return code_channels
    if latent_dim % positions or latent_dim == 0:
        below = latent_dim // positions * positions
        nearest = f"{below} or {below + positions}" if below else f"{positions}"
        raise ParameterError(
            f"Convolutional: there must be as many numbers at {words}; got `latent_dim`={latent_dim}. Use "
            f"latent_dim={nearest}, leave it at 'auto', or change the number of `channels`, each of which halves the "
            "map."
        )
    return latent_dim // positions


def channels_before(size: Size, code_channels: str | int, in_features: int) -> int:
    """The channels of the code in rows of ``in_features`` numbers: a code, and a condition if its size is known.

    >>> channels_before((7, 7), 4, 7 * 7 * 4 + 10)
    4
    """
    if isinstance(code_channels, str) or in_features < math.prod(size) * code_channels:
        return channels_of(size, code_channels, in_features)
    return code_channels


def parameters_of(size: Size, code_channels: str | int, out_features: int) -> int:
    """The channels of the code in a map of ``out_features`` numbers: of one map, or of one for each parameter of codes.

    >>> parameters_of((7, 7), 4, 2 * 7 * 7 * 4)
    4
    """
    if isinstance(code_channels, str):
        return channels_of(size, code_channels, out_features)
    positions = math.prod(size)
    if out_features % (positions * code_channels):
        raise ParameterError(
            f"Convolutional: `spatial`=True gives the same number of parameters for each of the "
            f"{positions * code_channels} numbers of a code; the latent asks for {out_features}. Use a quantised, "
            "point or Gaussian latent, or `spatial`=False."
        )
    return code_channels
