"""Exact values, after training, of what was only tracked during it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.core.row_source import RowSource
from isthmus.models.autoencoder import ComposedAutoencoder

CHUNK = 4096
# A stochastic code is drawn so often that the mean over draws is exact to about half a percent on small data too.
DRAWN_ROWS = 20_000


@torch.no_grad()
def calibrate_likelihood(model: ComposedAutoencoder, rows: RowSource, index: Tensor, seed: int) -> None:
    """Recompute the likelihood's running buffers (σ²) exactly, over the training rows at ``index``.

    A stochastic code is sampled as in training; several times per row where there are few rows.
    """
    model.eval()
    device = model.scale.device
    generator = torch_generator(seed, device)
    draws = max(1, math.ceil(DRAWN_ROWS / len(index))) if model.stochastic else 1
    index = index.repeat(draws)
    total: Tensor | None = None
    for start in range(0, len(index), CHUNK):
        batch = rows.take(index[start : start + CHUNK]).to(device)
        forward_pass = model.forward_pass(batch, model.draw_noise(len(batch), generator))
        found = model.likelihood.statistics(forward_pass.likelihood, forward_pass.features)
        if found is None:
            return
        total = found if total is None else total + found
    if total is not None:
        model.likelihood.calibrate(total.reshape(-1), len(index))
