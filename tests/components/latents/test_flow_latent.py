"""Inverse autoregressive flows: densities by brute force, samples that remember theirs."""

from __future__ import annotations

import builtins

import pytest
import torch

from isthmus.components.latents.flow import FlowLatent
from isthmus.components.networks.layers import initialise
from isthmus.core.errors import MissingDependencyError
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def posterior_of(spec: FlowLatent, parameters: torch.Tensor, latent_dim: int = 3):
    module = spec.build(latent_dim)
    initialise(torch.nn.ModuleList([module]), torch_generator(0))
    module = module.double()
    for weight in module.parameters():
        weight.data += 0.1 * normal(*weight.shape, seed=2)
    return module(parameters)


def test_density_is_that_of_the_change_of_variables() -> None:
    """log q(z) = log N(u) − log |det dz/du|, with the Jacobian by autograd."""
    spec = FlowLatent(transforms=2, hidden=(5,), context=2)
    parameters = normal(1, 8)
    posterior = posterior_of(spec, parameters)
    noise = normal(1, 3, seed=1)
    z = posterior.sample(noise)
    jacobian = torch.autograd.functional.jacobian(lambda e: posterior.sample(e)[0], noise)[:, 0]
    base = DiagonalNormal(torch.zeros(1, 3).double(), torch.zeros(3).double())
    wanted = base.log_prob(noise) - torch.linalg.slogdet(jacobian).logabsdet
    assert (jacobian.abs() > 1e-6).sum() > 3  # it is no diagonal map
    torch.testing.assert_close(posterior.log_prob(z.clone()), wanted, rtol=0, atol=1e-10)
    z = posterior.sample(noise)
    torch.testing.assert_close(posterior.log_prob(z), wanted, rtol=0, atol=1e-10)


def test_the_density_of_the_last_sample_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = posterior_of(FlowLatent(context=4), normal(5, 10))
    noise = normal(7, 5, 3, seed=1)
    z = posterior.sample(noise)
    inverted = posterior.log_prob(z.clone())
    monkeypatch.setattr(posterior.flow, "inverse", None)
    assert inverted.shape == (7, 5)
    torch.testing.assert_close(posterior.log_prob(z), inverted, rtol=0, atol=1e-10)
    with pytest.raises(TypeError):
        posterior.log_prob(z.clone())


def test_what_was_sampled_without_gradients_is_not_remembered_with_them() -> None:
    posterior = posterior_of(FlowLatent(context=4), normal(5, 10).requires_grad_(True))
    with torch.no_grad():
        z = posterior.sample(normal(5, 3))
    assert posterior.log_prob(z).requires_grad


def test_the_code_is_the_image_of_no_noise() -> None:
    posterior = posterior_of(FlowLatent(context=4), normal(5, 10))
    assert torch.equal(posterior.code, posterior.sample(torch.zeros(5, 3).double()))
    assert not hasattr(posterior, "stddev")


def test_several_draws_per_row_are_those_of_each() -> None:
    posterior = posterior_of(FlowLatent(context=4), normal(5, 10))
    noise = normal(3, 5, 3)
    together = posterior.sample(noise)
    for draw, one in zip(noise, together, strict=True):
        torch.testing.assert_close(posterior.sample(draw), one, rtol=0, atol=1e-13)


def test_begins_close_to_the_gaussian() -> None:
    module = FlowLatent().build(4)
    initialise(torch.nn.ModuleList([module]), torch_generator(0))
    parameters = torch.randn(50, 24, generator=torch_generator(1))
    assert (module(parameters).code - parameters[:, :4]).abs().max() < 0.5


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("zuko"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"Flows need zuko.*pip install 'isthmus\[flows\]'"):
        FlowLatent().build(2)
