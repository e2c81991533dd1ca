"""Rows with holes: what the encoder sees, what the loss covers, and what noise scales are learnt of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from linear_models import linear_model
from scipy import stats

from isthmus.components.corruptions.hiding import Hiding
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.base import LikelihoodModule
from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.categorical import Categorical
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.likelihoods.laplace import Laplace
from isthmus.components.likelihoods.negative_binomial import NegativeBinomial
from isthmus.components.likelihoods.poisson import Poisson
from isthmus.components.likelihoods.student_t import StudentT
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.importance_weighted import ImportanceWeighted
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.noise import Noise
from isthmus.core.progress import END
from isthmus.distributions import DiagonalNormal, Observed, kl_divergence
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.uses.calibration import calibrate_likelihood
from isthmus.uses.scoring import column_terms, log_likelihood_bound, negative_squared_error

from .known_numbers import close, item, values

ROWS, SIGMA = 4, 0.5
BLOCKS = (
    Block("continuous", 0, 2, (2,)),
    Block("count", 2, 3, (1,), variance=4.0, mean=2.0),
    Block("categorical", 3, 9, (6,), cardinality=3),
    Block("missing", 9, 11, (2,), of=(1, 4)),
)
NUMBERS = torch.tensor([[0.5, -1.0, 3.0], [1.5, 7.0, 0.0], [-0.3, 0.2, 1.0], [0.1, 0.4, 2.0]], dtype=torch.float64)
LEVELS = torch.tensor([[0, 2], [1, 1], [2, -1], [0, 0]], dtype=torch.int32)
PRESENT = torch.ones(ROWS, 7, dtype=torch.bool)
PRESENT[1, 1] = PRESENT[1, 2] = PRESENT[2, 4] = PRESENT[3, 0] = False
WHOLE = np.array(
    [
        [0.5, -1.0, 3.0, 1, 0, 0, 0, 0, 1, 0, 0],
        [1.5, 0.0, 0.0, 0, 1, 0, 0, 1, 0, 1, 0],
        [-0.3, 0.2, 1.0, 0, 0, 1, 0, 0, 0, 0, 1],
        [0.0, 0.4, 2.0, 1, 0, 0, 1, 0, 0, 0, 0],
    ]
)
OF_FEATURE = [0, 1, 2, 3, 3, 3, 4, 4, 4, 5, 6]
BATCH = Batch(NUMBERS, PRESENT, levels=LEVELS)
MIXED = Composition(
    latent_dim=2,
    encoder=MLP(hidden=()),
    decoder=MLP(hidden=()),
    latent=Point(),
    prior=StandardNormal(),
    likelihoods=(Gaussian(sigma=SIGMA), Poisson(), Categorical(), Bernoulli()),
    penalties={},
    objective=PenalisedLikelihood(),
)


class _Source:
    """Rows as uses of a model read them."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return len(self.batch)

    def take(self, index: slice | torch.Tensor) -> Batch:
        return self.batch.rows(index)


def _mixed(**parts: object) -> ComposedAutoencoder:
    return replace(MIXED, **parts).build(BLOCKS, torch.Generator().manual_seed(0)).double()  # type: ignore[arg-type]


def _code(model: ComposedAutoencoder, visible: np.ndarray) -> np.ndarray:
    """The linear code of WHOLE, of which these cells (n, 7) are seen."""
    shown = WHOLE.copy()
    shown[:, 2] = np.log1p(shown[:, 2]) / math.log1p(2 + 2)
    weight = model.encoder[0].weight.detach().numpy()[:2]
    return np.concatenate([shown * visible[:, OF_FEATURE], visible], 1) @ weight.T


def _log_prob(model: ComposedAutoencoder, code: np.ndarray) -> np.ndarray:
    """log p of each cell of WHOLE, (n, 7), by scipy."""
    found = code @ model.decoder[0].weight.detach().numpy().T
    logits = found[:, 3:9].reshape(-1, 2, 3)
    levels = (logits - np.logaddexp.reduce(logits, -1, keepdims=True)) * WHOLE[:, 3:9].reshape(-1, 2, 3)
    chances = 1 / (1 + np.exp(-found[:, 9:]))
    return np.concatenate(
        [
            stats.norm.logpdf(WHOLE[:, :2], found[:, :2], SIGMA),
            stats.poisson.logpmf(WHOLE[:, 2:3], 2.0 * np.exp(found[:, 2:3])),
            levels.sum(-1),
            stats.bernoulli.logpmf(WHOLE[:, 9:], chances),
        ],
        1,
    )


