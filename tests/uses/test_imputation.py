"""Filled cells against closed forms: normals conditioned on what is observed, projections, quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import stats

from isthmus import distributions
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.hyperspherical import HypersphericalLatent
from isthmus.components.latents.point import Point
from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.categorical import Categorical
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.full_gaussian import FullGaussian
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.uses import imputation
from isthmus.uses.imputation import completed, drawn
from isthmus.uses.imputation_particles import Normals, Particles, find_modes, walked
from isthmus.uses.imputation_rows import Holes, features_of, repetitions
from isthmus.uses.imputation_target import CodeTarget

from .plain_source import Source

WIDTH, DIM, ROWS, VARIANCE = 6, 3, 40, 0.3


@dataclass(frozen=True)
class Linear:
    """x = W z + m + noise with a known posterior, and rows of it with holes."""

    model: ComposedAutoencoder
    weights: np.ndarray
    mean: np.ndarray
    rows: np.ndarray
    missing: np.ndarray

    @property
    def holes(self) -> Holes:
        values = torch.from_numpy(np.where(self.missing, 99.0, self.rows))  # what hides in holes must not matter
        return Holes(Source(values), self.missing, torch.zeros(WIDTH))

    def conditional(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of p(x_missing | x_observed) of a row."""
        covariance = self.weights @ self.weights.T + VARIANCE * np.eye(WIDTH)
        gone, there = self.missing[row], ~self.missing[row]
        cross = covariance[np.ix_(gone, there)]
        slope = cross @ np.linalg.inv(covariance[np.ix_(there, there)])
        mean = self.mean[gone] + slope @ (self.rows[row, there] - self.mean[there])
        return mean, covariance[np.ix_(gone, gone)] - slope @ cross.T


def composed(blocks, likelihoods, latent=None, prior=None, latent_dim=DIM) -> ComposedAutoencoder:
    stochastic = latent is None or latent.stochastic
    composition = Composition(
        latent_dim=latent_dim,
        encoder=MLP(hidden=()),
        decoder=MLP(hidden=()),
        latent=latent or GaussianLatent(),
        prior=prior or StandardNormal(),
        likelihoods=tuple(likelihoods),
        penalties={"kl": KL()} if stochastic else {},
        objective=PenalisedLikelihood(),
    )
    return composition.build(blocks, torch.Generator().manual_seed(0)).eval()


@pytest.fixture(scope="module")
def linear() -> Linear:
    generator = np.random.default_rng(3)
    weights = generator.normal(size=(WIDTH, DIM)) * [1.5, 1.0, 0.4]
    mean = generator.normal(size=WIDTH)
    rows = generator.normal(size=(ROWS, DIM)) @ weights.T + mean
    rows += math.sqrt(VARIANCE) * generator.normal(size=rows.shape)
    missing = generator.random((ROWS, WIDTH)) < 0.5
    missing[:, 0] |= ~missing.any(1)
    missing[0] = True
    model = composed([Block("continuous", 0, WIDTH, (WIDTH,))], [Gaussian(sigma=math.sqrt(VARIANCE))])
    with torch.no_grad():  # the encoder is left as bad as it is: nothing but the search may depend on it
        model.decoder[0].weight.copy_(torch.from_numpy(weights))
        model.decoder[0].bias.copy_(torch.from_numpy(mean))
    return Linear(model.double(), weights, mean, rows, missing)


PRIOR = StandardNormal().build(DIM)


def test_a_single_fill_is_the_conditional_mean(linear: Linear) -> None:
    found = completed(linear.model, PRIOR, linear.holes, seed=0)
    for row in range(ROWS):
        mean, covariance = linear.conditional(row)
        np.testing.assert_allclose(found[row, linear.missing[row]], mean, atol=2e-3 * np.sqrt(covariance.max()))
    kept = ~linear.missing
    np.testing.assert_array_equal(found[kept], linear.rows[kept].astype(np.float32))


