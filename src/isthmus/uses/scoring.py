"""How likely rows are under a fitted model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from isthmus.core.blocks import MISSING, Block
from isthmus.core.context import Context
from isthmus.core.random import row_noise
from isthmus.core.row_source import RowSource
from isthmus.distributions import Posterior, kl_divergence, log_prob_by_column
from isthmus.models.autoencoder import ComposedAutoencoder

from .inference import feature_batches

SAMPLES = 16


@torch.inference_mode()
def log_likelihood_bound(model: ComposedAutoencoder, rows: RowSource, seed: int, samples: int = SAMPLES) -> np.ndarray:
    """The evidence lower bound of each row in nats, in feature space: E_q[log p(x|z)] − KL(q‖p).

    The expectation is a mean over ``samples`` draws whose noise depends on the row's content and ``seed`` only, so
    that a row's score does not depend on its neighbours, its place or the number of calls.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    model.eval()
    scores = np.empty(len(rows), dtype=np.float64)
    for piece, features, context in feature_batches(model, rows):
        posterior = model.encode(features, context)
        prior = model.prior(model.encode_inputs)
        draws = _draws(model, posterior, features, seed, samples)
        total = torch.zeros(features.shape[0], dtype=torch.float64, device=features.device)
        for z in draws:
            likelihood = model.decode(z, context).log_prob(features)
            total += likelihood.double() - kl_divergence(posterior, prior, z).double()
        scores[piece] = (total / len(draws))[: piece.stop - piece.start].cpu().numpy()
    return scores


def _draws(model: ComposedAutoencoder, posterior: Posterior, features: Tensor, seed: int, samples: int) -> list[Tensor]:
    """The codes that a row's scores are means over; one where it is deterministic."""
    if not model.stochastic:
        return [posterior.code]
    noise = torch.from_numpy(row_noise(features.cpu().numpy(), seed, samples, model.noise_width)).to(features.device)
    return [posterior.sample(one) for one in noise]


@torch.inference_mode()
def negative_squared_error(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """Minus the squared reconstruction error of each row, summed over its scaled features: (n,) float64.

    Of the cells that are there, where some are missing.
    """
    model.eval()
    scores = np.empty(len(rows), dtype=np.float64)
    for piece, features, context in feature_batches(model, rows):
        error = squared_errors(model, features, model(features, context), context).sum(-1)
        scores[piece] = -error[: piece.stop - piece.start].cpu().numpy()
    return scores


def squared_errors(model: ComposedAutoencoder, features: Tensor, mean: Tensor, context: Context | None) -> Tensor:
    """The squared error of each feature, (n, d) float64; 0 where the cell is missing."""
    errors = (features.double() - mean.double()).square()
    if context is None or context.present is None:
        return errors
    return torch.where(model.inputs.expansion.per_feature(context.present), errors, 0.0)


@torch.inference_mode()
def column_terms(model: ComposedAutoencoder, rows: RowSource, seed: int, samples: int = SAMPLES) -> np.ndarray:
    """What each column of a row adds to the cost of its reconstruction, in feature space.

    −E_q[log p(x_j|z)] in nats, with the draws of :func:`log_likelihood_bound`; where the code is a point without a
    likelihood, the squared error that :func:`negative_squared_error` adds up. A cell that is missing costs what it
    costs that it is missing: the terms of indicators are those of the columns that they speak of.

    Returns
    -------
    ndarray of float64, shape (n, columns)
        Columns of the data in encoded order; one for all levels of a categorical column.
    """
    model.eval()
    found = []
    for piece, features, context in feature_batches(model, rows):
        posterior = model.encode(features, context)
        if model.bounded:
            draws = _draws(model, posterior, features, seed, samples)
            terms = torch.zeros((), dtype=torch.float64, device=features.device)
            for z in draws:
                terms = terms - log_prob_by_column(model.decode(z, context), features).double() / len(draws)
        else:
            mean = model.decode(posterior.code, context).mean  # type: ignore[attr-defined]
            terms = summed_by_column(squared_errors(model, features, mean, context), model.blocks)
        found.append(_with_indicators(terms, model.blocks)[: piece.stop - piece.start].cpu().numpy())
    return np.concatenate(found)


def summed_by_column(terms: Tensor, blocks: Sequence[Block]) -> Tensor:
    """Terms of encoded features, (n, d), added up over the levels of each categorical column: (n, columns)."""
    parts = []
    for block in blocks:
        part = terms[..., block.start : block.stop]
        parts.append(part.unflatten(-1, (-1, block.cardinality)).sum(-1) if block.cardinality else part)
    return torch.cat(parts, -1)


def _with_indicators(terms: Tensor, blocks: Sequence[Block]) -> Tensor:
    """Terms of encoded columns, (n, columns), with those of indicators added to what they speak of."""
    of = [column for block in blocks if block.kind == MISSING for column in block.of]
    if not of:
        return terms
    columns = terms.shape[-1] - len(of)
    return terms[:, :columns].index_add(1, torch.tensor(of, device=terms.device), terms[:, columns:])
