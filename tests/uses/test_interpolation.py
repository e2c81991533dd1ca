"""Paths between codes begin and end where they should."""

import numpy as np
import pytest
import torch

from isthmus.core.errors import ParameterError
from isthmus.uses.interpolation import path_between, spherical

START, END = np.array([3.0, 0.0], dtype=np.float32), np.array([0.0, 1.0], dtype=np.float32)


@pytest.mark.parametrize("path", ["linear", "spherical"])
def test_both_ends_are_exact(path):
    points = path_between(START, END, 5, path)
    np.testing.assert_array_equal(points[[0, -1]], [START, END])
    assert points.shape == (5, 2)
    assert points.dtype == np.float32


def test_linear_is_evenly_spaced():
    np.testing.assert_allclose(
        path_between(START, END, 4, "linear"), [[3, 0], [2, 1 / 3], [1, 2 / 3], [0, 1]], atol=1e-6
    )


def test_spherical_turns_evenly_and_changes_its_norm_evenly():
    points = path_between(START, END, 4, "spherical")
    np.testing.assert_allclose(np.degrees(np.arctan2(points[:, 1], points[:, 0])), [0, 30, 60, 90], atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), [3, 7 / 3, 5 / 3, 1], atol=1e-6)


@pytest.mark.parametrize("end", [[-6.0, 0.0], [6.0, 0.0], [0.0, 0.0]])
def test_spherical_is_straight_where_no_single_circle_joins_the_ends(end):
    fractions = np.linspace(0, 1, 3)
    expected = (1 - fractions)[:, None] * START + fractions[:, None] * np.array(end)
    np.testing.assert_allclose(spherical(START.astype(float), np.array(end), fractions), expected)


@pytest.mark.parametrize(
    ("steps", "path", "words"),
    [
        (1, "linear", r"`steps` must be an integer in \[2, inf\); got 1"),
        (2.0, "linear", r"`steps` must be an integer in \[2, inf\); got 2.0"),
        (True, "linear", r"`steps` must be an integer in \[2, inf\); got True"),
        (3, "curved", "`path` must be 'linear', 'spherical' or 'geodesic'; got 'curved'"),
    ],
)
def test_errors(steps, path, words):
    with pytest.raises(ParameterError, match=words):
        path_between(START, END, steps, path)


def test_a_geodesic_is_that_of_the_decoder_with_exact_ends():
    def cylinder(z):
        return torch.stack([z[:, 0].cos(), z[:, 0].sin(), z[:, 1] ** 3], 1)

    points = path_between(START, END, 9, "geodesic", cylinder)
    np.testing.assert_array_equal(points[[0, -1]], [START, END])
    assert points.dtype == np.float32
    # Cubed, the height changes at an even pace; so does the angle.
    np.testing.assert_allclose(points[:, 1] ** 3, np.linspace(0, 1, 9), atol=0.02)
    np.testing.assert_allclose(points[:, 0], np.linspace(3, 0, 9), atol=0.02)
