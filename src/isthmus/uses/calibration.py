"""Exact values, after training, of what was only tracked during it."""

from __future__ import annotations

import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.core.row_source import RowSource
from isthmus.models.autoencoder import ComposedAutoencoder

CHUNK = 4096


@torch.no_grad()
def calibrate_likelihood(model: ComposedAutoencoder, rows: RowSource, index: Tensor, seed: int) -> None:
    """Recompute the likelihood's running buffers (σ²) exactly, over the training rows at ``index``.

    A stochastic code is sampled once per row, as in training.
    """
    model.eval()
    device = model.scale.device
    generator = torch_generator(seed, device)
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
