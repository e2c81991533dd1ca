"""Conditions, exposures and corrupted rows: who is told what."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from scipy import stats

from isthmus.components.corruptions.masking import Masking
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.likelihoods.poisson import Poisson
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.importance_weighted import ImportanceWeighted
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.capacity import Capacity
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.core.progress import END, Progress
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition

from .known_numbers import close, item, values

ROWS, WIDTH, DIM = 5, 4, 2
BLOCK = Block("continuous", 0, WIDTH, (WIDTH,))
COUNTS = Block("count", 0, WIDTH, (WIDTH,), variance=4.0, mean=2.0)
LINEAR = Composition(
    latent_dim=DIM,
    encoder=MLP(hidden=()),
    decoder=MLP(hidden=()),
    latent=Point(),
    prior=StandardNormal(),
    likelihoods=(Gaussian(sigma=0.5, mean="identity"),),
    penalties={},
    objective=PenalisedLikelihood(),
)


def _built(composition: Composition, block: Block = BLOCK, condition_width: int = 0) -> ComposedAutoencoder:
    return composition.build([block], torch.Generator().manual_seed(0), condition_width).double()


def _weights(model: ComposedAutoencoder) -> tuple[np.ndarray, np.ndarray]:
    return model.encoder[0].weight.detach().numpy(), model.decoder[0].weight.detach().numpy()


def corrupted_rows_are_seen_and_clean_ones_asked_for() -> None:
    model = _built(replace(LINEAR, corruption=Masking(rate=0.5)))
    rows, noise = values(ROWS, WIDTH), values(ROWS, WIDTH, seed=1)
    encoder, decoder = _weights(model)
    hidden = np.where(noise.numpy() < 0, 0, rows.numpy())
    for given, seen in ((Noise(corruption=noise), hidden), (None, rows.numpy())):
        terms = model.loss(Batch(rows), given, {})
        fit = stats.norm.logpdf(rows, seen @ encoder.T @ decoder.T, 0.5)
        close(item(terms.parts["reconstruction"]), -fit.sum())
    assert model.draw_noise(ROWS, torch.Generator()).corruption.shape == (ROWS, WIDTH)


def conditions_and_exposures_reach_their_parts() -> None:
    model = _built(replace(LINEAR, likelihoods=(Poisson(),)), COUNTS, condition_width=3)
    rows = torch.tensor([[0, 1, 5, 2], [3, 0, 0, 1], [1, 1, 2, 8], [0, 0, 1, 0], [4, 2, 0, 1]]).double()
    condition, exposure = values(ROWS, 3), values(ROWS, seed=1).exp()
    batch = Batch(rows, extras={"exposure": exposure}, condition=condition)
    encoder, decoder = _weights(model)
    shown = np.log1p(rows.numpy()) / math.log1p(2 + 2)
    code = np.concatenate([shown, condition.numpy()], 1) @ encoder.T
    scores = np.concatenate([code, condition.numpy()], 1) @ decoder.T
    rates = np.exp(scores) * 2.0 * exposure.numpy()[:, None]
    terms = model.loss(batch, None, {})
    close(item(terms.parts["reconstruction"]), -stats.poisson.logpmf(rows, rates).sum(), 1e-5)
    found = model.forward_pass(batch, None)
    close(found.z.detach(), code, 1e-6)
    # What penalties call sees the same.
    close(found.encode(rows).code.detach(), code, 1e-6)
    close(found.decode(found.z).mean.detach(), rates, 1e-5)
    close(model(rows, found.context).detach(), rates, 1e-5)
    twice = model.decode(torch.stack([found.z, 0 * found.z]), found.context).mean
    close(twice[0].detach(), rates, 1e-5)


def observed_totals_are_exposures() -> None:
    model = _built(replace(LINEAR, likelihoods=(Poisson(library="observed"),)), COUNTS)
    rows = torch.tensor([[0, 1, 5, 2], [3, 0, 0, 1]]).double()
    found = model.forward_pass(Batch(rows), None)
    close(found.likelihood.mean.sum(-1).detach(), rows.sum(-1))


def every_draw_has_its_own_noise() -> None:
    composition = replace(LINEAR, latent=GaussianLatent(), objective=ImportanceWeighted(samples=3))
    model = _built(composition)
    rows = values(ROWS, WIDTH)
    noise = model.draw_noise(ROWS, torch.Generator().manual_seed(1))
    assert noise.latent.shape == (ROWS, 3, DIM)
    assert len(noise.latent.unique()) == ROWS * 3 * DIM
    found = model.forward_pass(Batch(rows), noise)
    for draw in range(3):
        wanted = found.posterior.mean + found.posterior.stddev * noise.latent[:, draw]
        close(found.z[draw].detach(), wanted.detach(), 1e-12)
        close(found.likelihood.mean[draw].detach(), model.decode(wanted).mean.detach(), 1e-12)
    whole = model.loss(Batch(rows), noise, model.weights(END))
    pieces = [model.loss(Batch(rows[s]), noise[s], model.weights(END)) for s in (slice(0, 2), slice(2, 5))]
    close(item(whole.total) * ROWS, sum(item(piece.total) * piece.rows for piece in pieces), 1e-12)


def scheduled_numbers_reach_their_penalty() -> None:
    model = _built(replace(LINEAR, latent=GaussianLatent(), penalties={"kl": Capacity(weight=2.0)}))
    progress = Progress(3, 0.2)
    weights = model.weights(progress)
    assert weights == {"kl": 2.0, "kl.target": 10.0}
    found = model.forward_pass(Batch(values(ROWS, WIDTH)), Noise(values(ROWS, DIM)))
    mean, deviation = found.posterior.mean.detach().numpy(), found.posterior.stddev.detach().numpy()
    rate = (0.5 * (mean**2 + deviation**2 - 1) - np.log(deviation)).sum(-1).mean()
    terms = model.loss(Batch(values(ROWS, WIDTH)), Noise(values(ROWS, DIM)), weights)
    close(item(terms.parts["kl"]), ROWS * abs(rate - 10))
    close(item(terms.total), (item(terms.parts["reconstruction"]) + 2 * item(terms.parts["kl"])) / ROWS)
    assert [model.settled(Progress(3, share)) for share in (0.4, 0.6)] == [False, True]
