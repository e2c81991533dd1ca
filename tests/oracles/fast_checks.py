"""Compact exact checks of everything that makes up a loss: what a seeded bug must not survive.

Each takes a fraction of a second and raises AssertionError. They are the tests of ``test_compact_checks.py`` and the
judges of ``test_mutations.py``; they import nothing at call time that would slow a forked process down.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from linear_models import (
    calibrate,
    exact_loss,
    known_data,
    linear_model,
    log_likelihood_per_row,
    noise_variance,
    rate,
    set_optimum,
)
from scipy import stats
from torch import Tensor

from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.gaussian import MOMENTUM, Gaussian
from isthmus.components.likelihoods.per_column import PerColumn
from isthmus.components.penalties.kl import KL
from isthmus.components.priors.full_gaussian import FullGaussian
from isthmus.components.priors.mixture import Mixture
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.loss_terms import LossTerms
from isthmus.core.noise import Noise
from isthmus.core.progress import START, Progress
from isthmus.core.schedule import CosineSchedule, CyclicalSchedule, LinearSchedule
from isthmus.distributions import (
    DiagonalNormal,
    FullNormal,
    IndependentBernoulli,
    IsotropicNormal,
    Joint,
    NormalMixture,
    PointMass,
    StandardNormal,
    kl_divergence,
)
from isthmus.uses.scoring import log_likelihood_bound, negative_squared_error


def values(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + sum(shape)), dtype=torch.float64)


def triangle(*shape: int) -> Tensor:
    return (0.4 * values(*shape)).tril(-1) + torch.diag_embed((0.4 * values(*shape[:-1], seed=1)).exp())


def item(scalar: Tensor) -> float:
    return float(scalar.detach())


def close(got: object, wanted: object, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(got, dtype=np.float64), np.asarray(wanted), rtol=tolerance, atol=tolerance)


def densities_are_those_of_scipy() -> None:
    x, mean, log_std = values(5, 3), values(5, 3, seed=1), 0.3 * values(5, 3, seed=2)
    close(StandardNormal(3).log_prob(x), stats.norm.logpdf(x.numpy()).sum(-1))
    close(DiagonalNormal(mean, log_std).log_prob(x), stats.norm.logpdf(x, mean, log_std.exp()).sum(-1))
    variance = torch.tensor(0.37, dtype=torch.float64)
    close(IsotropicNormal(mean, variance).log_prob(x), stats.norm.logpdf(x, mean, math.sqrt(0.37)).sum(-1))
    center, factor = values(3, seed=3), triangle(3, 3)
    full = stats.multivariate_normal(center.numpy(), (factor @ factor.T).numpy())
    close(FullNormal(center, factor).log_prob(x), full.logpdf(x))
    coin = (x > 0).double()
    close(IndependentBernoulli(mean).log_prob(coin), stats.bernoulli.logpmf(coin, torch.sigmoid(mean)).sum(-1))
    weights, centers, factors = torch.tensor([0.2, 0.8], dtype=torch.float64), values(2, 3, seed=4), triangle(2, 3, 3)
    mixed = sum(
        w * stats.multivariate_normal(m.numpy(), (f @ f.T).numpy()).pdf(x)
        for w, m, f in zip(weights.tolist(), centers, factors, strict=True)
    )
    close(NormalMixture(weights.log(), centers, factors).log_prob(x), np.log(mixed))
    joint = Joint([(0, 1, StandardNormal(1)), (1, 3, IndependentBernoulli(mean[:, 1:]))])
    both = torch.cat([x[:, :1], coin[:, 1:]], -1)
    expected = stats.norm.logpdf(x[:, 0].numpy()) + stats.bernoulli.logpmf(
        coin[:, 1:].numpy(), torch.sigmoid(mean[:, 1:]).numpy()
    ).sum(-1)
    close(joint.log_prob(both), expected)
    close(PointMass(mean).log_prob(mean), np.zeros(5))
    close(DiagonalNormal(mean, log_std).entropy(), stats.norm.entropy(mean, log_std.exp()).sum(-1))


def divergences_are_those_of_quadrature() -> None:
    """Gauss-Hermite points integrate log-densities of normals, which are quadratic, exactly."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    grid = torch.from_numpy(np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 1, 2))
    shares = torch.from_numpy(np.outer(weights, weights).reshape(-1, 1) / (2 * math.pi))
    q = DiagonalNormal(values(5, 2), 0.5 * values(5, 2, seed=1))
    points = q.mean + q.log_std.exp() * grid.expand(-1, 5, 2)
    priors = [
        StandardNormal(2),
        DiagonalNormal(values(5, 2, seed=2), 0.5 * values(5, 2, seed=3)),
        FullNormal(values(2, seed=4), triangle(2, 2)),
    ]
    for p in priors:
        integrand = torch.stack([q.log_prob(z) - p.log_prob(z) for z in points])
        close(kl_divergence(q, p), (shares * integrand).sum(0))
    mixture = NormalMixture(torch.tensor([0.5, 0.5]).double().log(), values(2, 2), triangle(2, 2, 2))
    z = q.sample(values(5, 2, seed=9))
    close(kl_divergence(q, mixture, z), q.log_prob(z) - mixture.log_prob(z))
    try:
        kl_divergence(q, mixture)
    except TypeError:
        pass
    else:
        raise AssertionError("a divergence without closed form was given without a sample")


