"""Traversals, maps and moved codes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from isthmus.core.errors import ParameterError
from isthmus.uses.diagnosis import Diagnosis
from isthmus.uses.exploration import activity_order, chosen_dimensions, moved, quantile_grid, traversal

MEAN, DEVIATION = np.array([1.0, -1.0, 0.0]), np.array([2.0, 0.5, 1.0])


def test_a_traversal_moves_one_dimension_at_a_time():
    codes = traversal(np.array([7.0, 8.0, 9.0]), MEAN, DEVIATION, np.array([1, 0]), 2.0, 5)
    assert codes.shape == (2, 5, 3)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes[0], [[7, v, 9] for v in (-2, -1.5, -1, -0.5, 0)])
    np.testing.assert_allclose(codes[1], [[v, 8, 9] for v in (-3, -1, 1, 3, 5)])


def test_a_map_lies_at_the_quantiles_and_reads_as_a_picture():
    grid = quantile_grid(MEAN[:2], DEVIATION[:2], 2.0, 5)
    shares = np.linspace(norm.cdf(-2), norm.cdf(2), 5)
    np.testing.assert_allclose(grid[0, :, 0], norm.ppf(shares, 1, 2), rtol=1e-6)
    np.testing.assert_allclose(grid[:, 0, 1], norm.ppf(shares, -1, 0.5)[::-1], rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(grid[3, :, 0], grid[0, :, 0])
    np.testing.assert_array_equal(grid[:, 3, 1], grid[:, 0, 1])
    np.testing.assert_array_equal(grid[2, 2], MEAN[:2])


def test_a_rate_is_a_better_judge_than_a_deviation():
    known = Diagnosis(2, 3.0, [0.0, 2.0, 1.0], None)
    np.testing.assert_array_equal(activity_order(known, DEVIATION), [1, 2, 0])
    unknown = Diagnosis(2, None, None, None)
    np.testing.assert_array_equal(activity_order(unknown, DEVIATION), [0, 2, 1])


@pytest.mark.parametrize(
    ("dims", "expected"),
    [(None, [2, 0]), (1, [2]), (3, [2, 0, 1]), ([1, 2], [1, 2]), (np.array([0]), [0]), ((2,), [2])],
)
def test_dimensions_are_chosen_by_number_or_by_activity(dims, expected):
    np.testing.assert_array_equal(chosen_dimensions(dims, np.array([2, 0, 1]), active=2), expected)


def test_a_code_without_active_dimensions_still_shows_one():
    np.testing.assert_array_equal(chosen_dimensions(None, np.array([2, 0, 1]), active=0), [2])


@pytest.mark.parametrize("dims", [0, 4, -1, True, [3], [-1], [0, 0], [], [0.5], "z", [[0, 1]]])
def test_other_dimensions_are_refused(dims):
    with pytest.raises(ParameterError, match="a number of dimensions from 1 to 3, or different dimensions from 0 to 2"):
        chosen_dimensions(dims, np.array([2, 0, 1]), active=2)


@pytest.mark.parametrize(
    ("span", "steps", "words"),
    [
        (0, 5, r"`span` must be a number in \(0, inf\); got 0"),
        (np.inf, 5, "`span` must be a number"),
        ("wide", 5, "`span` must be a number"),
        (1.0, 1, r"`steps` must be an integer in \[2, inf\); got 1"),
        (1.0, 2.5, "`steps` must be an integer"),
    ],
)
def test_impossible_grids_are_refused(span, steps, words):
    with pytest.raises(ParameterError, match="traverse: " + words):
        traversal(MEAN, MEAN, DEVIATION, np.array([0]), span, steps)
    with pytest.raises(ParameterError, match="manifold: " + words):
        quantile_grid(MEAN[:2], DEVIATION[:2], span, steps)


def test_codes_are_moved_each_by_its_amount():
    codes = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    direction = np.array([0.0, 2.0])
    np.testing.assert_allclose(moved(codes, direction, np.array([0.0, -1.0]), False), [[1, 0], [0, -1]])
    onto = moved(codes, direction, np.array([0.5, 0.5]), True)
    np.testing.assert_allclose(onto, [[2**-0.5, 2**-0.5], [0, 1]], rtol=1e-6)
    # Through the centre there is no direction to come back to.
    np.testing.assert_array_equal(moved(codes, -direction, np.array([0.0, 0.5]), True), codes)
