"""Oracle 6: the importance-weighted bounds of a linear Gaussian model, whose log p(x) is known.

Burda et al. (2016), arXiv:1509.00519; the limit of k (log p − L_k) is Domke & Sheldon (2018), arXiv:1808.09034.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.base import Objective
from isthmus.components.objectives.combined_importance_weighted import CombinedImportanceWeighted
from isthmus.components.objectives.importance_weighted import ImportanceWeighted
from isthmus.components.objectives.log_weights import log_mean_exp, log_weights
from isthmus.components.objectives.multiple_importance_weighted import MultipleImportanceWeighted
from isthmus.components.objectives.partially_importance_weighted import PartiallyImportanceWeighted
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.core.progress import END
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete

SIGMA = 0.7
CENTRE = np.array([0.3, -1.0, 0.5])
# Columns at right angles: the posterior is diagonal.
WEIGHTS = np.linalg.qr(np.arange(6.0).reshape(3, 2) + np.eye(3)[:, :2])[0] * [1.6, 0.4]
BOUNDS = ("evidence_bound", "importance_bound", "multiple_importance_bound")


@torch.no_grad()
def linear_model(objective: Objective, spread: float = 1.0) -> ComposedAutoencoder:
    """The true generative model, with the true posterior's mean and ``spread`` times its variances as q."""
    block = Block("continuous", 0, 3, (3,))
    likelihood = Gaussian(sigma=SIGMA, mean="identity")
    parts = Parts(2, network=MLP(hidden=()), likelihood=likelihood, stochastic=True, objective=objective)
    model = complete(parts, [block]).build([block]).double()
    model.likelihood.parts[0].variance.fill_(SIGMA**2)
    precision = 1 + (WEIGHTS**2).sum(0) / SIGMA**2
    to_code = WEIGHTS.T / SIGMA**2 / precision[:, None]
    model.encoder[0].weight[:2] = torch.from_numpy(to_code)
    model.encoder[0].bias[:2] = torch.from_numpy(-to_code @ CENTRE)
    model.encoder[0].bias[2:] = torch.from_numpy(0.5 * np.log(spread / precision))
    model.decoder[0].weight.copy_(torch.from_numpy(WEIGHTS))
    model.decoder[0].bias.copy_(torch.from_numpy(CENTRE))
    return model


def rows(count: int) -> Tensor:
    covariance = WEIGHTS @ WEIGHTS.T + SIGMA**2 * np.eye(3)
    return torch.from_numpy(np.random.default_rng(0).multivariate_normal(CENTRE, covariance, count))


def log_evidence(x: Tensor) -> np.ndarray:
    return stats.multivariate_normal(CENTRE, WEIGHTS @ WEIGHTS.T + SIGMA**2 * np.eye(3)).logpdf(x.numpy())


def noise(count: int, draws: int, seed: int = 1) -> Noise:
    generator = torch.Generator().manual_seed(seed)
    return Noise(torch.randn(count, draws, 2, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize(
    "objective",
    [
        ImportanceWeighted(1),
        ImportanceWeighted(5),
        MultipleImportanceWeighted(3, 2),
        PartiallyImportanceWeighted(3, 2),
        CombinedImportanceWeighted(samples=4, share=0.3),
    ],
    ids=repr,
)
@torch.no_grad()
def test_with_the_true_posterior_every_bound_is_the_log_likelihood_without_variance(objective: Objective) -> None:
    model, x = linear_model(objective), rows(7)
    for seed in (1, 2):
        terms = model.loss(Batch(x), noise(7, objective.draws, seed), model.weights(END))
        for name in set(BOUNDS) & set(terms.parts):
            assert float(terms.parts[name]) == pytest.approx(-log_evidence(x).sum(), abs=1e-10)
        assert float(terms.total) == pytest.approx(-log_evidence(x).mean(), abs=1e-10)
        found = log_weights(model.forward_pass(Batch(x), noise(7, objective.draws, seed)))[1]
        np.testing.assert_allclose(found, np.broadcast_to(log_evidence(x), found.shape), atol=1e-10)


@torch.no_grad()
def test_bounds_grow_with_the_samples() -> None:
    """Jensen holds for every single draw: a mean of bounds of k samples lies below that of 2 k of the same samples."""
    x, draws = rows(11), noise(11, 64)
    losses = []
    for samples in (1, 2, 4, 8, 16, 32, 64):
        model = linear_model(MultipleImportanceWeighted(samples, 64 // samples), spread=3.0)
        losses.append(float(model.loss(Batch(x), draws, model.weights(END)).total))
    assert all(tighter < looser - 1e-3 for looser, tighter in pairwise(losses))
    assert losses[-1] > -log_evidence(x).mean() - 0.05


@pytest.mark.parametrize("spread", [0.7, 4.0])
@torch.no_grad()
def test_the_gap_falls_as_half_the_divergence_over_the_samples(spread: float) -> None:
    """k (log p − L_k) → ½ χ²(p‖q); for each of the two dimensions 1 + χ² = v / √(2v − 1)."""
    model, draws, count = linear_model(ImportanceWeighted(300), spread), 300, 5000
    x = rows(1).expand(count, 3)
    found = log_weights(model.forward_pass(Batch(x), noise(count, draws)))[1]
    gap = log_evidence(x) - log_mean_exp(found).numpy()
    # The mean weight over p(x) has expectation 1: adding what it misses takes most of the noise out.
    values = draws * (gap + np.exp(-gap) - 1)
    limit = 0.5 * ((spread / math.sqrt(2 * spread - 1)) ** 2 - 1)
    error = values.std() / math.sqrt(count)
    assert error < 0.03 * limit
    assert abs(values.mean() - limit) < 5 * error + 0.01 * limit