def samples_have_the_moments_of_their_distribution() -> None:
    mean, log_std = values(1, 2), 0.5 * values(1, 2, seed=1)
    generator = torch.Generator().manual_seed(0)
    n = 20_000
    sampled = DiagonalNormal(mean, log_std).sample(values(n, 2))
    cases = [
        (sampled, mean, torch.diag_embed((2 * log_std).exp())[0]),
        (
            DiagonalNormal(mean.expand(n, 2), log_std.expand(n, 2)).draw(n, generator),
            mean,
            (2 * log_std[0]).exp().diag(),
        ),
        (StandardNormal(2, dtype=torch.float64).draw(n, generator), torch.zeros(2), torch.eye(2)),
        (IsotropicNormal(mean.expand(n, 2), torch.tensor(0.3)).draw(n, generator), mean, 0.3 * torch.eye(2)),
    ]
    factor = triangle(2, 2)
    cases.append((FullNormal(mean[0], factor).draw(n, generator), mean, factor @ factor.T))
    single = NormalMixture(torch.zeros(1).double(), mean, factor[None])
    cases.append((single.draw(n, generator), mean, factor @ factor.T))
    for drawn, center, covariance in cases:
        close(drawn.mean(0), center.reshape(-1), 0.05)
        close(torch.cov(drawn.T), covariance, 0.08)
    weighted = NormalMixture(
        torch.tensor([0.25, 0.75]).double().log(),
        torch.tensor([[-9.0], [9.0]]).double(),
        factor[:1, :1].expand(2, 1, 1),
    )
    close((weighted.draw(n, generator) > 0).double().mean(), 0.75, 0.02)
    logits = values(1, 2)
    coins = IndependentBernoulli(logits.expand(n, 2))
    close(coins.draw(n, generator).mean(0), torch.sigmoid(logits)[0], 0.03)
    close(coins.mean[:1], torch.sigmoid(logits))
    close(coins.mode[0], (logits[0] > 0).double())


