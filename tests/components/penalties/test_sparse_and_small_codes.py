"""L1, average activation and norm of the code: values by hand, sums over rows, gradients."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

import isthmus
from isthmus.components.latents.base import Latent
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.latents.point import Point
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.activation_target import ActivationTarget
from isthmus.components.penalties.base import Penalty
from isthmus.components.penalties.code_norm import CodeNorm
from isthmus.components.penalties.sparsity import L1Sparsity
from isthmus.core.batch import Batch
from isthmus.core.blocks import Block
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, PointMass, Posterior
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.defaults import Parts, complete

BLOCK = Block("continuous", 0, 5, (5,))
CODE = torch.tensor([[0.5, -2.0, 0.0], [1.0, 0.25, -3.0]], dtype=torch.float64)


def model_with(latent: Latent, penalty: Penalty) -> ComposedAutoencoder:
    parts = Parts(latent_dim=3, network=MLP(hidden=(4,), activation="tanh"), latent=latent, penalties={"it": penalty})
    return complete(parts, [BLOCK]).build([BLOCK], torch_generator(0)).double()


def rows(n: int = 6) -> Tensor:
    return torch.randn(n, 5, generator=torch_generator(1), dtype=torch.float64)


def pass_of(posterior: Posterior) -> ForwardPass:
    """A pass with this posterior; nothing else of it matters here, and z least of all."""
    found = model_with(Point(), L1Sparsity()).forward_pass(Batch(rows(len(posterior.code))), None)
    return dataclasses.replace(found, posterior=posterior, z=torch.full_like(found.z, 7.0))


def test_l1_is_the_sum_of_magnitudes() -> None:
    assert float(L1Sparsity().value(pass_of(PointMass(CODE)))) == 6.75


def test_the_code_norm_is_half_the_sum_of_squares() -> None:
    assert float(CodeNorm().value(pass_of(PointMass(CODE)))) == 0.5 * (0.25 + 4 + 1 + 0.0625 + 9)


@pytest.mark.parametrize("penalty", [L1Sparsity(), CodeNorm()])
def test_of_a_distribution_the_code_counts(penalty: Penalty) -> None:
    wide = DiagonalNormal(CODE, torch.ones_like(CODE))
    assert torch.equal(penalty.value(pass_of(wide)), penalty.value(pass_of(PointMass(CODE))))


def test_the_gradients_of_l1_and_norm() -> None:
    for penalty, expected in ((L1Sparsity(), CODE.sign()), (CodeNorm(), CODE)):
        code = CODE.clone().requires_grad_()
        penalty.value(pass_of(PointMass(code))).backward()
        assert code.grad is not None
        torch.testing.assert_close(code.grad, expected, rtol=0, atol=0)


def test_the_activation_target_is_the_divergence_of_coins_for_each_row() -> None:
    code = torch.tensor([[0.1, 0.9], [0.3, 0.5], [0.2, 0.4]], dtype=torch.float64)
    rho, means = 0.05, [0.2, 0.6]
    divergence = sum(rho * math.log(rho / m) + (1 - rho) * math.log((1 - rho) / (1 - m)) for m in means)
    value = float(ActivationTarget(target=rho).value(pass_of(PointMass(code, "sigmoid"))))
    assert value == pytest.approx(3 * divergence, rel=1e-13)


def test_the_activation_target_is_reached_at_the_target() -> None:
    code = torch.tensor([[0.2, 0.4], [0.4, 0.2]], dtype=torch.float64, requires_grad=True)
    value = ActivationTarget(target=0.3).value(pass_of(PointMass(code, "sigmoid")))
    value.backward()
    assert abs(float(value.detach())) < 1e-14
    assert code.grad is not None
    assert code.grad.abs().max() < 1e-13


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_units_that_are_always_off_or_on_have_a_finite_divergence(value: float, dtype: torch.dtype) -> None:
    code = torch.full((4, 2), value, dtype=dtype, requires_grad=True)
    found = ActivationTarget().value(pass_of(PointMass(code, "sigmoid")))
    found.backward()
    assert found.isfinite()
    assert float(found.detach()) > 1
    assert code.grad is not None
    assert code.grad.isfinite().all()


def test_the_loss_has_weight_times_divergence_whatever_the_batch_size() -> None:
    model = model_with(Point("sigmoid"), ActivationTarget(weight=3.0, target=0.1))
    weights = {"it": 3.0}
    once = model.loss(Batch(rows()), None, weights)
    twice = model.loss(Batch(rows().repeat(2, 1)), None, weights)
    torch.testing.assert_close(once.total, twice.total, rtol=1e-12, atol=0)
    mean = model.encode(rows()).code.mean(0).detach().numpy()
    divergence = (0.1 * np.log(0.1 / mean) + 0.9 * np.log(0.9 / (1 - mean))).sum()
    expected = float(once.parts["reconstruction"].detach()) / 6 + 3 * divergence
    assert float(once.total.detach()) == pytest.approx(expected, rel=1e-12)
    assert model.whole_batch_penalties == ["it"]


@pytest.mark.parametrize("latent", [Point(), Point("tanh"), Point("relu"), GaussianLatent()])
def test_codes_outside_of_the_unit_interval_are_refused(latent: Latent) -> None:
    message = r"ActivationTarget\)? needs codes between 0 and 1; .* Use latent=Point\(activation='sigmoid'\)"
    with pytest.raises(ParameterError, match=message):
        model_with(latent, ActivationTarget())
    model = model_with(latent, L1Sparsity())  # a composition cannot be asked, a forward pass can
    found = model.forward_pass(Batch(rows()), model.draw_noise(6, torch_generator(2)))
    with pytest.raises(ParameterError, match=message):
        ActivationTarget().value(found)


def test_an_l1_penalty_makes_the_codes_of_an_estimator_sparse() -> None:
    X = rows(200).numpy()
    parts = {"latent_dim": 8, "latent": Point("relu"), "max_epochs": 40, "random_state": 0, "validation_fraction": None}
    codes = [
        isthmus.Autoencoder(**parts, network=MLP(hidden=(16,)), penalties=penalties).fit(X).transform(X)
        for penalties in ({}, {"sparsity": L1Sparsity(weight=1.0)})
    ]
    assert np.abs(codes[1]).sum() < 0.5 * np.abs(codes[0]).sum()
    assert (codes[1] == 0).mean() > (codes[0] == 0).mean() + 0.2
