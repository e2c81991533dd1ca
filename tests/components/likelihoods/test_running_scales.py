"""Gaussian, Laplace and Student-t: their noise scales are the maximum-likelihood ones, whatever the layout."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import Tensor

from isthmus.components.likelihoods.base import Likelihood, LikelihoodModule
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.likelihoods.laplace import Laplace
from isthmus.components.likelihoods.student_t import StudentT
from isthmus.core.blocks import Block
from isthmus.core.random import torch_generator

BLOCK = Block("continuous", 0, 3, (3,), variance=1.7)
PIXELS = Block("unit-interval", 0, 3, (3,), step=0.5, variance=0.1)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


def built(spec: Likelihood, block: Block = BLOCK) -> LikelihoodModule:
    return spec.build(block).double()


def calibrated(spec: Likelihood, parameters: Tensor, target: Tensor, block: Block = BLOCK) -> LikelihoodModule:
    module = built(spec, block)
    module.calibrate(module.statistics(module(parameters), target), len(target))
    return module


PARAMETERS, TARGET = normal(40, 3), normal(40, 3, seed=1) * torch.tensor([0.1, 1.0, 7.0], dtype=torch.float64)
ERROR = (TARGET - PARAMETERS).numpy()


# Closed forms through the component


def test_densities_are_those_of_scipy():
    scale = torch.tensor(0.7)
    for spec, law in (
        (Gaussian(sigma=0.7), stats.norm),
        (Laplace(scale=0.7), stats.laplace),
        (StudentT(degrees_of_freedom=3.5, scale=0.7), stats.t(3.5)),
    ):
        wanted = law.logpdf(ERROR / float(scale)).sum(-1) - 3 * math.log(0.7)
        np.testing.assert_allclose(built(spec)(PARAMETERS).log_prob(TARGET).numpy(), wanted, rtol=1e-6)


def test_per_feature_density_is_that_of_scipy():
    module = calibrated(Gaussian(sigma="per-feature"), PARAMETERS, TARGET)
    wanted = stats.norm.logpdf(TARGET, PARAMETERS, module.sigmas).sum(-1)
    np.testing.assert_allclose(module(PARAMETERS).log_prob(TARGET).numpy(), wanted, rtol=1e-12)
    module = calibrated(Laplace(scale="per-feature"), PARAMETERS, TARGET)
    wanted = stats.laplace.logpdf(TARGET, PARAMETERS, module.scale).sum(-1)
    np.testing.assert_allclose(module(PARAMETERS).log_prob(TARGET).numpy(), wanted, rtol=1e-12)


@pytest.mark.parametrize("spec", [Gaussian(), Gaussian("per-feature"), Laplace(), StudentT()], ids=repr)
def test_the_location_is_logistic_on_bounded_data_and_on_request(spec):
    logistic = torch.sigmoid(PARAMETERS)
    for block in (PIXELS, Block("binary", 0, 3, (3,))):
        assert torch.equal(built(spec, block)(PARAMETERS).mean, logistic)
        assert torch.equal(built(spec.replace(mean="identity"), block)(PARAMETERS).mean, PARAMETERS)
    assert torch.equal(built(spec)(PARAMETERS).mean, PARAMETERS)
    assert torch.equal(built(spec.replace(mean="logistic"))(PARAMETERS).mean, logistic)


# Maximum likelihood after training


def test_each_sigma_is_exactly_the_root_mean_squared_error_of_its_feature():
    module = calibrated(Gaussian(sigma="per-feature"), PARAMETERS, TARGET)
    np.testing.assert_allclose(module.sigmas.numpy(), np.sqrt((ERROR**2).mean(0)), rtol=1e-14)
    np.testing.assert_allclose(module.variance.numpy(), (ERROR**2).mean(0), rtol=1e-14)
    assert module.sigma == pytest.approx(math.sqrt((ERROR**2).mean()), rel=1e-14)
    shared = calibrated(Gaussian(), PARAMETERS, TARGET)
    assert shared.sigma == pytest.approx(module.sigma, rel=1e-14)
    assert module(PARAMETERS).log_prob(TARGET).sum() > shared(PARAMETERS).log_prob(TARGET).sum()


def test_laplace_scales_are_mean_absolute_errors():
    shared = calibrated(Laplace(), PARAMETERS, TARGET)
    assert float(shared.scale) == pytest.approx(np.abs(ERROR).mean(), rel=1e-14)
    assert float(shared.scale) == pytest.approx(stats.laplace.fit(ERROR.ravel(), floc=0)[1], rel=1e-12)
    assert shared.sigma == pytest.approx(stats.laplace(scale=np.abs(ERROR).mean()).std(), rel=1e-12)
    each = calibrated(Laplace(scale="per-feature"), PARAMETERS, TARGET)
    np.testing.assert_allclose(each.scale.numpy(), np.abs(ERROR).mean(0), rtol=1e-14)
    assert each.sigma == pytest.approx(math.sqrt(2 * (np.abs(ERROR).mean(0) ** 2).mean()), rel=1e-12)


@pytest.mark.parametrize("freedom", [2.1, 4.0, 30.0])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_the_student_scale_is_that_of_scipy(freedom, unit):
    block = Block("continuous", 0, 3, (3,), step=1e-9, variance=1.0)
    module = calibrated(StudentT(degrees_of_freedom=freedom), PARAMETERS * unit, TARGET * unit, block)

    def cost(log_scale):
        return -stats.t.logpdf(ERROR / math.exp(log_scale), freedom).sum() + ERROR.size * log_scale

    exact = math.exp(optimize.minimize_scalar(cost, bracket=(-1, 1), tol=1e-12).x)
    assert float(module.squared_scale.sqrt()) / unit == pytest.approx(exact, rel=1e-6)
    fitted = stats.t.fit(ERROR.ravel(), fdf=freedom, floc=0)[2]
    assert exact == pytest.approx(fitted, rel=1e-3)
    assert module.sigma == pytest.approx(stats.t(freedom, scale=exact * unit).std(), rel=1e-5)


def test_the_student_scale_ignores_an_outlier_that_ruins_the_gaussian():
    target = PARAMETERS + 0.1 * normal(40, 3, seed=2)
    clean = calibrated(StudentT(), PARAMETERS, target)
    target[0, 0] = 1e4
    assert calibrated(StudentT(), PARAMETERS, target).sigma < 1.05 * clean.sigma
    assert calibrated(Gaussian(), PARAMETERS, target).sigma > 100 * clean.sigma


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_errors_beyond_the_histogram_still_give_a_scale(size):
    block = Block("continuous", 0, 3, (3,), step=1e-12)
    module = calibrated(StudentT(), torch.zeros(5, 3).double(), torch.full((5, 3), size).double(), block)
    # (ν + 1) u/(ν + u) = 1 for equal errors is u = 1.
    assert float(module.squared_scale) == pytest.approx(size**2, rel=1e-6)


# Running values


@pytest.mark.parametrize(
    ("spec", "exact"),
    [
        (Gaussian("per-feature"), (ERROR**2).mean(0)),
        (Laplace(), np.abs(ERROR).mean()),
        (Laplace("per-feature"), np.abs(ERROR).mean(0)),
    ],
    ids=repr,
)
def test_updates_move_a_twentieth_of_the_way(spec, exact):
    module = built(spec)
    before = module.spread.clone()
    updates = module.updates(module(PARAMETERS), TARGET)
    assert list(updates) == [module.buffer]
    np.testing.assert_allclose(updates[module.buffer].numpy(), 0.95 * before.numpy() + 0.05 * exact, rtol=1e-12)
    assert torch.equal(module.spread, before), "updates must not change the buffer"


def test_the_running_student_scale_converges_to_the_maximum_of_the_likelihood():
    module, exact = built(StudentT()), calibrated(StudentT(), PARAMETERS, TARGET)
    squared, scale = torch.from_numpy(ERROR).square(), float(module.squared_scale)
    step = (5 * squared / (4 + squared / scale)).mean()  # one step of the EM algorithm with ν = 4
    updated = module.updates(module(PARAMETERS), TARGET)["squared_scale"]
    assert float(updated) == pytest.approx(0.95 * scale + 0.05 * float(step), rel=1e-12)
    for _ in range(1000):
        module.squared_scale.copy_(module.updates(module(PARAMETERS), TARGET)["squared_scale"])
    assert float(module.squared_scale) == pytest.approx(float(exact.squared_scale), rel=2e-6)


def test_running_values_begin_at_the_spread_of_the_data():
    assert built(Gaussian("per-feature")).variance.tolist() == pytest.approx([1.7] * 3, rel=1e-6)
    assert built(Laplace()).sigma == pytest.approx(math.sqrt(1.7), rel=1e-6)
    assert built(StudentT(degrees_of_freedom=5.0)).sigma == pytest.approx(math.sqrt(1.7), rel=1e-6)


@pytest.mark.parametrize("spec", [Gaussian(), Gaussian("per-feature"), Laplace(), Laplace("per-feature"), StudentT()])
def test_several_draws_of_a_row_count_once(spec):
    """(K, n, d): the scale of the mean over draws, not K times it."""
    several = torch.stack([PARAMETERS, PARAMETERS.flip(0), PARAMETERS + 1])
    module = built(spec)
    module.calibrate(module.statistics(module(several), TARGET), len(TARGET))
    flat = calibrated(spec, several.flatten(0, 1), TARGET.repeat(3, 1))
    assert module.sigma == pytest.approx(flat.sigma, rel=1e-9)
    one = module.updates(module(several), TARGET)
    two = module.updates(module(several.flatten(0, 1)), TARGET.repeat(3, 1))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-12, atol=0)


@pytest.mark.parametrize("spec", [Gaussian(0.3), Laplace(0.3), StudentT(scale=0.3)], ids=repr)
def test_a_fixed_scale_is_left_alone(spec):
    module = built(spec)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    assert module.updates(module(PARAMETERS), TARGET) == {}
    assert module.statistics(module(PARAMETERS), TARGET) is None
    module.calibrate(torch.zeros((), dtype=torch.float64), 5)  # as beside a block that does learn
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    assert "= 0.3" in module.describe()
    assert module.diagnose() is None


# Floors and warnings


@pytest.mark.parametrize(
    ("spec", "value"),
    [(Gaussian("per-feature"), 0.0625), (Laplace(), 0.25), (Laplace("per-feature"), 0.25), (StudentT(), 0.0625)],
    ids=repr,
)
def test_half_a_step_is_the_floor_and_is_reported(spec, value):
    target = torch.sigmoid(PARAMETERS)
    module = calibrated(spec, PARAMETERS, target, PIXELS)
    torch.testing.assert_close(module.spread, torch.full_like(module.spread, value))
    assert "reached its floor" in module.diagnose()
    assert module.advice() in module.diagnose()
    updates = module.updates(module(PARAMETERS), target)
    assert float(updates[module.buffer].min()) == pytest.approx(value)
    far = calibrated(spec, PARAMETERS, target + 3, PIXELS)
    assert far.diagnose() is None
    unknown = calibrated(spec, PARAMETERS, PARAMETERS)
    assert float(unknown.spread.min()) == pytest.approx(1e-3 if value == 0.25 else 1e-6)


def test_the_floor_is_reported_by_feature_but_not_for_constant_columns():
    parameters, target = PARAMETERS.clone(), TARGET.clone()
    target[:, 0] = parameters[:, 0]
    target[:, 2] = parameters[:, 2] = 0.0
    module = built(Gaussian(sigma="per-feature"))
    module.begin(target, None)
    module.calibrate(module.statistics(module(parameters), target), len(target))
    assert "of 1 of 3 features" in module.diagnose()
    assert "Gaussian(sigma=...)" in module.diagnose()
    module.varies[0] = False
    assert module.diagnose() is None


# Degrees of freedom


def test_learnt_degrees_of_freedom_begin_at_4_and_reach_those_of_the_data():
    target = torch.from_numpy(stats.t(6.0, scale=0.5).rvs((1000, 3), random_state=0))
    module = built(StudentT(degrees_of_freedom="learnt"))
    assert float(module.freedom.detach()) == pytest.approx(4.0, rel=1e-7)
    location = torch.zeros(1, 3, dtype=torch.float64)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.1)
    statistics = module.statistics(module(location), target)
    for _ in range(120):
        module.calibrate(statistics, len(target))
        optimiser.zero_grad()
        (-module(location).log_prob(target).mean()).backward()
        optimiser.step()
    fitted = stats.t.fit(target.numpy().ravel(), floc=0)
    assert float(module.freedom.detach()) == pytest.approx(fitted[0], rel=0.01)
    assert module.describe().endswith(f"ν = {float(module.freedom.detach()):.3g}")


def test_fixed_degrees_of_freedom_are_no_parameter():
    assert list(built(StudentT()).parameters()) == []
    assert set(built(StudentT()).state_dict()) == {"squared_scale"}
    assert float(built(StudentT(degrees_of_freedom=2.5)).freedom) == 2.5


def test_descriptions():
    assert built(Gaussian("per-feature")).describe() == "Gaussian, per-feature σ, linear mean"
    assert built(Laplace(), PIXELS).describe() == "Laplace, shared scale, logistic mean"
    assert built(StudentT(scale=0.5)).describe() == "StudentT, scale = 0.5, linear mean, ν = 4"
