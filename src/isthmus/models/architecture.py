"""A model as a list of layers, for tables and diagrams."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from isthmus.components.latents.gaussian import GaussianLatentModule
from isthmus.components.networks.activations import ACTIVATIONS
from isthmus.components.networks.convolutional_layers import (
    Convolution,
    MapBatchNorm,
    MapGroupNorm,
    MapsToRows,
    ResidualBlock,
    ResizeConvolution,
    RowsToMaps,
    TransposedConvolution,
)
from isthmus.core.layer_row import LayerRow

from .autoencoder import ComposedAutoencoder

_FOLDED = {kind: kind.__name__ for kind in ACTIVATIONS.values()}
_FOLDED |= {MapBatchNorm: "BatchNorm", MapGroupNorm: "GroupNorm"}
_CONVOLUTIONS = {ResizeConvolution: "Resize, conv", TransposedConvolution: "Transposed conv", Convolution: "Conv"}
_LAST = ("Linear", *_CONVOLUTIONS.values())


def describe_architecture(model: ComposedAutoencoder, row_shape: tuple[int, ...]) -> list[LayerRow]:
    """The layers from input to output.

    Activations and normalisations are folded into the layer before them; maps have the shape (height, width, channels),
    and a residual block is one layer. The last layer of the encoder *is* the code
    (or its mean and standard deviation), the last one of the decoder the output: they have no rows of their own.
    """
    encoder, to_code = _split(_layers("encoder", model.encoder, (model.encoder_width,)))
    decoder, to_output = _split(_layers("decoder", model.decoder, (model.likelihood.parameter_width,)))
    words = " + ".join(part.describe() for part in model.likelihood.parts)
    return [
        LayerRow("input", "Input", "", tuple(row_shape), 0),
        *encoder,
        *_latent(model, to_code),
        *decoder,
        LayerRow("output", "Output", words, tuple(row_shape), to_output + _count(model.likelihood)),
    ]


def _layers(stage: str, network: nn.Module, output_shape: tuple[int, ...]) -> list[LayerRow]:
    if not isinstance(network, nn.Sequential):
        return [LayerRow(stage, type(network).__name__, "", output_shape, _count(network))]
    rows: list[LayerRow] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            rows.append(LayerRow(stage, "Linear", "", (layer.out_features,), _count(layer)))
        elif isinstance(layer, (Convolution, TransposedConvolution)):
            rows.append(_of_convolution(stage, layer))
        elif isinstance(layer, ResidualBlock) and rows:
            rows.append(LayerRow(stage, "Residual block", "", rows[-1].output_shape, _count(layer)))
        elif isinstance(layer, RowsToMaps) and rows:
            rows[-1] = replace(rows[-1], output_shape=(*layer.size, layer.channels))
        elif rows and not isinstance(layer, MapsToRows):
            last = rows[-1]
            detail = ", ".join(filter(None, [last.detail, _FOLDED.get(type(layer), type(layer).__name__)]))
            # A gate takes half of what the layer gives.
            width = last.output_shape[-1] // 2 if isinstance(layer, nn.GLU) else last.output_shape[-1]
            shape = (*last.output_shape[:-1], width)
            rows[-1] = LayerRow(stage, last.name, detail, shape, last.parameters + _count(layer))
    return rows


def _of_convolution(stage: str, layer: Convolution | TransposedConvolution) -> LayerRow:
    detail = f"{layer.kernel_size[0]} × {layer.kernel_size[1]}" + (", stride 2" if layer.stride[0] == 2 else "")
    name = next(words for kind, words in _CONVOLUTIONS.items() if isinstance(layer, kind))
    return LayerRow(stage, name, detail, (*layer.size, layer.out_channels), _count(layer))


def _split(rows: list[LayerRow]) -> tuple[list[LayerRow], int]:
    """All layers but the last one with weights, and that one's parameters. A foreign network stays whole."""
    if rows and rows[-1].name in _LAST:
        return rows[:-1], rows[-1].parameters
    return rows, 0


def _latent(model: ComposedAutoencoder, parameters: int) -> list[LayerRow]:
    shape = (model.latent_dim,)
    own = _count(model.latent) + _count(model.prior)
    words = model.latent.describe()
    if isinstance(model.latent, GaussianLatentModule):
        return [
            LayerRow("latent", "Mean", "", shape, parameters - parameters // 2),
            LayerRow("latent", "Standard deviation", "", shape, parameters // 2),
            LayerRow("latent", "z", model.prior.describe(), shape, own),
        ]
    if not model.bounded:
        return [LayerRow("latent", "Code", words, shape, parameters + own)]
    detail = ", ".join(filter(None, [words, model.prior.describe()]))
    return [LayerRow("latent", "z", detail, shape, parameters + own)]


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