def the_bound_at_the_optimum_is_the_log_likelihood() -> None:
    data = known_data(40)
    for q in (1, 3):
        model = linear_model(data.width, q)
        set_optimum(model, data, noise_variance(data, q))
        terms = exact_loss(model, data.rows)
        close(-item(terms.total), log_likelihood_per_row(data, q), 1e-11)
        variance = noise_variance(data, q)
        close(rate(model, data.rows), 0.5 * np.log(data.eigenvalues[:q] / variance).sum(), 1e-11)
        close(model.encode(data.rows[:1]).stddev[0].detach() ** 2, variance / data.eigenvalues[:q], 1e-11)
        # At the optimum every gradient vanishes, and the calibrated variance stays where it is.
        terms.total.backward()
        for parameter in model.parameters():
            close(parameter.grad, np.zeros(parameter.shape), 1e-9)
        calibrate(model, data.rows)
        close(model.likelihood.parts[0].variance, variance, 1e-11)
        close(model.likelihood.parts[0].sigma, math.sqrt(variance), 1e-11)


def the_rotated_optimum_loses_what_correlations_cost() -> None:
    data, q = known_data(40), 2
    variance = noise_variance(data, q)
    angle = 0.7
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    model = linear_model(data.width, q)
    weights = set_optimum(model, data, variance, rotation=rotation)
    precision = np.eye(q) + weights.T @ weights / variance
    lost = 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])
    close(-item(exact_loss(model, data.rows).total), log_likelihood_per_row(data, q) - lost, 1e-11)


def the_weighted_bound_at_its_optimum() -> None:
    data, q, beta, variance = known_data(40), 4, 2.5, 0.5
    model = linear_model(data.width, q, sigma=math.sqrt(variance), beta=beta)
    set_optimum(model, data, variance, beta)
    water = beta * variance
    terms = exact_loss(model, data.rows)
    rate_wanted = 0.5 * np.log(np.clip(data.eigenvalues[:q] / water, 1, None)).sum()
    error_wanted = np.minimum(data.eigenvalues, water)[:q].sum() + data.eigenvalues[q:].sum()
    close(item(terms.parts["kl"]) / terms.rows, rate_wanted, 1e-11)
    reconstruction = 0.5 * (data.width * math.log(2 * math.pi * variance) + error_wanted / variance)
    close(item(terms.parts["reconstruction"]) / terms.rows, reconstruction, 1e-11)
    close(item(terms.total), reconstruction + beta * rate_wanted, 1e-11)
    terms.total.backward()
    for parameter in model.parameters():
        close(parameter.grad, np.zeros(parameter.shape), 1e-9)
    assert not exact_loss(model, data.rows).updates, "a fixed variance must not be updated"


def losses_are_sums_over_rows() -> None:
    data = known_data(24)
    model = linear_model(data.width, 2)
    noise = Noise(values(24, 2))
    weights = {"kl": 0.3}
    whole = model.loss(Batch(data.rows), noise, weights)
    pieces = [model.loss(Batch(data.rows[s]), noise[s], weights) for s in (slice(0, 5), slice(5, 24))]
    for name, part in whole.parts.items():
        close(item(part), sum(item(piece.parts[name]) for piece in pieces), 1e-12)
    assert (whole.rows, [piece.rows for piece in pieces]) == (24, [5, 19])
    close(item(whole.total), (item(whole.parts["reconstruction"]) + 0.3 * item(whole.parts["kl"])) / 24, 1e-12)
    one = torch.tensor(1.0, dtype=torch.float64)
    close(LossTerms({"a": one, "b": 3 * one}, {"b": 0.5, "a": 1.0}, 4).total, 2.5 / 4, 1e-12)
    close(LossTerms({"a": one, "b": 3 * one}, {"b": 0.5 * one}, 4).total, 2.5 / 4, 1e-12)


def gradients_are_those_of_finite_differences() -> None:
    """The whole loss by every weight: nothing is detached that should not be."""
    data = known_data(6)
    model = linear_model(data.width, 2)
    noise, direction_seed, step = Noise(values(6, 2)), 11, 1e-6
    model.loss(Batch(data.rows), noise, {"kl": 0.7}).total.backward()
    for number, parameter in enumerate(model.parameters()):
        direction = values(*parameter.shape, seed=direction_seed + number)
        losses = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.add_(sign * step * direction)
                losses.append(item(model.loss(Batch(data.rows), noise, {"kl": 0.7}).total))
                parameter.sub_(sign * step * direction)
        close(float((parameter.grad * direction).sum()), (losses[0] - losses[1]) / (2 * step), 1e-6)


