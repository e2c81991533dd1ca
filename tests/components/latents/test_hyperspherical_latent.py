"""The hyperspherical latent: unit vectors, and concentrations above 1."""

from __future__ import annotations

import math

import pytest
import torch

from isthmus.components.latents.hyperspherical import HypersphericalLatent
from isthmus.core.errors import ParameterError
from isthmus.distributions import UniformSphere, kl_divergence


def test_direction_and_concentration_come_from_the_encoder() -> None:
    module = HypersphericalLatent().build(2).double()
    posterior = module(torch.tensor([[3.0, 4.0, math.log(5)], [0.0, -2.0, -800.0], [1.0, 0.0, 1e9]]).double())
    torch.testing.assert_close(posterior.code, torch.tensor([[0.6, 0.8], [0.0, -1.0], [1.0, 0.0]]).double())
    assert posterior.concentration[:, 0].tolist() == pytest.approx([1 + 2 * 5, 1, 1 + 2 * math.exp(12)])


def test_an_encoder_that_says_nothing_still_gives_a_unit_vector() -> None:
    parameters = torch.zeros(2, 4, requires_grad=True)
    posterior = HypersphericalLatent().build(3)(parameters)
    assert posterior.code.tolist() == [[1, 0, 0], [1, 0, 0]]
    kl_divergence(posterior, UniformSphere(3)).sum().backward()
    assert parameters.grad is not None
    assert parameters.grad.isfinite().all()


def test_one_dimension_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match=r"HypersphericalLatent: `latent_dim` must be at least 2; got 1"):
        HypersphericalLatent().parameter_shape(1)