def test_draws_have_the_conditional_mean_and_covariance(linear: Linear) -> None:
    samples = 128
    found = drawn(linear.model, PRIOR, linear.holes, seed=1, samples=samples)
    whitened, inside = [], []
    for row in range(ROWS):
        mean, covariance = linear.conditional(row)
        draws = found[:, row, linear.missing[row]]
        whitened.append(np.linalg.solve(np.linalg.cholesky(covariance), (draws - mean).T))
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        truth = linear.rows[row, linear.missing[row]]
        inside.append((low <= truth) & (truth <= high))
    flat = np.concatenate(whitened)
    assert np.abs(flat.mean(1)).max() * math.sqrt(samples) < 4
    assert flat.mean(1).std() * math.sqrt(samples) < 1.3
    assert abs(np.concatenate([(one @ one.T).diagonal() for one in whitened]).mean() / samples - 1) < 0.03
    cross = np.concatenate([(one @ one.T / samples)[np.triu_indices(len(one), 1)] for one in whitened])
    assert np.abs(cross).max() * math.sqrt(samples) < 4.5
    assert 0.8 <= np.concatenate(inside).mean() <= 0.97  # of 90% intervals, of about 120 cells


def test_without_noise_draws_are_means_at_drawn_codes(linear: Linear) -> None:
    found = drawn(linear.model, PRIOR, linear.holes, seed=1, samples=64, noise=False).astype(np.float64)
    expected, seen = 0.0, 0.0
    for row in range(ROWS):
        mean, covariance = linear.conditional(row)
        expected += np.trace(covariance) - VARIANCE * len(mean)
        seen += np.square(found[:, row, linear.missing[row]] - mean).mean(0).sum()
    assert seen == pytest.approx(expected, rel=0.07)


def test_rows_stand_for_themselves(linear: Linear) -> None:
    order = np.random.default_rng(0).permutation(ROWS)[:11]
    some = Holes(Source(linear.holes.rows.values[order]), linear.missing[order], torch.zeros(WIDTH))
    model = linear.model.float()
    whole = Holes(Source(linear.holes.rows.values.float()), linear.missing, torch.zeros(WIDTH))
    some = Holes(Source(some.rows.values.float()), some.missing, some.guess)
    try:
        np.testing.assert_array_equal(completed(model, PRIOR, some, 0), completed(model, PRIOR, whole, 0)[order])
        np.testing.assert_array_equal(drawn(model, PRIOR, some, 0, 3), drawn(model, PRIOR, whole, 0, 3)[:, order])
        again = Holes(
            Source(torch.where(torch.from_numpy(some.missing), -7.0, some.rows.values)), some.missing, some.guess
        )
        np.testing.assert_array_equal(drawn(model, PRIOR, again, 0, 2), drawn(model, PRIOR, some, 0, 2))
    finally:
        model.double()


def test_equal_rows_get_different_draws_but_one_single_fill(linear: Linear) -> None:
    values = torch.from_numpy(np.repeat(linear.rows[:1], 300, 0))
    holes = Holes(Source(values), np.ones((300, WIDTH), dtype=bool), torch.zeros(WIDTH))
    assert sorted(repetitions(linear.model, holes, 64, 0)) == list(range(300))
    draws = drawn(linear.model, PRIOR, holes, 0, 1)[0]
    covariance = linear.weights @ linear.weights.T + VARIANCE * np.eye(WIDTH)
    assert len(np.unique(draws[:, 0])) == 300
    np.testing.assert_allclose(draws.var(0), covariance.diagonal(), rtol=0.35)  # of the prior: nothing is observed
    single = completed(linear.model, PRIOR, holes, 0)
    assert (single == single[0]).all()
    np.testing.assert_allclose(single[0], linear.mean, atol=1e-5)


def test_the_density_of_the_codes_counts(linear: Linear) -> None:
    """p(z) = N(μ, LLᵀ) shifts and shrinks the conditional as the closed form says."""
    density = FullGaussian().build(DIM)
    center = torch.tensor([1.0, -2.0, 0.5])
    factor = torch.tensor([[0.5, 0.0, 0.0], [0.2, 0.7, 0.0], [0.0, 0.1, 2.0]])
    with torch.no_grad():
        density.mean.copy_(center)
        density.log_diagonal.copy_(factor.diagonal().log())
        density.lower.copy_(factor.tril(-1))
    moved = Linear(
        linear.model,
        linear.weights @ factor.double().numpy(),
        linear.mean + linear.weights @ center.double().numpy(),
        linear.rows,
        linear.missing,
    )
    found = completed(linear.model, density, linear.holes, seed=0)
    for row in range(ROWS):
        mean, covariance = moved.conditional(row)
        np.testing.assert_allclose(found[row, linear.missing[row]], mean, atol=5e-3 * np.sqrt(covariance.max()))


