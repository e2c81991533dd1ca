"""Passes of rows through a fitted model, a fixed number at a time.

float32 results change in the last bits with the shape of a batch. Here every batch has the same shape, the last one
padded with zeros, so that a row's result depends on that row alone (see :class:`~isthmus.components.networks.layers.
Linear` for the other half of that promise).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from isthmus.core.batch import Batch
from isthmus.core.context import Context
from isthmus.core.errors import ParameterError
from isthmus.core.random import row_noise
from isthmus.core.row_source import RowSource
from isthmus.models.autoencoder import ComposedAutoencoder

BATCH_ROWS = 1024
# Convolutions are as fast on few images as on many: a single one should not pay for a thousand.
IMAGE_ROWS, FEWEST_ROWS = 64, 16
PIXELS = 1 << 20
TAKEN_CELLS = 1 << 21


def batch_rows(model: ComposedAutoencoder) -> int:
    """How many rows every batch has at inference: a function of the model alone.

    1,024 for fully connected models. With convolutions 64, or fewer where images are large, but at least 16: with
    fewer rows than eight, matrix products round differently at different rows.
    """
    if not any(isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) for layer in model.modules()):
        return BATCH_ROWS
    return max(FEWEST_ROWS, min(IMAGE_ROWS, 1 << (PIXELS // model.width).bit_length() - 1))


class SelectedRows:
    """The rows of a source at some positions, as a source of their own."""

    def __init__(self, rows: RowSource, index: Tensor) -> None:
        self.rows, self.index = rows, index

    def __len__(self) -> int:
        return len(self.index)

    def take(self, index: Any) -> Batch:
        """The rows at positions within the selection."""
        return self.rows.take(self.index[index])


def feature_batches(model: ComposedAutoencoder, rows: RowSource) -> Iterator[tuple[slice, Tensor, Context | None]]:
    """All rows as (positions, padded features (batch_rows(model), d), padded context) on the model's device."""
    device, size = model.scale.device, batch_rows(model)
    # Taking rows has a price of its own for each column: it is paid once for several batches.
    taken = size * max(1, TAKEN_CELLS // (size * model.width))
    for first in range(0, len(rows), taken):
        several = rows.take(slice(first, min(first + taken, len(rows))))
        for start in range(0, len(several), size):
            batch = several.rows(slice(start, start + size)).to(device)
            features = model.features(batch)
            piece = slice(first + start, first + start + len(batch))
            yield piece, _padded(features, size), _padded_context(model.context(batch, features), size)


@torch.inference_mode()
def map_features(
    model: ComposedAutoencoder,
    rows: RowSource,
    width: int,
    function: Callable[[Tensor, Context | None], Tensor],
) -> np.ndarray:
    """``function(features, context)`` of padded rows -> (rows of a batch, width), over all rows: (n, width) float32."""
    model.eval()
    result = np.empty((len(rows), width), dtype=np.float32)
    for piece, features, context in feature_batches(model, rows):
        result[piece] = function(features, context)[: piece.stop - piece.start].float().cpu().numpy()
    return result


def codes(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """The deterministic code of each row, (n, latent_dim) float32."""
    return map_features(model, rows, model.latent_dim, lambda features, context: model.encode(features, context).code)


def sampled_codes(model: ComposedAutoencoder, rows: RowSource, seed: int) -> np.ndarray:
    """One draw from each row's posterior, (n, latent_dim) float32, by noise of the row's content and ``seed``.

    The code itself where it is deterministic.
    """
    return posterior_draws(model, rows, [seed])[0] if model.stochastic else codes(model, rows)


@torch.inference_mode()
def posterior_draws(model: ComposedAutoencoder, rows: RowSource, seeds: Sequence[int]) -> np.ndarray:
    """A draw from each row's posterior for each seed, (len(seeds), n, latent_dim) float32; rows are encoded once.

    Each by noise of the row's content and the seed; the code itself where it is deterministic.
    """
    model.eval()
    result = np.empty((len(seeds), len(rows), model.latent_dim), dtype=np.float32)
    for piece, features, context in feature_batches(model, rows):
        posterior, known = model.encode(features, context), piece.stop - piece.start
        if not model.stochastic:
            result[:, piece] = posterior.code[:known].float().cpu().numpy()
            continue
        contents = features[:known].cpu().numpy()
        noise = torch.zeros(len(features), model.noise_width, device=features.device)
        for number, seed in enumerate(seeds):
            noise[:known] = torch.from_numpy(row_noise(contents, seed, 1, model.noise_width)[0])
            result[number, piece] = posterior.sample(noise)[:known].float().cpu().numpy()
    return result


def conditions(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """The encoded condition of each row, (n, condition_width) float32."""

    def told(features: Tensor, context: Any) -> Tensor:
        condition: Tensor = context.condition
        return condition

    return map_features(model, rows, model.condition_width, told)


@torch.inference_mode()
def symbols(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """The codebook entries of each row, (n, T) int64; only in the code space "symbols"."""
    model.eval()
    found = [
        model.encode(features, context).symbols[: piece.stop - piece.start].cpu().numpy()  # type: ignore[attr-defined]
        for piece, features, context in feature_batches(model, rows)
    ]
    return np.concatenate(found)


def responsibilities(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """The share of each component of a mixture prior in each row's code, (n, components) float32.

    Raises
    ------
    ParameterError
        The prior is no mixture.
    """
    with torch.inference_mode():
        prior: Any = model.eval().prior(model.encode_inputs)
    if not hasattr(prior, "responsibilities"):
        raise ParameterError(
            f"clusters needs a prior that is a mixture; this one is {model.prior.describe()}. Use "
            "prior=Mixture(n_components=10) or recipe 'mixture-vae'."
        )

    def shares(features: Tensor, context: Context | None) -> Tensor:
        posterior: Any = model.encode(features, context)
        return prior.responsibilities(posterior.symbols if model.code_space == "symbols" else posterior.code)

    return map_features(model, rows, prior.log_weights.shape[0], shares)


def posteriors(model: ComposedAutoencoder, rows: RowSource) -> tuple[np.ndarray, np.ndarray | None]:
    """Code and standard deviation of q(z|x) of each row, each (n, latent_dim) float32; None if it is not known."""
    with torch.inference_mode():
        _, features, context = next(feature_batches(model.eval(), rows))
        if not hasattr(model.encode(features, context), "stddev"):
            return codes(model, rows), None

    def moments(features: Tensor, context: Context | None) -> Tensor:
        posterior: Any = model.encode(features, context)
        return torch.cat([posterior.code, posterior.stddev], -1)

    both = map_features(model, rows, 2 * model.latent_dim, moments)
    return both[:, : model.latent_dim].copy(), both[:, model.latent_dim :].copy()


def reconstructions(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """The decoder's mean at each row's code, in features: (n, d) float32."""
    return map_features(model, rows, model.width, model)


def _mean(likelihood: Any) -> Tensor:
    mean: Tensor = likelihood.mean
    return mean


@torch.inference_mode()
def decoded(
    model: ComposedAutoencoder, z: np.ndarray, context: Context | None = None, row: Callable[[Any], Tensor] = _mean
) -> np.ndarray:
    """What ``row`` takes of the likelihood at codes (n, latent_dim), in features: (n, d) float32; by default its mean.

    The likelihoods of :func:`batch_rows` codes come at once, in order.
    """
    model.eval()
    device, size = model.scale.device, batch_rows(model)
    result = np.empty((len(z), model.width), dtype=np.float32)
    for start in range(0, len(z), size):
        piece = slice(start, min(start + size, len(z)))
        padded = _padded(torch.from_numpy(np.ascontiguousarray(z[piece], dtype=np.float32)).to(device), size)
        given = None if context is None else _padded_context(context[piece].to(device), size)
        found = row(model.decode(padded, given))
        result[piece] = found[: piece.stop - piece.start].float().cpu().numpy()
    return result


@torch.inference_mode()
def decoded_beside(model: ComposedAutoencoder, rows: RowSource, z: np.ndarray) -> np.ndarray:
    """The likelihood's mean at codes (n, latent_dim) under the conditions and exposures of n rows: (n, d) float32."""
    model.eval()
    result = np.empty((len(z), model.width), dtype=np.float32)
    for piece, features, context in feature_batches(model, rows):
        codes_here = torch.from_numpy(np.ascontiguousarray(z[piece], dtype=np.float32)).to(features.device)
        padded = _padded(codes_here, len(features))
        mean = model.decode(padded, context).mean  # type: ignore[attr-defined]
        result[piece] = mean[: piece.stop - piece.start].float().cpu().numpy()
    return result


def _padded(rows: Tensor, size: int) -> Tensor:
    missing = size - rows.shape[0]
    return functional.pad(rows, (0, 0, 0, missing)) if missing else rows.contiguous()


def _padded_context(context: Context | None, size: int) -> Context | None:
    if context is None:
        return None
    padded, exposure = context.changed(lambda tensor: _padded(tensor, size)), context.exposure
    if exposure is None:
        return padded
    # Rates of the padding stay positive.
    return replace(padded, exposure=functional.pad(exposure, (0, 0, 0, size - len(exposure)), value=1.0))
