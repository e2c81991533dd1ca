"""How well a fitted model describes rows, in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from isthmus.core.row_source import RowSource
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.uses.diagnosis import MAXIMUM_ROWS, diagnose
from isthmus.uses.inference import feature_batches
from isthmus.uses.scoring import squared_errors

from .component_words import symbol_words

if TYPE_CHECKING:
    from isthmus.estimators.base import BaseAutoencoder
    from isthmus.estimators.density_estimate import DensityEstimate


@dataclass(frozen=True)
class Reconstruction:
    """Squared errors in scaled features.

    Attributes
    ----------
    per_row : float
        Mean over rows of the error summed over features.
    share : float or None
        The error as a share of the rows' variance around their own mean; None for rows that are all the same.
    """

    per_row: float
    share: float | None


@torch.inference_mode()
def reconstruction_of(model: ComposedAutoencoder, rows: RowSource) -> Reconstruction:
    """The squared error of the reconstructions of rows, of the cells that are there, one pass."""
    model.eval()
    error, counts = 0.0, torch.zeros(model.width, dtype=torch.float64, device=model.scale.device)
    mean, spread = torch.zeros_like(counts), torch.zeros_like(counts)
    for piece, features, context in feature_batches(model, rows):
        size = piece.stop - piece.start
        wide, there = features[:size].double(), torch.ones_like(counts).expand(size, -1)
        if context is not None and context.present is not None:
            there = model.inputs.expansion.per_feature(context.present)[:size].double()
        error += float(squared_errors(model, features, model(features, context), context)[:size].sum())
        # Means and squared deviations of pieces are merged by Chan, Golub & LeVeque (1983).
        found = there.sum(0)
        both = (counts + found).clamp_min(1)
        own = (wide * there).sum(0) / found.clamp_min(1)
        spread += ((wide - own).square() * there).sum(0) + (own - mean).square() * (counts * found / both)
        mean += (own - mean) * (found / both)
        counts += found
    total = float(spread.sum())
    return Reconstruction(error / len(rows), error / total if total > 0 else None)


def measures(
    estimator: BaseAutoencoder,
    rows: RowSource,
    scores: np.ndarray,
    density: DensityEstimate | None,
) -> list[tuple[str, str]]:
    """Names and values of everything that is measured, in words.

    Parameters
    ----------
    estimator : fitted
    rows : RowSource
        The rows, encoded.
    scores : ndarray, shape (n,)
        As ``score_samples`` gives them.
    density : DensityEstimate, optional
    """
    model = estimator.module_
    fit = reconstruction_of(model, rows)
    share = "" if fit.share is None else f", {fit.share:.2%} of the variance (R² {1 - fit.share:.4f})"
    told = [
        ("rows", f"{len(rows):,}"),
        ("squared error", f"{fit.per_row:,.6g} per row in scaled features{share}"),
        ("score", f"{scores.mean():,.6g} per row: {_score_words(estimator)}"),
    ]
    if density is not None:
        told.append(
            (
                "log-likelihood",
                f"{density.mean:,.6g} ± {density.mean_standard_error:.2g} nats per row, importance-weighted",
            )
        )
    bits = bits_per_dimension(estimator, scores if density is None else density.log_likelihood)
    if bits is not None:
        of = "the bound" if density is None else "the log-likelihood"
        told.append(("bits per dimension", f"{bits:.4g}, from {of}"))
    diagnosis = diagnose(model, rows, torch.arange(len(rows)), None)
    told.append(("active units", f"{diagnosis.active_units} of {estimator.latent_dim_}"))
    if diagnosis.rate is not None:
        told.append(("rate", f"{diagnosis.rate:,.4g} nats per row"))
    if diagnosis.symbols_used is not None and diagnosis.perplexity is not None:
        told.append(("symbols", symbol_words(model.levels, diagnosis.symbols_used, diagnosis.perplexity)))
    if len(rows) > MAXIMUM_ROWS:
        told.append(("", f"(what the code carries: the first {MAXIMUM_ROWS:,} rows)"))
    return told


def bits_per_dimension(estimator: BaseAutoencoder, log_likelihoods: np.ndarray) -> float | None:
    """Minus the mean log-likelihood per pixel, in bits; None for other data and for models without a likelihood."""
    if len(estimator.schema_.row_shape) == 1 or not estimator.module_.bounded:
        return None
    return -float(log_likelihoods.mean()) / (math.log(2) * estimator.schema_.n_features)


def _score_words(estimator: BaseAutoencoder) -> str:
    if not estimator.module_.bounded:
        return "minus the squared error"
    return "a lower bound on the log-likelihood, in nats"
