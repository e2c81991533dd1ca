"""Scores and densities of fitted models."""

from __future__ import annotations

import numpy as np
import torch
from linear_models import known_data, linear_model, log_likelihood_per_row, noise_variance, set_optimum
from scipy import special, stats
from torch import Tensor

from isthmus.components.latents.finite_scalar import FiniteScalar
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.models.composition import Composition
from isthmus.uses.density import RunningWeights, log_likelihood
from isthmus.uses.scoring import log_likelihood_bound, negative_squared_error

from .known_numbers import close, values


class Source:
    """Rows by position, as the uses of a fitted model ask for them."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: slice) -> Batch:
        return Batch(self.rows[index])


@torch.no_grad()
def scores_are_the_bound() -> None:
    """With a decoder and an encoder that ignore their input, every sample gives the exact bound of a row."""
    model = linear_model(3, 2, sigma=0.5)
    mean, log_std = torch.tensor([0.5, -1.0]).double(), torch.tensor([-0.2, 0.3]).double()
    for layer in (model.encoder[0], model.decoder[0]):
        layer.weight.zero_()
        layer.bias.zero_()
    model.encoder[0].bias.copy_(torch.cat([mean, log_std]))
    rows = values(5, 3)
    rate_wanted = float((0.5 * (mean**2 + (2 * log_std).exp() - 1) - log_std).sum())
    wanted = stats.norm.logpdf(rows.numpy(), 0, 0.5).sum(-1) - rate_wanted
    close(log_likelihood_bound(model, Source(rows), seed=0), wanted, 1e-9)
    close(negative_squared_error(model, Source(rows)), -(rows**2).sum(-1), 1e-9)
    # And on average over its samples where they do matter.
    data = known_data(2000)
    model = linear_model(data.width, 2)
    set_optimum(model, data, noise_variance(data, 2))
    scores = log_likelihood_bound(model, Source(data.rows), seed=0)
    close(scores.mean(), log_likelihood_per_row(data, 2), 0.003)


def weights_are_averaged_in_pieces() -> None:
    log_weights = 30 * values(10, 3).numpy() - [0, 500, -500]
    running = RunningWeights(3)
    for piece in (slice(0, 1), slice(1, 4), slice(4, 10)):
        running.add(log_weights[piece])
    close(running.log_mean(), special.logsumexp(log_weights, 0) - np.log(10))
    weights = np.exp(log_weights - log_weights.max(0))
    close(running.standard_error(), weights.std(0, ddof=1) / np.sqrt(10) / weights.mean(0))


def densities_are_exact_where_the_posterior_is() -> None:
    model = linear_model(4, 2, sigma=0.6)
    full = known_data(40, spectrum=(4.0, 2.0, 0.5, 0.2))
    weights = set_optimum(model, full, 0.36)
    rows = full.rows[:3]
    covariance = weights @ weights.T + 0.36 * np.eye(4)
    wanted = stats.multivariate_normal(full.mean, covariance).logpdf(rows.numpy())
    found, error = log_likelihood(model, Source(rows), seed=0, samples=64)
    close(found, wanted, 1e-6)
    close(error, np.zeros(3), 1e-6)


def densities_of_points_pay_for_their_symbols() -> None:
    model = Composition(
        latent_dim=2,
        encoder=MLP(hidden=()),
        decoder=MLP(hidden=()),
        latent=FiniteScalar(levels=4),
        prior=UniformSymbols(),
        likelihoods=(Gaussian(sigma=0.5, mean="identity"),),
        penalties={},
        objective=PenalisedLikelihood(),
    ).build([Block("continuous", 0, 3, (3,))], torch.Generator().manual_seed(0))
    rows = values(2, 3).float()
    with torch.no_grad():
        mean = model(rows).double()
    wanted = stats.norm.logpdf(rows, mean, 0.5).sum(-1) - 2 * np.log(4)
    close(log_likelihood(model, Source(rows), seed=0)[0], wanted, 1e-5)
    close(log_likelihood_bound(model, Source(rows), seed=0), wanted, 1e-5)