def the_shared_variance_is_the_mean_squared_error() -> None:
    block = Block("continuous", 0, 3, (3,), variance=1.7)
    module = Gaussian().build(block).double()
    close(module.variance, 1.7, 1e-6)
    mean, x = values(5, 3), values(5, 3, seed=1)
    error = float((mean - x).square().mean())
    before = float(module.variance)
    updates = module.updates(module(mean), x)
    assert set(updates) == {"variance"}
    close(updates["variance"], (1 - MOMENTUM) * before + MOMENTUM * error, 1e-12)
    assert float(module.variance) == before, "updates must not change the buffer"
    module.calibrate(module.statistics(module(mean), x), 5)
    close(module.variance, error, 1e-12)
    close(-module(mean).log_prob(x).mean(), 1.5 * (math.log(2 * math.pi * error) + 1), 1e-12)
    module.calibrate(torch.tensor(0.0, dtype=torch.float64), 5)
    close(module.variance, 1e-6, 1e-9)  # half of the unknown step 2e-3, squared
    assert "floor" in (module.diagnose() or "")
    pixels = Gaussian().build(Block("unit-interval", 0, 3, (3,), step=0.5)).double()
    pixels.calibrate(torch.tensor(0.0, dtype=torch.float64), 5)
    close(pixels.variance, 0.0625, 1e-9)
    close(pixels(mean).mean, torch.sigmoid(mean), 1e-12)
    close(Gaussian(sigma=0.5).build(block).variance, 0.25, 1e-7)
    assert Gaussian(sigma=0.5).build(block).statistics(module(mean), x) is None


def blocks_stand_side_by_side() -> None:
    blocks = [Block("binary", 0, 2, (2,)), Block("continuous", 2, 5, (3,))]
    module = PerColumn([Bernoulli(), Gaussian()], blocks).double()
    parameters = values(4, 5)
    x = torch.cat([(values(4, 2, seed=1) > 0).double(), values(4, 3, seed=2)], -1)
    deviation = math.sqrt(float(module.parts[1].variance))
    expected = stats.norm.logpdf(x[:, 2:].numpy(), parameters[:, 2:].numpy(), deviation).sum(-1)
    expected = expected + IndependentBernoulli(parameters[:, :2]).log_prob(x[:, :2]).numpy()
    close(module(parameters).log_prob(x), expected, 1e-12)
    error = (x[:, 2:] - parameters[:, 2:]).square()
    updates = module.updates(module(parameters), x)
    close(updates["parts.1.variance"], 0.95 * 1.0 + 0.05 * float(error.mean()), 1e-12)
    module.calibrate(module.statistics(module(parameters), x), 4)
    close(module.parts[1].variance, error.mean(), 1e-12)


def weights_follow_their_schedule() -> None:
    warming = KL(weight=4.0, warmup_epochs=10)
    assert [warming.weight_at(Progress(epoch, 0.1)) for epoch in (0, 2.5, 10, 20)] == [0.0, 1.0, 4.0, 4.0]
    assert KL(weight=2.0).weight_at(START) == 2.0
    settled = [warming.settled(Progress(epoch, 0.1)) for epoch in (9.9, 10, 11)]
    assert settled == [False, True, True]
    model = linear_model(4, 2, beta=3.0)
    assert model.weights(START) == {"kl": 3.0}
    for schedule, wanted in (
        (LinearSchedule(1, 3, until=0.5), [1, 2, 3, 3, 3]),
        (CosineSchedule(0, 4, until=1.0), [0, 2 - math.sqrt(2), 2, 2 + math.sqrt(2), 4]),
        (CyclicalSchedule(0.5, 1.5, cycles=2, ramp=0.5), [0.5, 1.5, 0.5, 1.5, 1.5]),
    ):
        close([schedule.at(share / 4) for share in range(5)], wanted, 1e-12)
        assert KL(weight=schedule).weight_at(Progress(7, 0.25)) == schedule.at(0.25)
        assert KL(weight=schedule).settled(Progress(7, schedule.settles))
        assert not KL(weight=schedule).settled(Progress(7, schedule.settles - 0.01))
        shares = [schedule.settles + (1 - schedule.settles) * step / 8 for step in range(9)]
        assert len({schedule.at(share) for share in shares}) == 1, "settled weights must not change"


