"""Bernoulli, continuous Bernoulli, categorical and discretised logistic, through the component."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats
from torch import Tensor

from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.categorical import Categorical
from isthmus.components.likelihoods.continuous_bernoulli import ContinuousBernoulli
from isthmus.components.likelihoods.discretised_logistic import DiscretisedLogistic
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.random import torch_generator

LEVELS = Block("categorical", 0, 6, (6,), cardinality=3)
PIXELS = Block("unit-interval", 0, 2, (2,), step=1 / 15, variance=0.09)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


def test_bernoulli_is_that_of_scipy():
    parameters, target = normal(5, 3), (normal(5, 3, seed=1) > 0).double()
    module = Bernoulli().build(Block("binary", 0, 3, (3,))).double()
    wanted = stats.bernoulli.logpmf(target.numpy(), special.expit(parameters.numpy())).sum(-1)
    np.testing.assert_allclose(module(parameters).log_prob(target), wanted, rtol=1e-10)


def test_continuous_bernoulli_is_normalised_cross_entropy():
    module = ContinuousBernoulli().build(Block("unit-interval", 0, 2, (2,))).double()
    parameters, target = torch.tensor([[-3.0, 1.5]]).double(), torch.tensor([[0.2, 0.9]]).double()
    wanted = 0.0
    for logit, value in zip(parameters[0].tolist(), target[0].tolist(), strict=True):
        rate = special.expit(logit)
        mass, _ = integrate.quad(lambda x, rate=rate: rate**x * (1 - rate) ** (1 - x), 0, 1)
        wanted += value * math.log(rate) + (1 - value) * math.log(1 - rate) - math.log(mass)
    assert float(module(parameters).log_prob(target)) == pytest.approx(wanted, rel=1e-10)


def test_categorical_is_cross_entropy_by_column():
    parameters = normal(4, 6)
    module = Categorical().build(LEVELS).double()
    chosen = torch.tensor([[0, 2], [1, 1], [2, 0], [0, 0]])
    target = torch.nn.functional.one_hot(chosen, 3).flatten(1).double()
    logs = np.log(special.softmax(parameters.numpy().reshape(4, 2, 3), -1))
    wanted = [logs[row, 0, a] + logs[row, 1, b] for row, (a, b) in enumerate(chosen.tolist())]
    np.testing.assert_allclose(module(parameters).log_prob(target), wanted, rtol=1e-12)
    np.testing.assert_allclose(module(parameters).mean.reshape(4, 2, 3).sum(-1), 1.0, rtol=1e-12)
    assert module.describe() == "categorical, 3 levels, logits"


@pytest.mark.parametrize("components", [1, 3])
def test_discretised_logistic_is_the_mass_between_level_edges(components):
    spec = DiscretisedLogistic(components=components)
    module = spec.build(PIXELS).double()
    width = 2 * components
    parameters = normal(16, spec.parameter_shape(PIXELS))
    groups = parameters.numpy().reshape(16, -1, components, 2).swapaxes(-1, -2)
    locations = groups[:, -2] + (np.arange(components) + 0.5) / components
    scales = np.exp(groups[:, -1]) * 0.3 * math.sqrt(3) / math.pi  # the logistic with the data's deviation
    weights = special.softmax(groups[:, 0], -1) if components > 1 else np.ones((16, 2, 1))
    assert groups.shape[1] == (2 if components == 1 else 3)
    assert parameters.shape[1] == groups.shape[1] * width
    levels = np.arange(16) / 15
    upper = np.where(levels == 1, np.inf, levels + 1 / 30)
    lower = np.where(levels == 0, -np.inf, levels - 1 / 30)
    law = stats.logistic(locations[:, None], scales[:, None])  # (rows, 1, d, M)
    upper, lower = upper[:, None, None], lower[:, None, None]
    # The tail that is not nearly 1, so that the difference keeps its digits.
    mass = np.where(lower > locations[:, None], law.sf(lower) - law.sf(upper), law.cdf(upper) - law.cdf(lower))
    mass = (weights[:, None] * mass).sum(-1)  # (rows, levels, d)
    target = torch.from_numpy(np.stack([levels, levels[::-1]], -1).copy())
    places = np.arange(16)
    wanted = np.log(mass[places, places, 0]) + np.log(mass[places, places[::-1], 1])
    np.testing.assert_allclose(module(parameters).log_prob(target), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(mass.sum(1), 1.0, rtol=1e-12)


def test_an_untrained_discretised_logistic_looks_like_the_data():
    zeros = torch.zeros(4000, 4).double()
    fine = Block("unit-interval", 0, 2, (2,), step=1 / 15, variance=0.01)
    distribution = DiscretisedLogistic().build(fine).double()(zeros)
    torch.testing.assert_close(distribution.mean, torch.full((4000, 2), 0.5).double())
    assert float(distribution.draw(4000, torch_generator(0)).std()) == pytest.approx(0.1, rel=0.05)
    three = DiscretisedLogistic(components=3).build(fine)(torch.zeros(1, 18))
    assert three.locations[0, 0].tolist() == pytest.approx([1 / 6, 0.5, 5 / 6])


@pytest.mark.parametrize("components", [1, 2])
def test_discretised_logistic_takes_samples_of_a_row(components):
    spec = DiscretisedLogistic(components=components)
    module = spec.build(PIXELS).double()
    parameters = normal(3, 4, spec.parameter_shape(PIXELS))
    target = module(parameters[0]).draw(4, torch_generator(0))
    wanted = torch.stack([module(one).log_prob(target) for one in parameters])
    torch.testing.assert_close(module(parameters).log_prob(target), wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("step", [0.0, 0.3])
def test_levels_must_be_known(step):
    with pytest.raises(ParameterError) as caught:
        DiscretisedLogistic().build(Block("unit-interval", 0, 2, (2,), step=step))
    words = str(caught.value)
    assert f"unit-interval data were not measured in equal steps (the schema found a step of {step:g})" in words
    assert "Use likelihood=ContinuousBernoulli() or Gaussian()" in words


def test_values_between_levels_are_refused_before_training():
    module = DiscretisedLogistic().build(PIXELS)
    module.begin(torch.tensor([[0.0, 1.0], [7 / 15, 1 / 15]]), None)
    with pytest.raises(ParameterError, match=r"feature 1 \(scaled\) has 0\.1: the columns differ in their levels"):
        module.begin(torch.tensor([[0.0, 1.0], [7 / 15, 0.1]]), None)


def test_level_descriptions():
    assert DiscretisedLogistic().build(PIXELS).describe() == "discretised logistic, 16 levels"
    words = DiscretisedLogistic(components=3).build(PIXELS).describe()
    assert words == "mixture of 3 discretised logistics, 16 levels"
