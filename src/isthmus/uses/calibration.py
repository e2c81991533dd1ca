"""Exact values, after training, of what was only tracked during it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.core.row_source import RowSource
from isthmus.core.rows_at_once import rows_at_once
from isthmus.models.autoencoder import ComposedAutoencoder

CHUNK = 4096
# A stochastic code is drawn so often that the mean over draws is exact to about half a percent on small data too.
DRAWN_ROWS = 20_000
# Long rows are averages of many cells themselves, and cost as much more.
DRAWN_CELLS = 1 << 24
# How often logits are tilted, and by how many rows: frequencies are then exact to a thousandth.
TILTS, TILTED_ROWS = 3, 20_000


@torch.no_grad()
def calibrate_likelihood(model: ComposedAutoencoder, rows: RowSource, index: Tensor, seed: int) -> None:
    """Recompute the likelihood's running buffers (σ²) exactly, over the training rows at ``index``.

    A stochastic code is sampled as in training; several times per row where there are few rows.
    """
    model.eval()
    device = model.scale.device
    generator = torch_generator(seed, device)
    drawn = rows_at_once(DRAWN_ROWS, model.width, DRAWN_CELLS)
    draws = max(1, math.ceil(drawn / len(index))) if model.stochastic else 1
    index = index.repeat(draws)
    total: Tensor | None = None
    cells: Tensor | None = None
    complete = 0
    chunk = rows_at_once(CHUNK, model.width)
    for start in range(0, len(index), chunk):
        batch = rows.take(index[start : start + chunk]).to(device)
        forward_pass = model.forward_pass(batch, model.draw_noise(len(batch), generator))
        found = model.likelihood.statistics(forward_pass.likelihood, forward_pass.features)
        if found is None:
            return
        total = found if total is None else total + found
        present = None if forward_pass.context is None else forward_pass.context.present
        if present is None:
            complete += len(batch)
        else:
            cells = present.sum(0, dtype=torch.float64) + (0 if cells is None else cells)
    if total is not None:
        model.likelihood.calibrate(total.reshape(-1), len(index), None if cells is None else cells + complete)


@torch.no_grad()
def calibrate_without_code(model: ComposedAutoencoder, rows: RowSource, index: Tensor) -> None:
    """Make each cell as likely without a code as it is frequent in the training rows at ``index``.

    So it is where training has converged, whatever the columns before (the gradient by the biases is 0 there). Where it
    was stopped early, the last steps have left rows that are drawn column by column too often in some cells.
    """
    model.eval()
    some = index[:: max(1, math.ceil(len(index) / TILTED_ROWS))]
    likelihood: Any = model.likelihood
    # What is said of each column, and a logit for each of its cells, of all rows at once.
    chunk = rows_at_once(CHUNK, likelihood.columns * likelihood.parameter_width + sum(likelihood.sizes))
    likelihood.tilt.zero_()
    for _ in range(TILTS):
        expected = torch.zeros(sum(likelihood.sizes), dtype=torch.float64, device=model.scale.device)
        counts = torch.zeros_like(expected)
        for start in range(0, len(some), chunk):
            batch = rows.take(some[start : start + chunk]).to(model.scale.device)
            features = model.features(batch)
            nothing = features.new_zeros(len(features), model.latent_dim)
            told: Any = model.decode(nothing, model.context(batch, features))
            positions = likelihood.positions(features, batch.present)
            shares, there = [], []
            for column, logits in enumerate(told.without_code().logits(positions)):
                known = positions[:, column] < logits.shape[-1]
                shares.append(torch.softmax(logits[known].double(), -1).sum(0))
                there.append(torch.bincount(positions[known, column], minlength=logits.shape[-1]))
            expected += torch.cat(shares)
            counts += torch.cat(there)
        likelihood.tilt_by(expected, counts)
