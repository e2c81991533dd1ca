"""Filling cells with models whose decoder was trained to be told of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from isthmus.components.penalties.completion import Completion
from isthmus.core.context import Context
from isthmus.core.random import spawn_seeds
from isthmus.distributions import ColumnByColumn
from isthmus.models.autoencoder import ComposedAutoencoder

from .imputation_draws import chained_cells, drawn_cells
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
    return torch.stack([_filled(piece, drawn_cells(told, noise)) for told, noise in _told(model, piece, seed, samples)])


def told_means(model: ComposedAutoencoder, piece: Piece, seed: int, samples: int) -> Tensor:
    """The mean of completed rows, (m, d): of numbers, and the probabilities of levels.

    In each draw of :func:`told_draws` a cell counts with its mean given those before it rather than with what was
    drawn there (Rao & Blackwell: the same mean, and it varies less). A cell that is hidden alone is left to the code.
    """
    total = torch.zeros_like(piece.features, dtype=torch.float64)
    for told, noise in _told(model, piece, seed, samples):
        total += expected_cells(told, noise)
    return _filled(piece, total / samples)


def expected_cells(told: ColumnByColumn, noise: Tensor) -> Tensor:
    """The mean of each column given the columns before it, which are drawn by ``noise``: (n, d) float64."""
    return told.model.expected(chained_cells(told, noise)[1])


def _told(model: ComposedAutoencoder, piece: Piece, seed: int, samples: int) -> Iterator[tuple[Any, Tensor]]:
    """p(x|z, visible) for each of some codes, and the noise of its cells."""
    first, second = spawn_seeds(seed, 2)
    context = Context() if piece.context is None else piece.context
    posterior = model.encode(piece.features, context.seeing(piece.observed))
    like = piece.features
    codes = normal_noise(piece.contents, first, samples, model.noise_width, like).to(like.dtype)
    cells = normal_noise(piece.contents, second, samples, piece.observed.shape[1], like).to(like.dtype)
    row, fixed = asked_for(model, piece.features, piece.observed)
    for code_noise, cell_noise in zip(codes, cells, strict=True):
        likelihood: Any = model.decode(posterior.sample(code_noise), Context(context.condition, context.exposure))
        yield likelihood.conditioned(fixed, row), cell_noise


def _filled(piece: Piece, cells: Tensor) -> Tensor:
    return torch.where(piece.known, piece.features, cells.to(piece.features))