def grid_posterior(log_joint, span=6.0, steps=4001):
    z = torch.linspace(-span, span, steps, dtype=torch.float64)[:, None]
    logs = log_joint(z)
    return z, torch.softmax(logs, 0)


@pytest.mark.parametrize("kind", ["levels", "coins"])
def test_levels_and_coins_against_quadrature(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One latent dimension: the posterior of the missing levels by summing over a grid of codes."""
    monkeypatch.setattr(imputation, "MOST_ROWS", 1)
    if kind == "levels":
        blocks = [Block("continuous", 0, 1, (1,)), Block("categorical", 1, 7, (6,), cardinality=3)]
        model = composed(blocks, [Gaussian(sigma=0.5), Categorical()], latent_dim=1)
        row, missing = [0.8, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [[False, False, True]]
    else:
        blocks = [Block("binary", 0, 5, (5,))]
        model = composed(blocks, [Bernoulli()], latent_dim=1)
        row, missing = [1.0, 0.0, 1.0, 1.0, 0.0], [[False, False, False, True, True]]
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.copy_(2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))
    model = model.double()
    values, known = torch.tensor([row]).double(), features_of(~torch.tensor(missing), model.blocks)
    holes = Holes(Source(values), np.array(missing), torch.full((len(row),), 0.3))

    def log_joint(z):
        terms = distributions.log_prob_by_column(model.decode(z), values.expand(len(z), -1))
        return torch.where(~torch.tensor(missing), terms, 0.0).sum(-1) - 0.5 * z.square().sum(-1)

    z, weights = grid_posterior(log_joint)
    expected = (weights[:, None] * model.decode(z).mean).sum(0)
    prior = StandardNormal().build(1)
    found = completed(model, prior, holes, 0, effort=8)[0]
    np.testing.assert_allclose(found[~known[0].numpy()], expected[~known[0]].detach(), atol=0.02)
    draws = drawn(model, prior, holes, 0, 192)[:, 0, ~known[0].numpy()]
    assert set(np.unique(draws)) == {0.0, 1.0}
    np.testing.assert_allclose(draws.mean(0), expected[~known[0]].detach(), atol=0.1)


def test_codes_on_a_circle_against_quadrature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imputation, "MOST_ROWS", 1)
    model = composed(
        [Block("continuous", 0, 4, (4,))], [Gaussian(sigma=0.7)], HypersphericalLatent(), UniformSphere(), latent_dim=2
    )
    with torch.no_grad():
        model.decoder[0].weight.copy_(torch.tensor([[1.0, 0.2], [0.3, -1.0], [2.0, 1.0], [-1.0, 1.5]]))
    model = model.double()
    values = torch.tensor([[0.6, -0.4, 0.0, 0.0]]).double()
    missing = np.array([[False, False, True, True]])
    holes = Holes(Source(values), missing, torch.zeros(4))
    angle = torch.linspace(0, 2 * math.pi, 2001, dtype=torch.float64)[:-1]
    decoded = model.decode(torch.stack([angle.cos(), angle.sin()], -1)).mean.detach()
    weights = torch.softmax(-(decoded[:, :2] - values[:, :2]).square().sum(-1) / (2 * 0.49), 0)
    expected = (weights[:, None] * decoded[:, 2:]).sum(0)
    prior = UniformSphere().build(2)
    np.testing.assert_allclose(completed(model, prior, holes, 0, effort=12)[0, 2:], expected, atol=0.05)
    draws = drawn(model, prior, holes, 0, 128)[:, 0, 2:]
    np.testing.assert_allclose(draws.mean(0), expected, atol=0.3)


def test_a_deterministic_linear_code_gives_the_projection() -> None:
    """x_missing that makes the squared error least: (I − P)_mm x_m = P_mo x_o, of centred rows."""
    model = composed([Block("continuous", 0, WIDTH, (WIDTH,))], [Gaussian(sigma=1.0)], Point(), latent_dim=2).double()
    generator = np.random.default_rng(0)
    basis = np.linalg.qr(generator.normal(size=(WIDTH, 2)))[0]
    with torch.no_grad():
        model.encoder[0].weight.copy_(torch.from_numpy(basis.T))
        model.encoder[0].bias.zero_()
        model.decoder[0].weight.copy_(torch.from_numpy(basis))
        model.decoder[0].bias.zero_()
    rows, missing = generator.normal(size=(5, WIDTH)), np.zeros((5, WIDTH), dtype=bool)
    missing[:, [1, 4]] = True
    found = completed(model, PRIOR, Holes(Source(torch.from_numpy(rows)), missing, torch.zeros(WIDTH)), 0)
    projection = basis @ basis.T
    gone, there = [1, 4], [0, 2, 3, 5]
    expected = np.linalg.solve(
        np.eye(2) - projection[np.ix_(gone, gone)], projection[np.ix_(gone, there)] @ rows[:, there].T
    ).T
    np.testing.assert_allclose(found[:, gone], expected, atol=2e-4)
    with pytest.raises(ParameterError, match=r"fixed scale.*likelihood=Gaussian\(\)"):
        drawn(model, PRIOR, Holes(Source(torch.from_numpy(rows)), missing, torch.zeros(WIDTH)), 0, 2)


def test_resampling_and_walking_keep_the_posterior(linear: Linear) -> None:
    """Chains that start from exact draws of a normal posterior still have its covariance after the walk."""
    row = int(np.flatnonzero(linear.missing.sum(1) == 3)[0])
    features, observed = torch.from_numpy(linear.rows[row : row + 1]), torch.from_numpy(~linear.missing[row : row + 1])
    target = CodeTarget(linear.model, PRIOR.double()(), features, observed, None)
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    with torch.no_grad():
        normals = find_modes(target, normal(2, 1, DIM) * 3)
        there = linear.weights[~linear.missing[row]]
        precision = np.eye(DIM) + there.T @ there / VARIANCE
        np.testing.assert_allclose(normals.factor[0, 0] @ normals.factor[0, 0].T, precision, rtol=1e-4, atol=1e-4)
        y = normals.place(normal(3000, 2, 1, DIM))[:, 0]
        moved = walked(
            target, y, normals, normal(20, 3000, 1, DIM), torch.rand(20, 3000, 1, generator=generator).double()
        )
    assert float((moved == y).all(-1).double().mean()) < 0.05
    np.testing.assert_allclose(np.cov(moved[:, 0].T), np.linalg.inv(precision), atol=0.06)
    np.testing.assert_allclose(moved[:, 0].mean(0), normals.center[0, 0], atol=0.06)


def test_particles_are_resampled_by_their_weights() -> None:
    y = torch.arange(4.0).double()[:, None, None]
    weights = torch.tensor([0.1, 0.0, 0.6, 0.3]).double()[:, None]
    normals = Normals(y[:1], torch.ones(1, 1, 1, 1).double())
    uniform = torch.linspace(0.0005, 0.9995, 1000).double()[:, None]
    counts = torch.bincount(Particles(y, weights, normals).chosen(uniform)[:, 0, 0].long(), minlength=4)
    assert counts.tolist() == [100, 0, 600, 300]


def test_normals_have_the_density_of_scipy() -> None:
    generator = torch.Generator().manual_seed(0)
    center, points = (
        torch.randn(2, 1, 3, generator=generator).double(),
        torch.randn(5, 1, 3, generator=generator).double(),
    )
    factor = torch.tril(torch.rand(2, 1, 3, 3, generator=generator).double()) + torch.eye(3)
    found = Normals(center, factor).log_prob(points)
    for mode in range(2):
        covariance = np.linalg.inv(factor[mode, 0] @ factor[mode, 0].T)
        expected = stats.multivariate_normal(center[mode, 0], covariance).logpdf(points[:, 0])
        np.testing.assert_allclose(found[mode, :, 0], expected, atol=1e-10)
