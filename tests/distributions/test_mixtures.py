"""Mixtures: densities and responsibilities against brute force, with leading axes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalMixture, FullNormal, NormalMixture, StandardNormal


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


def factors(*shape: int) -> Tensor:
    return (0.4 * normal(*shape)).tril(-1) + torch.diag_embed((0.4 * normal(*shape[:-1], seed=1)).exp())


def diagonal(k: int, dim: int, offset: float = 0.0) -> DiagonalMixture:
    return DiagonalMixture(normal(k).log_softmax(0), offset + normal(k, dim), 0.5 * normal(k, dim, seed=1) - 1)


def full(k: int, dim: int) -> NormalMixture:
    return NormalMixture(normal(k).log_softmax(0), normal(k, dim), factors(k, dim, dim))


def brute_force(p: DiagonalMixture, z: Tensor) -> Tensor:
    """log w_k + log N_k(z) through the (..., n, k, d) tensor."""
    standardised = (z.unsqueeze(-2) - p.means) / p.log_stds.exp()
    terms = -0.5 * standardised.square() - p.log_stds - 0.5 * math.log(2 * math.pi)
    return terms.sum(-1) + p.log_weights


def near(p: DiagonalMixture, n: int) -> Tensor:
    """Rows around the components."""
    return p.sample_shared(normal(n, p.means.shape[-1] + 1, seed=4))


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_diagonal_mixture_is_brute_force(offset: float) -> None:
    p = diagonal(50, 8, offset)
    z = near(p, 30)
    wanted = brute_force(p, z)
    torch.testing.assert_close(p.component_log_prob(z), wanted, rtol=1e-10, atol=0)
    torch.testing.assert_close(p.log_prob(z), wanted.logsumexp(-1), rtol=1e-10, atol=0)
    torch.testing.assert_close(p.responsibilities(z), wanted.softmax(-1), rtol=1e-8, atol=1e-12)
    deep = p.log_prob(z.view(3, 10, 8))
    assert deep.shape == (3, 10)
    torch.testing.assert_close(deep.flatten(), p.log_prob(z), rtol=1e-12, atol=0)


@pytest.mark.parametrize("log_std", [-5.0, -1.0])
@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_single_precision_does_not_cancel(log_std: float, offset: float) -> None:
    p = DiagonalMixture(normal(500).log_softmax(0), offset + normal(500, 40), log_std + 0.3 * normal(500, 40, seed=1))
    single = DiagonalMixture(p.log_weights.float(), p.means.float(), p.log_stds.float())
    z = near(p, 64).float()
    exact = DiagonalMixture(*(t.double() for t in (single.log_weights, single.means, single.log_stds)))
    assert single.log_prob(z).dtype == torch.float32
    wanted = brute_force(exact, z.double()).logsumexp(-1)
    torch.testing.assert_close(single.log_prob(z).double(), wanted, rtol=1e-6, atol=0)


def test_diagonal_mixture_is_differentiable() -> None:
    inputs = (normal(3), normal(3, 2), 0.3 * normal(3, 2, seed=1), normal(4, 2, seed=2))

    def log_prob(logits: Tensor, means: Tensor, log_stds: Tensor, z: Tensor) -> Tensor:
        return DiagonalMixture(logits.log_softmax(0), means, log_stds).log_prob(z)

    assert torch.autograd.gradcheck(log_prob, tuple(t.requires_grad_() for t in inputs))


def test_diagonal_and_full_mixtures_agree() -> None:
    p = diagonal(4, 3)
    other = NormalMixture(p.log_weights, p.means, torch.diag_embed(p.log_stds.exp()))
    z = normal(6, 3, seed=8)
    torch.testing.assert_close(p.component_log_prob(z), other.component_log_prob(z), rtol=1e-11, atol=0)
    noise = normal(2, 5, 4, seed=9)
    torch.testing.assert_close(p.sample_shared(noise), other.sample_shared(noise), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(p.draw(5, torch_generator(1)), other.draw(5, torch_generator(1)), rtol=1e-13, atol=1e-13)


def test_normal_mixture_with_leading_axes() -> None:
    p, z = full(3, 2), normal(5, 4, 2, seed=3)
    found = p.component_log_prob(z)
    assert found.shape == (5, 4, 3)
    for k in range(3):
        covariance = (p.scale_trils[k] @ p.scale_trils[k].T).numpy()
        component = stats.multivariate_normal(p.means[k].numpy(), covariance)
        np.testing.assert_allclose(found[..., k], component.logpdf(z.numpy()) + float(p.log_weights[k]), rtol=1e-11)
    torch.testing.assert_close(p.log_prob(z), torch.stack([p.log_prob(each) for each in z]), rtol=1e-12, atol=0)


@pytest.mark.parametrize("p", [full(3, 2), diagonal(3, 2)], ids=["full", "diagonal"])
def test_responsibilities_are_bayes_rule(p: NormalMixture | DiagonalMixture) -> None:
    z = normal(5, 4, 2, seed=3)
    joint = p.component_log_prob(z).exp()
    torch.testing.assert_close(p.responsibilities(z), joint / joint.sum(-1, keepdim=True), rtol=1e-11, atol=0)


def test_normals_with_leading_axes() -> None:
    z = normal(5, 4, 3)
    p = FullNormal(normal(3, seed=1), factors(3, 3))
    reference = stats.multivariate_normal(p.mean.numpy(), (p.scale_tril @ p.scale_tril.T).numpy())
    assert p.log_prob(z).shape == (5, 4)
    np.testing.assert_allclose(p.log_prob(z), reference.logpdf(z.numpy()), rtol=1e-11)
    np.testing.assert_allclose(StandardNormal(3).log_prob(z), stats.norm.logpdf(z.numpy()).sum(-1), rtol=1e-12)


def test_mixture_draws_have_its_moments() -> None:
    p, n = diagonal(3, 2), 40_000
    z = p.draw(n, torch_generator(2))
    weights = p.log_weights.exp()
    mean = weights @ p.means
    second = weights @ (p.means.square() + (2 * p.log_stds).exp())
    assert ((z.mean(0) - mean).abs() <= 5 * z.std(0) / math.sqrt(n)).all()
    assert ((z.square().mean(0) - second).abs() <= 5 * z.square().std(0) / math.sqrt(n)).all()
