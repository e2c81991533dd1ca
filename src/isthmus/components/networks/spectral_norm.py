"""Whatever network there is, with layers that stretch nothing."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from isthmus.core.errors import ParameterError
from isthmus.core.registry import register

from .base import Network


@register("network", "spectral-norm")
@dataclass(frozen=True)
class SpectralNorm(Network):
    """The network that is given or automatic, with each layer divided by its largest singular value.

    Miyato et al. (2018), Spectral normalization for generative adversarial networks, arXiv:1802.05957. As a decoder it
    mirrors the encoder all the same: an :class:`~isthmus.MLP` for rows, :class:`~isthmus.Convolutional` for images,
    with ``spectral_norm=True``.

    Examples
    --------
    >>> from isthmus import MLP
    >>> SpectralNorm().of(MLP(hidden=(64,))).spectral_norm
    True
    """

    def of(self, network: Network) -> Network:
        """``network`` with such layers; :class:`ParameterError` if there are none for it."""
        if not hasattr(network, "spectral_norm"):
            raise ParameterError(
                f"SpectralNorm: network `{network.name}` has no layers with spectral norms. Use MLP() or "
                "Convolutional(), or leave SpectralNorm() out."
            )
        return network.replace(spectral_norm=True)

    def build(self, in_features: int, out_features: int, mirrored: bool = False) -> nn.Module:
        raise ParameterError(
            "SpectralNorm: it stands for the `network` of a model, and builds nothing by itself. Use "
            "MLP(spectral_norm=True) or Convolutional(spectral_norm=True)."
        )