def absent_cells_are_not_seen_and_not_asked_for() -> None:
    model, present = _mixed(), PRESENT.numpy()
    assert model.inputs.width == 11 + 7
    close(model.features(BATCH), WHOLE, 1e-12)
    close(model.features(Batch(torch.from_numpy(WHOLE))), WHOLE, 0)
    terms = model.loss(BATCH, None, {})
    code = _code(model, present)
    cells = np.where(present, _log_prob(model, code), 0)
    close(item(terms.parts["reconstruction"]), -cells.sum(), 1e-6)
    found = model.forward_pass(BATCH, None)
    close(found.z.detach(), code, 1e-6)
    model.begin(BATCH, ROWS, torch.Generator())
    close(model.likelihood.parts[1].offset.exp(), [(3 + 1 + 2) / 3], 1e-6)
    model.likelihood.parts[1].offset.fill_(math.log(2.0))
    # What penalties call, and what uses call, sees and covers the same.
    features = found.features
    close(found.encode(features).code.detach(), code, 1e-6)
    close(found.decode(found.z).log_prob(features).detach(), cells.sum(1), 1e-6)
    error = np.where(present[:, OF_FEATURE], WHOLE - model(features, found.context).detach().numpy(), 0) ** 2
    source = _Source(BATCH.rows(slice(None)))
    close(negative_squared_error(model, source), -error.sum(1), 1e-6)
    by_column = np.stack([error[:, [f for f in range(11) if OF_FEATURE[f] == c]].sum(1) for c in range(7)], 1)
    by_column[:, [1, 4]] += by_column[:, 5:]
    close(column_terms(model, source, 0), by_column[:, :5], 1e-6)


def what_is_stored_in_absent_cells_does_not_show() -> None:
    model, levels, numbers = _mixed(), LEVELS.clone(), NUMBERS.clone()
    levels[2, 1], numbers[3, 0] = 1, 7.5
    found = model.features(Batch(numbers, PRESENT, levels=levels))
    close(found, model.features(Batch(torch.where(PRESENT[:, :3], numbers, 0.0), PRESENT, levels=LEVELS)))


def what_is_missing_unknown_and_seen_are_three_states() -> None:
    model = _mixed()
    visible = PRESENT.clone()
    visible[0, [1, 3]] = False  # not known whether they are there
    visible[0, 5] = False
    found = model.forward_pass(Batch(NUMBERS, PRESENT, visible, levels=LEVELS), None)
    close(found.z.detach(), _code(model, visible.numpy()), 1e-6)
    cells = _log_prob(model, found.z.detach().numpy())
    close(found.likelihood.log_prob(found.features).detach(), np.where(PRESENT.numpy(), cells, 0).sum(1), 1e-6)
    # A level that training did not see is no hole.
    unseen = Batch(NUMBERS, PRESENT, torch.ones_like(PRESENT), levels=LEVELS)
    close(model.features(unseen)[:, 9:], np.zeros((ROWS, 2)), 0)
    whole = Batch(NUMBERS[:1], levels=LEVELS[:1])
    close(model.features(whole), WHOLE[:1], 0)
    close(model.forward_pass(whole, None).z.detach(), _code(model, np.ones((ROWS, 7)))[:1], 1e-6)
    unknown = Batch(NUMBERS[:1], levels=torch.tensor([[-1, 2]], dtype=torch.int32))
    close(model.features(unknown)[0, 3:9], [0, 0, 0, 0, 0, 1], 0)
    nothing = model.encode(model.features(BATCH), replace(found.context, visible=torch.zeros_like(PRESENT)))
    close(nothing.code.detach(), np.zeros((ROWS, 2)), 0)


def hidden_cells_are_asked_for_where_the_code_is_a_point() -> None:
    for latent in (Point(), GaussianLatent()):
        _check_hidden(_mixed(corruption=Hiding(), latent=latent))


