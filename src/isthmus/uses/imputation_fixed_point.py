"""Missing cells as what a model makes of them: for codes without a density of their own."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from isthmus.core.context import Context
from isthmus.models.autoencoder import ComposedAutoencoder

from .imputation_curvature import expectation

ROUNDS = 300
# In deviations or shares of the range: far below what anybody measures.
TOLERANCE = 1e-5
LEAST_STEP = 1 / 16


@torch.inference_mode()
def fixed_point(
    model: ComposedAutoencoder, features: Tensor, known: Tensor, shown: Context | None, context: Context | None
) -> Tensor:
    """x_missing = decode(encode(x))_missing, by iteration: the cells that the model gives back as they are.

    Of a linear autoencoder these are the cells that make the row's squared error least: the projection onto the
    principal subspace. A step that is longer than the one before is halved from then on; where nothing converges (codes
    of symbols may go in circles), the row with the least error is kept.

    Parameters
    ----------
    model : ComposedAutoencoder
    features : Tensor, shape (n, d)
        With first guesses in the missing cells.
    known : Tensor of bool, shape (n, d)
    shown, context : Context, optional
        What encoder and decoder are told besides the features.

    Returns
    -------
    Tensor, shape (n, d)
    """
    model.eval()
    x = best = features
    least = torch.full_like(features[:, 0], np.inf)
    size = torch.ones_like(least)
    longest = torch.full_like(least, np.inf)
    active = torch.ones_like(least, dtype=torch.bool)
    for _ in range(ROUNDS):
        again = expectation(model.decode(model.encode(x, shown).code, context))
        difference = again - x
        error = difference.square().sum(-1)
        better = active & (error < least)
        best, least = torch.where(better[:, None], x, best), torch.where(better, error, least)
        step = torch.where(known, 0.0, difference)
        length = step.abs().amax(-1)
        # The last step of a row that has converged is still taken: it is nearer.
        best = torch.where((active & (length < TOLERANCE))[:, None], x + step, best)
        active = active & (length >= TOLERANCE)
        if not bool(active.any()):
            break
        size = torch.where(length > longest, (size / 2).clamp_min(LEAST_STEP), size)
        longest = length
        x = torch.where(active[:, None], x + size[:, None] * step, x)
    return best
