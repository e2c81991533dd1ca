"""Logistics rounded to levels: masses by brute force, tails, mean and mode over the levels."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import DiscretisedLogisticMixture
from isthmus.testing.requirement import require_gradient

STEPS = [1.0, 0.5, 1 / 16, 1 / 255, 1 / 1000]
LOGITS = torch.tensor([[[0.3, -1.0, 2.0], [0.0, 0.0, 0.0]]], dtype=torch.float64)
LOCATIONS = torch.tensor([[[0.1, 0.5, 0.93], [-0.4, 0.503, 1.7]]], dtype=torch.float64)
LOG_SCALES = torch.tensor([[[-2.0, -5.0, -3.0], [-1.0, -7.0, 0.5]]], dtype=torch.float64)
each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: f"1/{round(1 / step)}")


def mixture(step: float) -> DiscretisedLogisticMixture:
    return DiscretisedLogisticMixture(LOGITS, LOCATIONS, LOG_SCALES, step)


def single(
    location: float, log_scale: float, step: float, dtype: torch.dtype = torch.float64
) -> DiscretisedLogisticMixture:
    one = torch.ones(1, 1, 1, dtype=dtype)
    return DiscretisedLogisticMixture(0 * one, location * one, log_scale * one, step)


def levels(step: float) -> Tensor:
    number = round(1 / step)
    return torch.arange(number + 1, dtype=torch.float64) / number


def masses(distribution: DiscretisedLogisticMixture) -> np.ndarray:
    """exp(log_prob) of each level of each of the two features, computed one feature at a time: (2, levels)."""
    parts = (distribution.mixture_logits, distribution.locations, distribution.log_scales)
    return np.stack(
        [
            DiscretisedLogisticMixture(*(part[:, [feature]] for part in parts), step=distribution.step)
            .log_prob(levels(distribution.step).unsqueeze(-1))
            .exp()
            .numpy()
            for feature in range(2)
        ]
    )


def scipy_masses(step: float) -> np.ndarray:
    """Differences of scipy's logistic CDF; the outer bins reach to infinity. (2, levels)."""
    number = round(1 / step)
    edges = np.concatenate([[-np.inf], (np.arange(number) + 0.5) / number, [np.inf]])
    weights = np.exp(LOGITS[0].numpy())
    weights /= weights.sum(-1, keepdims=True)
    scales = np.exp(LOG_SCALES[0].numpy())
    cumulative = stats.logistic.cdf(edges[:, None, None], LOCATIONS[0].numpy(), scales)
    return (weights * np.diff(cumulative, axis=0)).sum(-1).T


def scipy_end_masses(location: float, scale: float, step: float) -> tuple[float, float]:
    logistic = stats.logistic(location, scale)
    return float(logistic.cdf(step / 2)), float(logistic.sf(1 - step / 2))


@each_step
def test_masses_are_those_of_scipy_and_add_up_to_one(step: float) -> None:
    got = masses(mixture(step))
    np.testing.assert_allclose(got.sum(1), 1, rtol=0, atol=1e-10)
    np.testing.assert_allclose(got, scipy_masses(step), rtol=0, atol=1e-12)
    # In the logarithm too, where scipy's difference has digits.
    solid = scipy_masses(step) > 1e-4
    np.testing.assert_allclose(np.log(got[solid]), np.log(scipy_masses(step)[solid]), rtol=0, atol=1e-10)


def test_log_prob_sums_over_features() -> None:
    value = torch.tensor([[0.25, 1.0]], dtype=torch.float64)
    wanted = np.log(scipy_masses(1 / 16)[0, 4]) + np.log(scipy_masses(1 / 16)[1, 16])
    assert float(mixture(1 / 16).log_prob(value)) == pytest.approx(wanted, abs=1e-10)


@pytest.mark.parametrize(("value", "location", "log_scale"), [(0.25, 0.9, -6.0), (0.75, 0.1, -6.0), (0.25, 30.0, -2.0)])
def test_far_tails_keep_their_digits(value: float, location: float, log_scale: float) -> None:
    """σ(b) − σ(a) = e^a (e^(b−a) − 1) up to a relative e^a: here e^a is far below the resolution of the CDF."""
    scale, step = math.exp(log_scale), 1 / 16
    distance = abs(value - location) - step / 2
    nearest = -distance / scale
    assert nearest < -37 or nearest == pytest.approx(-220, abs=5)
    wanted = nearest + math.log(-math.expm1(-step / scale))
    got = single(location, log_scale, step).log_prob(torch.tensor([[value]], dtype=torch.float64))
    assert float(got) == pytest.approx(wanted, rel=1e-12)
    rough = single(location, log_scale, step, torch.float32).log_prob(torch.tensor([[value]]))
    assert float(rough) == pytest.approx(wanted, rel=1e-5)


def test_outer_bins_reach_to_infinity() -> None:
    value = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    got = single(-50.0, 0.0, 1 / 255).log_prob(value)
    assert float(got[0]) == pytest.approx(math.log1p(-math.exp(-50 - 0.5 / 255)), abs=1e-12)
    assert float(got[1]) == pytest.approx(-(50 + 254.5 / 255), abs=1e-10)  # e^-51 of it lies above the last edge


def test_a_value_near_an_end_is_the_end() -> None:
    near = torch.tensor([[0.0], [1e-7], [1.0], [1 - 1e-7]], dtype=torch.float64)
    lowest, highest = scipy_end_masses(0.4, math.exp(-1), 1 / 16)
    got = single(0.4, -1.0, 1 / 16).log_prob(near).exp()
    np.testing.assert_allclose(got.numpy(), [lowest, lowest, highest, highest], rtol=1e-6)


