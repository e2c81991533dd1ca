"""Passes of rows through a fitted model, a fixed number at a time.

float32 results change in the last bits with the shape of a batch. Here every batch has the same shape, the last one
padded with zeros, so that a row's result depends on that row alone (see :class:`~isthmus.components.networks.layers.
Linear` for the other half of that promise).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.core.batch import Batch
from isthmus.core.row_source import RowSource
from isthmus.models.autoencoder import ComposedAutoencoder

BATCH_ROWS = 1024


class SelectedRows:
    """The rows of a source at some positions, as a source of their own."""

    def __init__(self, rows: RowSource, index: Tensor) -> None:
        self.rows, self.index = rows, index

    def __len__(self) -> int:
        return len(self.index)

    def take(self, index: Any) -> Batch:
        """The rows at positions within the selection."""
        return self.rows.take(self.index[index])


def feature_batches(model: ComposedAutoencoder, rows: RowSource) -> Iterator[tuple[slice, Tensor]]:
    """The features of all rows as (positions, padded features (BATCH_ROWS, d)) on the model's device."""
    device = model.scale.device
    for start in range(0, len(rows), BATCH_ROWS):
        piece = slice(start, min(start + BATCH_ROWS, len(rows)))
        batch = rows.take(piece).to(device)
        features = model.features(batch)
        yield piece, _padded(features)


@torch.inference_mode()
def map_features(
    model: ComposedAutoencoder,
    rows: RowSource,
    width: int,
    function: Callable[[Tensor], Tensor],
    dtype: Any = np.float32,
) -> np.ndarray:
    """``function`` of padded features (BATCH_ROWS, d) -> (BATCH_ROWS, width), over all rows: (n, width)."""
    model.eval()
    result = np.empty((len(rows), width), dtype=np.float32)
    for piece, features in feature_batches(model, rows):
        result[piece] = function(features)[: piece.stop - piece.start].float().cpu().numpy()
    return result


def codes(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """The deterministic code of each row, (n, latent_dim) float32."""
    return map_features(model, rows, model.latent_dim, lambda features: model.encode(features).code)


def posteriors(model: ComposedAutoencoder, rows: RowSource) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of q(z|x) of each row, each (n, latent_dim) float32."""

    def moments(features: Tensor) -> Tensor:
        posterior: Any = model.encode(features)
        return torch.cat([posterior.code, posterior.stddev], -1)

    both = map_features(model, rows, 2 * model.latent_dim, moments)
    return both[:, : model.latent_dim].copy(), both[:, model.latent_dim :].copy()


def reconstructions(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """The decoder's mean at each row's code, in features: (n, d) float32."""
    return map_features(model, rows, model.width, model)


@torch.inference_mode()
def decoded(model: ComposedAutoencoder, z: np.ndarray) -> np.ndarray:
    """The likelihood's mean at codes (n, latent_dim), in features: (n, d) float32."""
    model.eval()
    result = np.empty((len(z), model.width), dtype=np.float32)
    for piece, padded in code_batches(model, z):
        mean = model.decode(padded).mean  # type: ignore[attr-defined]
        result[piece] = mean[: piece.stop - piece.start].float().cpu().numpy()
    return result


def code_batches(model: ComposedAutoencoder, z: np.ndarray) -> Iterator[tuple[slice, Tensor]]:
    """Codes as (positions, padded codes (BATCH_ROWS, latent_dim)) on the model's device."""
    for start in range(0, len(z), BATCH_ROWS):
        piece = slice(start, min(start + BATCH_ROWS, len(z)))
        yield piece, _padded(torch.from_numpy(np.ascontiguousarray(z[piece], dtype=np.float32)).to(model.scale.device))


def _padded(rows: Tensor) -> Tensor:
    missing = BATCH_ROWS - rows.shape[0]
    return torch.nn.functional.pad(rows, (0, 0, 0, missing)) if missing else rows.contiguous()
