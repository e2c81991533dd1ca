"""A model as a list of layers, for tables and diagrams."""

from __future__ import annotations

from torch import nn

from isthmus.components.networks.mlp import ACTIVATIONS
from isthmus.core.layer_row import LayerRow

from .autoencoder import ComposedAutoencoder

_ACTIVATION_NAMES = {kind: kind.__name__ for kind in ACTIVATIONS.values()}


def describe_architecture(model: ComposedAutoencoder, row_shape: tuple[int, ...]) -> list[LayerRow]:
    """The layers from input to output, an activation or normalisation folded into the layer before it."""
    rows = [LayerRow("input", "Input", "", tuple(row_shape), 0)]
    rows += _layers("encoder", model.encoder)
    rows += _latent(model)
    rows += _layers("decoder", model.decoder)
    parts = " + ".join(_words(part) for part in model.likelihood.parts)
    rows.append(LayerRow("output", "Likelihood", parts, tuple(row_shape), _count(model.likelihood)))
    return rows


def _layers(stage: str, network: nn.Module) -> list[LayerRow]:
    if not isinstance(network, nn.Sequential):
        return [LayerRow(stage, type(network).__name__, "", (), _count(network))]
    rows: list[LayerRow] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            rows.append(LayerRow(stage, "Linear", "", (layer.out_features,), _count(layer)))
        elif rows:
            last = rows[-1]
            detail = ", ".join(filter(None, [last.detail, _ACTIVATION_NAMES.get(type(layer), type(layer).__name__)]))
            rows[-1] = LayerRow(stage, last.name, detail, last.output_shape, last.parameters + _count(layer))
    return rows


def _latent(model: ComposedAutoencoder) -> list[LayerRow]:
    shape = (model.latent_dim,)
    if not model.stochastic:
        return [LayerRow("latent", "Code", "", shape, _count(model.latent))]
    prior = type(model.prior).__name__.removesuffix("Prior")
    words = "N(0, I) prior" if prior == "StandardNormal" else f"{prior} prior"
    return [
        LayerRow("latent", "Mean", "", shape, _count(model.latent)),
        LayerRow("latent", "Standard deviation", "", shape, 0),
        LayerRow("latent", "z", words, shape, _count(model.prior)),
    ]


def _words(part: nn.Module) -> str:
    name = type(part).__name__.removesuffix("Likelihood")
    extra = part.extra_repr()
    return f"{name} ({extra})" if extra else name


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