def _check_hidden(model: ComposedAutoencoder) -> None:
    noise = values(ROWS, 6)
    noise[:, 0] = torch.tensor([2.0, -1.0, 1.0, 0.3])
    uniform = stats.norm.sf(noise[:, :1].numpy())
    rate = np.where(uniform < 0.5, 2 * uniform, 0)
    hidden = stats.norm.cdf(noise[:, 1:].numpy()) < rate
    hidden = np.concatenate([hidden, hidden[:, [1, 4]]], 1)
    assert hidden.any()
    assert not hidden[1].any()
    found = model.forward_pass(BATCH, Noise(corruption=noise))
    code = _code(model, PRESENT.numpy() & ~hidden)
    close(found.z.detach(), code, 1e-6)
    close(found.encode(found.features).code.detach(), code, 1e-6)
    asked = PRESENT.numpy() & ~hidden if model.stochastic else PRESENT.numpy()
    cells = np.where(asked, _log_prob(model, code), 0)
    close(found.likelihood.log_prob(found.features).detach(), cells.sum(1), 1e-6)
    close(item(model.loss(BATCH, Noise(corruption=noise), {}).parts["reconstruction"]), -cells.sum(), 1e-6)
    assert model.draw_noise(ROWS, torch.Generator()).corruption.shape == (ROWS, 6)


def rows_without_indicators_can_have_hidden_cells() -> None:
    plain = replace(MIXED, likelihoods=(Gaussian(sigma=SIGMA),), corruption=Hiding(share=1.0))
    model = plain.build(BLOCKS[:1], torch.Generator().manual_seed(0)).double()
    noise = torch.tensor([[-0.5, -2.0, 2.0]]).double()
    found = model.forward_pass(Batch(NUMBERS[:1, :2]), Noise(corruption=noise))
    weight = model.encoder[0].weight.detach().numpy()
    close(found.z.detach(), np.array([[0, -1.0, 0, 1]]) @ weight.T, 1e-12)
    close(model.encode(NUMBERS[:1, :2]).code.detach(), np.array([[0.5, -1.0, 1, 1]]) @ weight.T, 1e-12)


def every_draw_covers_the_present_cells() -> None:
    model = _mixed(latent=GaussianLatent(), objective=ImportanceWeighted(samples=3))
    noise = values(ROWS, 3, 2)
    found = model.forward_pass(BATCH, Noise(noise))
    assert isinstance(found.likelihood, Observed)
    log_weights = []
    for draw in range(3):
        z = found.z[draw]
        cells = np.where(PRESENT.numpy(), _log_prob(model, z.detach().numpy()), 0).sum(1)
        q = found.posterior.log_prob(z).detach().numpy()
        log_weights.append(cells + stats.norm.logpdf(z.detach().numpy()).sum(1) - q)
    bound = np.logaddexp.reduce(log_weights, 0) - math.log(3)
    terms = model.loss(BATCH, Noise(noise), model.weights(END))
    close(item(terms.total), -bound.mean(), 1e-6)


