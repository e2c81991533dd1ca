"""Likelihoods: what they make of the decoder's output, and how their noise scales follow the data."""

from __future__ import annotations

import math

import torch
from scipy import stats

from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.discretised_logistic import DiscretisedLogistic
from isthmus.components.likelihoods.gaussian import MOMENTUM, Gaussian
from isthmus.components.likelihoods.laplace import Laplace
from isthmus.components.likelihoods.per_column import PerColumn
from isthmus.components.likelihoods.student_t import StudentT
from isthmus.core.blocks import Block
from isthmus.distributions import IndependentBernoulli

from .known_numbers import close, values


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


def running_scales_follow_the_data() -> None:
    """The maximum-likelihood scale of each kind, in one step of the running average and exactly."""
    block = Block("continuous", 0, 3, (3,), variance=1.7)
    mean, x = values(6, 3), values(6, 3, seed=1)
    error = (x - mean).abs()
    for spec, start, found in (
        (Laplace(), math.sqrt(1.7 / 2), error.mean()),
        (Laplace(scale="per-feature"), math.sqrt(1.7 / 2), error.mean(0)),
        (Gaussian(sigma="per-feature"), 1.7, error.square().mean(0)),
    ):
        module = spec.build(block).double()
        close(module.spread, torch.full_like(found, start), 1e-6)
        before = module.spread.clone()
        (update,) = module.updates(module(mean), x).values()
        close(update, (1 - MOMENTUM) * before + MOMENTUM * found, 1e-12)
        module.calibrate(module.statistics(module(mean), x), 6)
        close(module.spread, found, 1e-12)
        # Three draws of the code for each row count as one.
        thrice = module(mean.expand(3, 6, 3))
        close(module.statistics(thrice, x), module.statistics(module(mean), x), 1e-12)
        module.calibrate(0 * module.statistics(module(mean), x), 6)
        close(module.spread, torch.full_like(found, 1e-3 if isinstance(spec, Laplace) else 1e-6), 1e-9)
    deviations = torch.tensor([0.5, 1.0, 2.0]).double()
    module = Gaussian(sigma="per-feature").build(block).double()
    module.variance.copy_(deviations**2)
    close(module(mean).log_prob(x), stats.norm.logpdf(x, mean, deviations).sum(-1), 1e-10)
    close(module.sigmas, deviations, 1e-12)
    close(module.sigma, math.sqrt(5.25 / 3), 1e-12)
    close(Laplace(scale=0.5).build(block).sigma, 0.5 * math.sqrt(2), 1e-6)


def the_scale_of_students_t_is_the_likeliest() -> None:
    block = Block("continuous", 0, 3, (3,), variance=1.7)
    mean, x, freedom = values(6, 3), values(6, 3, seed=1), 5.0
    squared = (x - mean).square().numpy()
    module = StudentT(degrees_of_freedom=freedom).build(block).double()
    close(module.squared_scale, 1.7 * 3 / 5, 1e-6)
    close(module.sigma, math.sqrt(1.7), 1e-6)
    close(module(mean).log_prob(x), stats.t.logpdf(x, freedom, mean, math.sqrt(1.02)).sum(-1), 1e-6)

    def step(scale: float) -> float:
        """One of the EM algorithm; the maximum-likelihood scale is its fixed point."""
        return float((squared * (freedom + 1) / (freedom + squared / scale)).mean())

    before = float(module.squared_scale)
    updated = module.updates(module(mean), x)["squared_scale"]
    close(updated, (1 - MOMENTUM) * before + MOMENTUM * step(before), 1e-10)
    module.calibrate(module.statistics(module(mean), x), 6)
    close(step(float(module.squared_scale)), module.squared_scale, 1e-4)


def grey_levels_begin_at_the_scale_of_the_data() -> None:
    block = Block("unit-interval", 0, 2, (2,), step=0.25, variance=0.09)
    nothing = DiscretisedLogistic(components=3).build(block).double()(torch.zeros(1, 18).double())
    scale = nothing.log_scales.exp()
    close((math.pi * scale) ** 2 / 3, torch.full((1, 2, 3), 0.09), 1e-6)  # the variance of a logistic
    close(nothing.locations, torch.tensor([1, 3, 5]).expand(1, 2, 3) / 6, 1e-6)
    output = values(1, 18)
    found = DiscretisedLogistic(components=3).build(block).double()(output)
    close(found.mixture_logits, output[:, :6].reshape(1, 3, 2).mT, 0)
    close(found.locations - nothing.locations, output[:, 6:12].reshape(1, 3, 2).mT, 1e-12)
    close(found.log_scales - nothing.log_scales, output[:, 12:].reshape(1, 3, 2).mT, 1e-12)
