"""Densities fitted to codes on the sphere: known truth, and the choice among them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.components.priors.von_mises_fisher_mixture import VonMisesFisherMixture
from isthmus.core.random import torch_generator
from isthmus.distributions import VonMisesFisher
from isthmus.distributions.spherical_mixture import SphericalMixture
from isthmus.uses.sphere_density import (
    UNIFORM_ROWS,
    _maximised,
    concentration_of,
    fit_sphere_density,
    fit_von_mises_fisher_mixture,
)


def planted(rows: int, seed: int = 0) -> np.ndarray:
    truth = SphericalMixture(
        torch.tensor([0.3, 0.7]).double().log(),
        torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]).double(),
        torch.tensor([30.0, 8.0]).double(),
    )
    return truth.draw(rows, torch_generator(seed)).numpy()


@pytest.mark.parametrize("dim", [2, 3, 10])
def test_concentration_is_the_inverse_of_the_mean_length(dim: int) -> None:
    concentration = torch.tensor([1e-3, 0.5, 3.0, 40.0, 2000.0], dtype=torch.float64)
    direction = torch.eye(dim, dtype=torch.float64)[:1].expand(5, -1)
    length = VonMisesFisher(direction, concentration[:, None]).mean[:, 0]
    torch.testing.assert_close(concentration_of(length, dim), concentration, rtol=1e-8, atol=0)


def test_one_component_is_the_maximum_with_one_uniform_row() -> None:
    codes = planted(50)
    weights, directions, concentrations = fit_von_mises_fisher_mixture(codes, 1, seed=0)
    resultant = torch.from_numpy(codes.sum(0))
    torch.testing.assert_close(directions[0], resultant / resultant.norm())
    found = VonMisesFisher(directions, concentrations[:, None]).mean.norm()
    assert found.item() == pytest.approx(resultant.norm().item() / (50 + UNIFORM_ROWS), rel=1e-9)
    assert weights.tolist() == [1]


def test_recovers_a_planted_mixture() -> None:
    weights, directions, concentrations = fit_von_mises_fisher_mixture(planted(4000), 2, seed=1)
    order = weights.argsort()
    assert weights[order].tolist() == pytest.approx([0.3, 0.7], abs=0.03)
    assert directions[order][0].tolist() == pytest.approx([1, 0, 0], abs=0.03)
    assert directions[order][1].tolist() == pytest.approx([0, 0, -1], abs=0.03)
    assert concentrations[order].tolist() == pytest.approx([30, 8], rel=0.1)


def test_every_step_climbs() -> None:
    rows = torch.from_numpy(planted(300))
    mixture = SphericalMixture(torch.full((3,), 1 / 3).double().log(), rows[:3], torch.full((3,), 1.0).double())
    reached = []
    for _ in range(15):
        joint = mixture.component_log_prob(rows)
        # The row that each component shares with the uniform distribution adds log C(κ) to what is maximised.
        normaliser = VonMisesFisher(mixture.means, mixture.concentrations[:, None]).log_normaliser
        reached.append(float(joint.logsumexp(-1).sum() + UNIFORM_ROWS * normaliser.sum()))
        mixture = _maximised(rows, joint.softmax(-1))
    assert (np.diff(reached) > -1e-9).all()
    assert reached[-1] - reached[0] > 10


def test_chooses_what_describes_held_out_codes_best() -> None:
    everywhere = UniformSphere().build(3)().draw(400, torch_generator(0)).numpy()
    assert fit_sphere_density(everywhere[:200], everywhere[200:], seed=0)[0] == UniformSphere()
    assert fit_sphere_density(everywhere, None, seed=0)[0] == UniformSphere()
    spec, module = fit_sphere_density(planted(600), planted(300, seed=1), seed=0)
    assert spec == VonMisesFisherMixture(10)
    assert not any(parameter.requires_grad for parameter in module.parameters())
    assert module().draw(3, torch_generator(0)).dtype == torch.float32
    one = VonMisesFisher(torch.eye(3)[:1], torch.tensor([[20.0]]))
    noise = torch.randn(300, 1, 3, generator=torch_generator(0))
    assert fit_sphere_density(one.sample(noise)[:, 0].numpy(), None, seed=0)[0] == VonMisesFisherMixture(1)