def the_bound_is_the_log_likelihood_of_what_is_present() -> None:
    """With the exact posterior; each feature loads on one of two factors, so that it factorises whatever is present."""
    model = linear_model(4, 2, sigma=0.7)
    loadings = np.array([[1.2, 0], [-0.8, 0], [0, 0.5], [0, 1.5]])
    offset, rows = values(4, seed=3).numpy(), values(5, 4)
    with torch.no_grad():
        model.decoder[0].weight.copy_(torch.from_numpy(loadings))
        model.decoder[0].bias.copy_(torch.from_numpy(offset))
    present = torch.tensor([[1, 1, 1, 1], [0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]).bool()
    seen = present.numpy()
    precision = 1 + seen @ loadings**2 / 0.49
    mean = (np.where(seen, rows.numpy() - offset, 0) @ loadings) / 0.49 / precision
    posterior = DiagonalNormal(torch.from_numpy(mean), torch.from_numpy(-0.5 * np.log(precision)))
    # Quadratics have the expectation of these four points.
    points = math.sqrt(2) * torch.tensor([[1.0, 0], [-1.0, 0], [0, 1.0], [0, -1.0]], dtype=torch.float64)
    batch, bound = Batch(rows, present), np.zeros(5)
    for point in points:
        found = model.pass_of(posterior, batch, Noise(point.expand(5, 2)))
        bound += found.likelihood.log_prob(found.features).detach().numpy() / 4
    bound -= kl_divergence(posterior, found.prior, found.z).numpy()
    covariance = loadings @ loadings.T + 0.49 * np.eye(4)
    for row, cells in enumerate(seen):
        there = np.flatnonzero(cells)
        wanted = 0.0
        if len(there):
            normal = stats.multivariate_normal(offset[there], covariance[np.ix_(there, there)])
            wanted = normal.logpdf(rows[row].numpy()[there])
        close(bound[row], wanted, 1e-6)
    assert np.isfinite(log_likelihood_bound(model, _Source(batch), 0)).all()


def noise_scales_are_those_of_present_cells() -> None:
    block, x, mean = Block("continuous", 0, 3, (3,)), values(6, 3), values(6, 3, seed=1)
    present = torch.tensor([[1, 1, 0], [0, 1, 0], [1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]).bool()
    error = np.where(present, (x - mean).numpy(), np.nan)
    squared = np.append(np.nanmean(error[:, :2] ** 2, 0), 1.0)  # of the last feature nothing is known
    for spec, wanted in (
        (Gaussian(), np.nanmean(error**2)),
        (Gaussian(sigma="per-feature"), squared),
        (Laplace(), np.nanmean(np.abs(error))),
    ):
        module: LikelihoodModule = spec.build(block).double()
        name, before = next(iter(module.named_buffers()))
        before = before.clone()
        found = module.updates(module(mean), x, present)[name]
        close(found, 0.95 * before.numpy() + 0.05 * wanted, 1e-6)
        several = module(torch.stack([mean, mean]))
        close(module.updates(several, x, present)[name], found, 1e-12)
        statistics = module.statistics(several, x, present)
        module.calibrate(statistics, 6, present.sum(0).double())
        close(module.get_buffer(name), wanted, 1e-6)
        module.calibrate(0 * statistics, 6, torch.zeros(3).double())
        close(module.get_buffer(name), wanted, 1e-6)
        module.begin(torch.where(present, x, 0.0), None, present)
    assert module.varies.tolist() == [True, True, False]  # type: ignore[union-attr]
    student = StudentT().build(block).double()
    student.calibrate(student.statistics(student(mean), x, present), 6, present.sum(0).double())
    scale = float(student.squared_scale)
    cells = error[~np.isnan(error)] ** 2
    close(np.mean(5 * cells / (4 + cells / scale)), scale, 1e-4)


def counts_begin_with_present_cells() -> None:
    x = torch.tensor([[2.0, 0, 9], [4, 3, 0], [0, 5, 0], [6, 0, 0]]).double()
    present = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 1, 0], [1, 0, 0]]).bool()
    x = torch.where(present, x, 0.0)
    exposure = torch.tensor([[1.0], [2.0], [3.0], [4.0]]).double()
    module = NegativeBinomial().build(Block("count", 0, 3, (3,), mean=2.0)).double()
    module.begin(x, exposure, present)
    rates = np.array([12 / 7, 8 / 6, 9 / 1])
    close(module.offset.exp(), rates, 1e-6)
    means = np.where(present, rates * exposure.numpy(), 0)
    excess, squares = ((x.numpy() - means) ** 2 - means).sum(0), (means**2).sum(0)
    theta = np.where(excess > 0, squares / np.where(excess > 0, excess, 1), 100).clip(0.01, 100)
    close(module.log_inverse_dispersion.detach().exp(), theta, 1e-6)


def calibration_counts_present_cells() -> None:
    model = linear_model(3, 1, stochastic=False)
    rows = values(5000, 3)
    present = values(5000, 3, seed=5) > -0.5
    present[:4096] |= torch.tensor([False, True, True])
    batch = Batch(rows, present)
    calibrate_likelihood(model, _Source(batch), torch.arange(5000), 0)
    seen = torch.where(present, rows, 0.0)
    error = (rows - model(seen).detach())[present]
    close(model.likelihood.parts[0].variance, error.square().mean(), 1e-9)

    class Mixed(_Source):
        """The first rows have no holes, and say nothing of it."""

        def take(self, index: slice | torch.Tensor) -> Batch:
            found = super().take(index)
            return found if len(found) < 4096 else Batch(found.values)

    calibrate_likelihood(model, Mixed(batch), torch.arange(5000), 0)
    present[:4096] = True
    error = (rows - model(torch.where(present, rows, 0.0)).detach())[present]
    close(model.likelihood.parts[0].variance, error.square().mean(), 1e-9)
