"""Samples of priors from noise that is drawn outside."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import special
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import (
    DiagonalMixture,
    DiagonalNormal,
    FullNormal,
    NormalMixture,
    PointMass,
    StandardNormal,
    UniformSphere,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed + sum(shape)), dtype=torch.float64)


def test_normals_leave_the_last_column_alone() -> None:
    noise = normal(2, 5, 4)
    assert torch.equal(StandardNormal(3).sample_shared(noise), noise[..., :3])
    factor = torch.tensor([[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [-1.0, 0.5, 1.0]], dtype=torch.float64)
    mean = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    found = FullNormal(mean, factor).sample_shared(noise)
    assert found.shape == (2, 5, 3)
    torch.testing.assert_close(found[1, 4], mean + factor @ noise[1, 4, :3])


def test_a_component_is_chosen_by_the_cumulated_weights() -> None:
    weights = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    means = torch.tensor([[0.0], [10.0], [20.0]], dtype=torch.float64)
    uniforms = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.71, 1.0], dtype=torch.float64)
    noise = torch.stack([torch.full((6,), 0.5).double(), torch.from_numpy(special.ndtri(uniforms.numpy()))], -1)
    scales = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    wanted = torch.tensor([0.5, 0.5, 11.0, 11.0, 22.0, 22.0], dtype=torch.float64)[:, None]
    for p in (
        NormalMixture(weights.log(), means, scales[:, None, None]),
        DiagonalMixture(weights.log(), means, scales.log()[:, None]),
    ):
        torch.testing.assert_close(p.sample_shared(noise), wanted)
        torch.testing.assert_close(p.sample_shared(noise.view(2, 3, 2)), wanted.view(2, 3, 1))


def test_a_full_component_is_placed_by_its_factor() -> None:
    factor = torch.tensor([[2.0, 0.0], [1.0, 3.0]], dtype=torch.float64)
    p = NormalMixture(torch.zeros(1).double(), torch.tensor([[5.0, 7.0]]).double(), factor[None])
    noise = torch.tensor([[[1.0, 10.0, 0.3]]], dtype=torch.float64)
    assert p.sample_shared(noise).tolist() == [[[7.0, 38.0]]]


def test_components_without_weight_are_never_chosen() -> None:
    weights = torch.tensor([0.0, 0.1, 0.0, 0.2, 0.7, 0.0])
    p = DiagonalMixture(weights.log(), torch.arange(6.0)[:, None], torch.full((6, 1), -30.0))
    noise = torch.zeros(5, 2)
    noise[:, 1] = torch.tensor([-torch.inf, -40.0, 0.0, 8.0, torch.inf])
    assert p.sample_shared(noise).round().flatten().tolist() == [1.0, 1.0, 4.0, 4.0, 4.0]


@pytest.mark.parametrize("kind", [NormalMixture, DiagonalMixture])
def test_shared_samples_have_the_moments_of_the_mixture(kind: type) -> None:
    weights, means, log_stds = normal(3).softmax(0), normal(3, 2), 0.3 * normal(3, 2, seed=1)
    spread = torch.diag_embed(log_stds.exp()) if kind is NormalMixture else log_stds
    n = 40_000
    z = kind(weights.log(), means, spread).sample_shared(normal(n, 3, seed=4))
    assert ((z.mean(0) - weights @ means).abs() <= 5 * z.std(0) / math.sqrt(n)).all()
    second = weights @ (means.square() + (2 * log_stds).exp())
    assert ((z.square().mean(0) - second).abs() <= 5 * z.square().std(0) / math.sqrt(n)).all()


def test_shared_samples_are_reparameterised() -> None:
    noise = normal(5, 3)
    inputs = (normal(3, 2).requires_grad_(), normal(3, 2, seed=1).requires_grad_())
    log_weights = normal(3).log_softmax(0)
    assert torch.autograd.gradcheck(lambda m, s: DiagonalMixture(log_weights, m, s).sample_shared(noise), inputs)
    factors = normal(3, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda m, f: NormalMixture(log_weights, m, f.tril()).sample_shared(noise), (inputs[0], factors)
    )


def test_the_uniform_sphere_ignores_the_last_column() -> None:
    noise = normal(2, 5, 4)
    z = UniformSphere(3).sample_shared(noise)
    torch.testing.assert_close(z, noise[..., :3] / noise[..., :3].norm(dim=-1, keepdim=True))


@pytest.mark.parametrize(
    "q",
    [PointMass(torch.zeros(2, 3)), DiagonalNormal(torch.zeros(2, 3), torch.zeros(2, 3))],
    ids=lambda q: type(q).__name__,
)
def test_what_is_no_prior_says_so(q: PointMass | DiagonalNormal) -> None:
    with pytest.raises(TypeError, match=f"{type(q).__name__} gives no samples shared by all rows: use a prior"):
        q.sample_shared(torch.zeros(2, 4))