@pytest.mark.parametrize("log_scale", [-70.0, -40.0, -20.0, 20.0, 40.0, 70.0])
def test_very_narrow_and_very_wide_components(log_scale: float) -> None:
    value = torch.tensor([[0.5]], dtype=torch.float64)
    got = float(single(0.5, log_scale, 1 / 16).log_prob(value))
    # A narrow one has all its mass in the bin of its location; a wide one density 1/(4 scale) there.
    wanted = 0.0 if log_scale < 0 else math.log(1 / 16) - log_scale - math.log(4)
    assert got == pytest.approx(wanted, abs=1e-10)


@each_step
def test_mean_is_the_expected_level(step: float) -> None:
    wanted = scipy_masses(step) @ levels(step).numpy()
    exact = round(1 / step) < 256
    np.testing.assert_allclose(mixture(step).mean[0].numpy(), wanted, rtol=0, atol=1e-12 if exact else step / 2)
    if not exact:  # the continuum is far closer than that where no component is narrower than a step
        assert abs(float(mixture(step).mean[0, 0]) - wanted[0]) < 1e-6


@pytest.mark.parametrize("log_scale", [-60.0, -6.0, -1.0, -1e-9, 1e-9, 3.0, 40.0])
@pytest.mark.parametrize("location", [-2.0, 0.2, 0.5, 1.0, 40.0])
def test_mean_of_many_levels_is_that_of_the_clipped_logistic(location: float, log_scale: float) -> None:
    """E[clip(X, 0, 1)] = 1 − ∫₀¹ CDF, by a fine midpoint rule."""
    points = (np.arange(200_000) + 0.5) / 200_000
    wanted = 1 - stats.logistic.cdf(points, location, max(math.exp(log_scale), 1e-9)).mean()
    distribution = single(location, log_scale, 1 / 65535)
    assert float(distribution.mean) == pytest.approx(wanted, abs=3e-6)
    rough = single(location, log_scale, 1 / 65535, torch.float32)
    assert float(rough.mean) == pytest.approx(wanted, abs=1e-5)


def test_mean_of_many_levels_is_differentiable() -> None:
    leaves = (LOGITS, LOCATIONS, LOG_SCALES)
    require_gradient(lambda *p: DiscretisedLogisticMixture(*p, step=1 / 1000).mean, leaves, "mean")


@each_step
def test_mode_is_the_likeliest_level(step: float) -> None:
    wanted = levels(step)[torch.as_tensor(scipy_masses(step)).argmax(1)]
    torch.testing.assert_close(mixture(step).mode[0], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("step", [1 / 255, 1 / 65535])
def test_mode_may_be_an_end_or_the_smaller_but_narrower_component(step: float) -> None:
    logits = torch.tensor([[[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]], dtype=torch.float64)
    locations = torch.tensor([[[0.4, 0.8], [-3.0, -3.0], [0.6, 9.0]]], dtype=torch.float64)
    log_scales = torch.tensor([[[-4.0, -8.0], [-1.0, 0.0], [0.0, -4.0]]], dtype=torch.float64)
    mode = DiscretisedLogisticMixture(logits, locations, log_scales, step).mode
    torch.testing.assert_close(mode, torch.tensor([[0.8, 0.0, 1.0]], dtype=torch.float64), rtol=0, atol=step / 2 + 1e-9)


@pytest.mark.parametrize("step", [1.0, 1 / 16])
def test_draws_are_levels_as_frequent_as_their_mass(step: float) -> None:
    rows = 20_000
    distribution = DiscretisedLogisticMixture(LOGITS[0], LOCATIONS[0], LOG_SCALES[0], step)
    drawn = distribution.draw(rows, torch_generator(0))
    assert drawn.shape == (rows, 2)
    for feature in range(2):
        hits = (drawn[:, feature, None] == levels(step)).double()
        assert (hits.sum(1) == 1).all()
        mass = torch.as_tensor(scipy_masses(step)[feature])
        assert ((hits.mean(0) - mass).abs() <= 5 * (mass * (1 - mass) / rows).sqrt() + 1 / rows).all()


def test_levels_in_float32_are_found_after_rounding() -> None:
    """k/255 and k · (1/255) differ in the last bit: the first and the last bin must still be themselves."""
    numbers = torch.arange(256, dtype=torch.float32)
    distribution = single(0.4, -1.0, 1 / 255, torch.float32)
    divided = distribution.log_prob((numbers / 255).unsqueeze(-1))
    multiplied = distribution.log_prob((numbers * (1 / 255)).unsqueeze(-1))
    torch.testing.assert_close(divided, multiplied, rtol=1e-5, atol=0)
    assert float(multiplied.double().exp().sum()) == pytest.approx(1, abs=1e-4)


def test_gradients_at_the_ends_inside_and_far_away() -> None:
    value = torch.tensor([[0.0, 1.0], [0.25, 0.5], [1.0, 0.0]], dtype=torch.float64)
    far = LOCATIONS * 20
    for locations in (LOCATIONS, far):
        require_gradient(
            lambda *p: DiscretisedLogisticMixture(*p, step=1 / 16).log_prob(value),
            (LOGITS, locations, LOG_SCALES),
            "mass",
        )


def test_steps_count_levels() -> None:
    assert [single(0.0, 0.0, step).number_of_levels for step in STEPS] == [2, 3, 17, 256, 1001]
    assert single(0.0, 0.0, float(Fraction(1, 65535))).number_of_levels == 65536
