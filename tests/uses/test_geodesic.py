"""Geodesics against known ones: planes, cylinders, spheres, a hill to go around."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.uses.geodesic import arc_lengths, geodesic


def line(start, end, steps):
    fractions = np.linspace(0, 1, steps)[:, None]
    return (1 - fractions) * start + fractions * end


def cylinder(z):
    return torch.stack([z[:, 0].cos(), z[:, 0].sin(), z[:, 1]], 1)


def sphere(z):
    return torch.stack([z[:, 0].cos() * z[:, 1].cos(), z[:, 0].cos() * z[:, 1].sin(), z[:, 0].sin()], 1)


def hill(z):
    return torch.cat([z, 3 * torch.exp(-2 * z.square().sum(1, keepdim=True))], 1)


def test_a_linear_decoders_geodesic_is_the_straight_line_at_an_even_pace():
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 7)))
    start, end = np.arange(5.0), -np.ones(5)
    found = geodesic(lambda z: z @ weights, start, end, 6)
    np.testing.assert_allclose(found, line(start, end, 6), atol=1e-12)


def test_on_a_cylinder_it_is_the_helix():
    found = geodesic(cylinder, np.array([0.0, 0.0]), np.array([2.0, 3.0]), 129)
    np.testing.assert_allclose(found, line(np.zeros(2), np.array([2.0, 3.0]), 129), atol=1e-3)
    assert arc_lengths(cylinder, found)[-1] == pytest.approx(np.hypot(2, 3), rel=1e-2)


@pytest.mark.parametrize("latitude", [0.3, -1.0])
def test_on_a_sphere_it_is_the_great_circle(latitude):
    start, end = np.array([latitude, 0.0]), np.array([latitude, 2.0])
    found = geodesic(sphere, start, end, 65)
    places = sphere(torch.from_numpy(found)).numpy()
    angle = np.arccos(places[0] @ places[-1])
    assert arc_lengths(sphere, found)[-1] == pytest.approx(angle, rel=1e-2)
    assert arc_lengths(sphere, line(start, end, 65))[-1] == pytest.approx(2 * np.cos(latitude), rel=1e-2)
    # All in one plane through the centre.
    normal = np.cross(places[0], places[-1])
    np.testing.assert_allclose(places @ normal / np.linalg.norm(normal), 0, atol=1e-2)


@pytest.mark.parametrize("aside", [0.0, 0.05], ids=["over the top", "beside it"])
def test_a_hill_is_gone_around(aside):
    start, end = np.array([-2.0, aside]), np.array([2.0, aside])
    found = geodesic(hill, start, end, 129)
    straight = arc_lengths(hill, line(start, end, 257))[-1]
    length = arc_lengths(hill, found)[-1]
    assert straight > 7.5
    assert 4 < length < 4.7
    assert hill(torch.from_numpy(found))[:, 2].max() < 1  # of 3
    # A stationary curve of least length: moved sideways at its middle it is longer.
    for side in (-0.1, 0.1):
        moved = found + np.array([0.0, side]) * np.sin(np.pi * np.linspace(0, 1, 129))[:, None]
        assert arc_lengths(hill, moved)[-1] > length


def test_the_steps_are_equally_far_apart_and_do_not_change_the_curve():
    start, end = np.array([0.5, 0.0]), np.array([1.0, 2.0])
    many, few = geodesic(sphere, start, end, 33), geodesic(sphere, start, end, 9)
    np.testing.assert_allclose(many[::4], few, atol=1e-12)
    np.testing.assert_allclose(np.diff(arc_lengths(sphere, many)), arc_lengths(sphere, many)[-1] / 32, rtol=1e-3)
    np.testing.assert_array_equal(few, geodesic(sphere, start, end, 9))


def test_a_line_that_cannot_be_improved_is_kept():
    """A decoder whose gradient is zero everywhere: the search finds nothing, and must not make it worse."""
    found = geodesic(lambda z: z.round(), np.array([0.0, 0.0]), np.array([4.0, 0.0]), 5)
    np.testing.assert_array_equal(found[:, 1], 0)
    assert (np.diff(found[:, 0]) > 0).all()


def test_a_decoder_that_overflows_leaves_the_line():
    def wild(z):
        return torch.where(z.abs() > 0.5, torch.inf, z)

    start, end = np.array([-0.4, 0.0]), np.array([0.9, 0.0])
    np.testing.assert_allclose(geodesic(wild, start, end, 5), line(start, end, 5))


def test_a_path_from_a_code_to_itself_stays():
    found = geodesic(sphere, np.array([0.1, 0.2]), np.array([0.1, 0.2]), 4)
    np.testing.assert_allclose(found, np.tile([0.1, 0.2], (4, 1)))


def test_arc_lengths_add_up_along_the_polygon():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [3.0, 5.0]])
    np.testing.assert_allclose(arc_lengths(lambda z: 2 * z, points), [0, 10, 10, 12])


def test_a_line_is_walked_at_the_decoders_pace():
    """In one dimension there is no other way, and the curve found is no shorter."""
    found = geodesic(lambda z: z**3, np.array([0.0]), np.array([2.0]), 9)
    np.testing.assert_allclose(found[:, 0] ** 3, np.linspace(0, 8, 9), atol=2e-3)
