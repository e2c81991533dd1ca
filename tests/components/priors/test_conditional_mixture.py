"""Codes under a condition: p(c, z) / p(c) of a mixture over both, by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from isthmus.components.priors.conditional_mixture import ConditionalMixture, ConditionalMixturePrior
from isthmus.core.random import torch_generator
from isthmus.core.spec import spec_from_json
from isthmus.distributions import NormalMixture
from isthmus.uses.temperature import tempered

K, C, D = 3, 2, 3
WEIGHTS = np.array([0.5, 0.3, 0.2])
MEANS = np.random.default_rng(0).normal(size=(K, C + D))
ROOTS = np.random.default_rng(1).normal(size=(K, C + D, C + D)) + 2 * np.eye(C + D)
COVARIANCES = ROOTS @ ROOTS.transpose(0, 2, 1)
CONDITIONS = np.random.default_rng(2).normal(size=(6, C))
CODES = np.random.default_rng(3).normal(size=(6, D))
BOUND = 9.0


def log_density(values: np.ndarray, part: slice) -> np.ndarray:
    """Of some of the columns of condition and code, (n,)."""
    terms = [
        math.log(weight) + stats.multivariate_normal(mean[part], covariance[part, part]).logpdf(values)
        for weight, mean, covariance in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)
    ]
    return np.logaddexp.reduce(terms, 0)


@pytest.fixture(scope="module")
def module() -> ConditionalMixturePrior:
    prior = ConditionalMixture(n_components=K, condition_width=C).build(D).double()
    bounds = torch.full((C,), BOUND)
    prior.assign(*(torch.from_numpy(one) for one in (WEIGHTS, MEANS, COVARIANCES)), -bounds, bounds)
    return prior


def test_a_condition_is_bayes_rule(module) -> None:
    both = np.column_stack([CONDITIONS, CODES])
    wanted = log_density(both, slice(0, C + D)) - log_density(CONDITIONS, slice(0, C))
    conditions, codes = torch.from_numpy(CONDITIONS), torch.from_numpy(CODES)
    known = module.given(conditions)
    np.testing.assert_allclose(known.log_prob(codes), wanted, atol=1e-10)
    np.testing.assert_allclose(known.log_weights.exp().sum(-1), 1, atol=1e-12)
    # One condition for all rows, of any number.
    alike = module.given(conditions[0])
    assert isinstance(alike, NormalMixture)
    one_by_one = [module.given(conditions[:1]).log_prob(code[None]) for code in codes]
    np.testing.assert_allclose(alike.log_prob(codes), torch.cat(one_by_one), atol=1e-12)


def test_without_a_condition_it_is_the_marginal(module) -> None:
    density = module()
    assert isinstance(density, NormalMixture)
    np.testing.assert_allclose(
        density.log_prob(torch.from_numpy(CODES)), log_density(CODES, slice(C, C + D)), atol=1e-10
    )


def test_beyond_what_there_was_codes_are_those_of_the_bound(module) -> None:
    near, far = (module.given(torch.tensor([reach, -1.0], dtype=torch.float64)) for reach in (BOUND, 1e30))
    torch.testing.assert_close(far.means, near.means)
    torch.testing.assert_close(far.log_weights, near.log_weights)


def test_draws_have_the_moments_of_their_own_condition(module) -> None:
    count = 20_000
    known = module.given(torch.from_numpy(CONDITIONS[:2]).repeat_interleave(count, 0))
    drawn = known.draw(2 * count, torch_generator(0)).unflatten(0, (2, count))
    for place in range(2):
        mean = known.mean[place * count]
        alike = module.given(torch.from_numpy(CONDITIONS[place]))
        weights = alike.log_weights.exp()
        spread = (alike.scale_trils @ alike.scale_trils.mT).diagonal(dim1=-2, dim2=-1) + (alike.means - mean).square()
        variance = weights @ spread
        assert ((drawn[place].mean(0) - mean).abs() < 5 * variance.sqrt() / math.sqrt(count)).all()
        torch.testing.assert_close(drawn[place].var(0), variance, rtol=0.06, atol=0)


def test_a_temperature_multiplies_the_deviations_of_the_components(module) -> None:
    known = module.given(torch.from_numpy(CONDITIONS))
    calm = tempered(known, 0.5)
    torch.testing.assert_close(calm.scale_trils, 0.5 * known.scale_trils)
    assert calm.means is known.means
    assert calm.log_weights is known.log_weights


def test_levels_and_a_collapsed_code_survive_single_precision() -> None:
    """Levels add up to one, so that their covariance has no inverse but for its ridge."""
    random = np.random.default_rng(0)
    levels = np.eye(4)[random.integers(0, 4, 400)]
    codes = np.column_stack([levels @ random.normal(size=(4, 2)), 1e-3 * random.normal(size=400)])
    codes[:, :2] += 0.1 * random.normal(size=(400, 2))
    both = np.column_stack([levels, codes])
    covariance = np.cov(both.T, bias=True) + np.diag([1e-4] * 4 + [1e-8] * 3)
    found = []
    for dtype in (torch.float32, torch.float64):
        prior = ConditionalMixture(n_components=1, condition_width=4).build(3).to(dtype)
        parts = (np.ones(1), both.mean(0)[None], covariance[None], levels.min(0), levels.max(0))
        prior.assign(*(torch.from_numpy(part) for part in parts))
        rows = torch.from_numpy(codes).to(dtype)
        found.append([prior.given(torch.from_numpy(levels)).log_prob(rows), prior().log_prob(rows)])
    for single, double in zip(*found, strict=True):
        torch.testing.assert_close(single.double(), double, atol=2e-3, rtol=0)
    # The mean of each level is that of its rows.
    means = prior.given(torch.eye(4)).means[:, 0]
    for level in range(4):
        np.testing.assert_allclose(means[level], codes[levels[:, level] == 1].mean(0), atol=2e-3)


def test_it_is_built_from_its_description() -> None:
    spec = ConditionalMixture(n_components=4, condition_width=7)
    assert spec_from_json(spec.to_json()) == spec
    assert spec.build(2).state_dict().keys() == ConditionalMixture().build(5).state_dict().keys()