def the_model_hands_over_noise_features_and_updates() -> None:
    model = linear_model(4, 2).float()
    generator = torch.Generator().manual_seed(0)
    noise = model.draw_noise(20_000, generator)
    assert noise.corruption is None
    assert not noise.penalties
    noise = noise.latent
    assert noise.shape == (20_000, 2)
    close(noise.mean(0), np.zeros(2), 0.03)
    close(noise.std(0), np.ones(2), 0.03)
    close(stats.kurtosis(noise.numpy(), axis=0), np.zeros(2), 0.15)
    assert linear_model(4, 2, stochastic=False).draw_noise(3, generator) is None
    model.shift.fill_(10.0)
    model.scale.fill_(0.5)
    raw = torch.tensor([[10, 12, 14, 0]], dtype=torch.uint8)
    assert model.features(Batch(raw)).tolist() == [[0.0, 1.0, 2.0, -5.0]]
    floats = torch.ones(1, 4)
    assert model.features(Batch(floats)) is floats
    model = model.double()
    rows = values(6, 4)
    found = model.forward_pass(Batch(rows), Noise(values(6, 2)))
    close(found.z.detach(), (found.posterior.mean + found.posterior.stddev * values(6, 2)).detach(), 1e-12)
    close(model.forward_pass(Batch(rows), None).z.detach(), found.posterior.code.detach(), 0)
    terms = model.loss(Batch(rows), Noise(values(6, 2)), {})
    assert set(terms.updates) == {"likelihood.parts.0.variance"}
    wanted = terms.updates["likelihood.parts.0.variance"].clone()
    model.apply_updates(terms.updates)
    close(model.likelihood.parts[0].variance, wanted, 0)
    model.eval()
    assert not model.loss(Batch(rows), Noise(values(6, 2)), {}).updates, "an evaluation must not change buffers"


def fitted_priors_are_what_they_were_fitted_to() -> None:
    center, factor = values(2), triangle(2, 2)
    x = values(5, 2, seed=3)
    full = FullGaussian().build(2).double()
    full.assign(center, factor @ factor.T)
    close(full().log_prob(x).detach(), FullNormal(center, factor).log_prob(x), 1e-11)
    weights, centers, factors = torch.tensor([0.3, 0.7]).double(), values(2, 2), triangle(2, 2, 2)
    mixture = Mixture(n_components=2).build(2).double()
    mixture.assign(weights, centers, factors @ factors.mT)
    close(mixture().log_prob(x).detach(), NormalMixture(weights.log(), centers, factors).log_prob(x), 1e-11)


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


CHECKS: tuple[Callable[[], None], ...] = (
    densities_are_those_of_scipy,
    divergences_are_those_of_quadrature,
    samples_have_the_moments_of_their_distribution,
    the_bound_at_the_optimum_is_the_log_likelihood,
    the_rotated_optimum_loses_what_correlations_cost,
    the_weighted_bound_at_its_optimum,
    losses_are_sums_over_rows,
    gradients_are_those_of_finite_differences,
    the_shared_variance_is_the_mean_squared_error,
    blocks_stand_side_by_side,
    weights_follow_their_schedule,
    the_model_hands_over_noise_features_and_updates,
    fitted_priors_are_what_they_were_fitted_to,
    scores_are_the_bound,
)
