"""Priors on the sphere."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import vonmises_fisher

from isthmus.components.priors.uniform_sphere import UniformSphere
from isthmus.components.priors.von_mises_fisher_mixture import VonMisesFisherMixture
from isthmus.core.random import torch_generator


def test_uniform_density_is_one_over_the_area() -> None:
    distribution = UniformSphere().build(3).double()()
    z = distribution.draw(5, torch_generator(0))
    assert distribution.log_prob(z).tolist() == pytest.approx([-math.log(4 * math.pi)] * 5, abs=1e-12)
    assert z.dtype == torch.float64


def test_mixture_density_is_that_of_scipy() -> None:
    module = VonMisesFisherMixture(2).build(3).double()
    directions = torch.nn.functional.normalize(torch.tensor([[1.0, 2.0, 0.5], [-1.0, 0.0, 1.0]]).double(), dim=-1)
    module.assign(torch.tensor([0.3, 0.7], dtype=torch.float64), directions, torch.tensor([4.0, 20.0]).double())
    z = UniformSphere().build(3).double()().draw(6, torch_generator(0))
    each = [
        weight * vonmises_fisher(direction.numpy(), kappa).pdf(z.numpy())
        for weight, direction, kappa in zip([0.3, 0.7], directions, [4.0, 20.0], strict=True)
    ]
    wanted = torch.from_numpy(each[0] + each[1]).log()
    distribution = module()
    torch.testing.assert_close(distribution.log_prob(z), wanted, rtol=0, atol=1e-10)
    torch.testing.assert_close(distribution.log_prob(z.expand(2, 6, 3))[1], wanted, rtol=0, atol=1e-10)


def test_mixture_draws_come_from_its_components() -> None:
    module = VonMisesFisherMixture(2).build(2).double()
    module.assign(torch.tensor([0.25, 0.75]), torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([300.0, 300.0]))
    draws = module().draw(2000, torch_generator(0))
    torch.testing.assert_close(draws.square().sum(-1), torch.ones(2000).double())
    assert (draws[:, 0] > 0.9).double().mean().item() == pytest.approx(0.25, abs=0.05)
    assert (draws[:, 0].abs() > 0.9).all()
    noise = torch.randn(3, 500, 3, generator=torch_generator(1), dtype=torch.float64)
    shared = module().sample_shared(noise)
    assert shared.shape == (3, 500, 2)
    assert (shared[..., 0] > 0.9).double().mean().item() == pytest.approx(0.25, abs=0.06)
