"""How likely rows are under a fitted model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from isthmus.core.context import Context
from isthmus.core.random import row_noise
from isthmus.core.row_source import RowSource
from isthmus.distributions import kl_divergence
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
        noise = None
        if model.stochastic:
            draws = row_noise(features.cpu().numpy(), seed, samples, model.noise_width)
            noise = torch.from_numpy(draws).to(features.device)
        bound = _bound(model, features, context, noise)
        scores[piece] = bound[: piece.stop - piece.start].cpu().numpy()
    return scores


def _bound(model: ComposedAutoencoder, features: Tensor, context: Context | None, noise: Tensor | None) -> Tensor:
    posterior = model.encode(features, context)
    prior = model.prior(model.encode_inputs)
    draws = [posterior.code] if noise is None else [posterior.sample(one) for one in noise]
    total = torch.zeros(features.shape[0], dtype=torch.float64, device=features.device)
    for z in draws:
        likelihood = model.decode(z, context).log_prob(features)
        total += likelihood.double() - kl_divergence(posterior, prior, z).double()
    return total / len(draws)


@torch.inference_mode()
def negative_squared_error(model: ComposedAutoencoder, rows: RowSource) -> np.ndarray:
    """Minus the squared reconstruction error of each row, summed over its scaled features: (n,) float64."""
    model.eval()
    scores = np.empty(len(rows), dtype=np.float64)
    for piece, features, context in feature_batches(model, rows):
        error = (features.double() - model(features, context).double()).square().sum(-1)
        scores[piece] = -error[: piece.stop - piece.start].cpu().numpy()
    return scores
