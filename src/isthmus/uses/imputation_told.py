"""Filling cells with models whose decoder was trained to be told of the others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.components.penalties.completion import Completion
from isthmus.core.context import Context
from isthmus.core.random import spawn_seeds
from isthmus.models.autoencoder import ComposedAutoencoder

from .imputation_draws import drawn_cells
from .imputation_noise import normal_noise
from .imputation_rows import Piece, asked_for


def is_told(model: ComposedAutoencoder) -> bool:
    """Whether the model's decoder learnt to fill in hidden cells given visible ones."""
    completes = any(isinstance(one, Completion) for one in model.penalties.values())
    return completes and model.stochastic and model.inputs.aware and hasattr(model.likelihood, "given")


def told_draws(model: ComposedAutoencoder, piece: Piece, seed: int, samples: int) -> Tensor:
    """Completed rows, (samples, m, d): z ~ q(z|visible), then the hidden cells ~ p(x|z, visible), column by column.

    It is what the penalty ``Completion`` trains: the mixture over z of these conditionals. A cell to be filled is asked
    for as if it were there: its indicator says so.
    """
    first, second = spawn_seeds(seed, 2)
    context = Context() if piece.context is None else piece.context
    posterior = model.encode(piece.features, context.seeing(piece.observed))
    like = piece.features
    codes = normal_noise(piece.contents, first, samples, model.noise_width, like).to(like.dtype)
    cells = normal_noise(piece.contents, second, samples, piece.observed.shape[1], like).to(like.dtype)
    row, fixed = asked_for(model, piece.features, piece.observed)
    found = []
    for code_noise, cell_noise in zip(codes, cells, strict=True):
        likelihood: Any = model.decode(posterior.sample(code_noise), Context(context.condition, context.exposure))
        told = likelihood.conditioned(piece.observed, piece.features)
        told.given, told.row = fixed, row  # what the chain keeps; it is told of the observed cells only
        found.append(torch.where(piece.known, piece.features, drawn_cells(told, cell_noise).to(like)))
    return torch.stack(found)
