"""Critics: their losses in numbers, the optimum that theory gives, and what the best critic knows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor, nn

from isthmus.components.networks.layers import initialise
from isthmus.components.networks.mlp import MLP
from isthmus.components.penalties.adversarial_matching import AdversarialMatching
from isthmus.components.penalties.adversarial_total_correlation import AdversarialTotalCorrelation
from isthmus.components.penalties.critic import CriticPenalty
from isthmus.components.penalties.kl import KL
from isthmus.core.batch import Batch
from isthmus.core.errors import ParameterError
from isthmus.core.forward_pass import ForwardPass
from isthmus.core.random import torch_generator
from isthmus.distributions import DiagonalNormal, Distribution, StandardNormal
from isthmus.testing import check_component, variants

CRITIC = MLP(hidden=(3,), activation="tanh")
EVERY = (AdversarialMatching(critic=CRITIC), AdversarialTotalCorrelation(critic=CRITIC))
RHO = 0.9


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch_generator(seed), dtype=torch.float64)


def pass_with(z: Tensor, prior: Distribution | None = None) -> ForwardPass:
    """A pass of which critics see the codes and the prior only."""
    prior = StandardNormal(z.shape[1], dtype=z.dtype) if prior is None else prior
    unused: Any = None
    return ForwardPass(Batch(z), z, unused, z, prior, unused, unused, unused)


class Analytic(nn.Module):
    """A critic that is a formula."""

    def __init__(self, logit: Any) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, z: Tensor) -> Tensor:
        return self.logit(z).unsqueeze(-1)


def module_of(spec: CriticPenalty, latent_dim: int, logit: Any = None) -> Any:
    module = spec.build(latent_dim, 5).double()
    if logit is None:
        initialise(module, torch_generator(1))
    else:
        module.critic = Analytic(logit)
    return module


def correlated(rows: int, seed: int = 0) -> Tensor:
    z = normal(rows, 2, seed=seed)
    return torch.stack([z[:, 0], RHO * z[:, 0] + math.sqrt(1 - RHO**2) * z[:, 1]], 1)


def log_ratio(z: Tensor) -> Tensor:
    """log q(z) / q(z_1) q(z_2) of the correlated normal, from scipy."""
    joint = stats.multivariate_normal([0, 0], [[1, RHO], [RHO, 1]]).logpdf(z.numpy())
    return torch.from_numpy(joint - stats.norm.logpdf(z.numpy()).sum(-1))


@pytest.mark.parametrize("spec", [one for spec in EVERY for one in variants(spec) if one.critic != "auto"], ids=repr)
def test_conformance(spec: CriticPenalty) -> None:
    check_component(spec)


@pytest.mark.parametrize("spec", EVERY, ids=repr)
def test_a_critic_that_knows_nothing_loses_two_ln_2_per_pair(spec: CriticPenalty) -> None:
    module = module_of(spec, 3, lambda z: z.sum(-1) * 0)
    z, noise = normal(10, 3), normal(10, spec.noise_width(3, 5), seed=1)
    assert float(module.critic_loss(pass_with(z), noise)) == pytest.approx(20 * math.log(2), rel=1e-12)
    value = 10 * math.log(2) if isinstance(spec, AdversarialMatching) else 0.0
    assert float(module.value(pass_with(z), noise)) == pytest.approx(value, rel=1e-12)


def test_matching_asks_codes_to_pass_for_draws_of_the_prior() -> None:
    """Cross-entropies with D = σ(h): draws of the prior are the first kind, codes the second."""
    h = lambda z: 0.7 * z[:, 0] - z[:, 1] ** 2  # noqa: E731
    module = module_of(AdversarialMatching(critic=CRITIC), 2, h)
    prior = DiagonalNormal(torch.ones(2).double(), torch.zeros(2).double())
    prior_like = type("Shared", (StandardNormal,), {"sample_shared": lambda self, noise: prior.mean + noise[..., :-1]})
    z, noise = normal(6, 2), normal(6, 3, seed=1)
    found = pass_with(z, prior_like(2))
    decide = lambda codes: 1 / (1 + np.exp(-h(codes).numpy()))  # noqa: E731
    drawn = 1 + noise[:, :2]
    expected = -np.log(decide(drawn)).sum() - np.log(1 - decide(z)).sum()
    assert float(module.critic_loss(found, noise)) == pytest.approx(expected, rel=1e-12)
    assert float(module.value(found, noise)) == pytest.approx(-np.log(decide(z)).sum(), rel=1e-12)


def test_total_correlation_is_the_sum_of_logits_and_its_critic_sees_each_column_permuted() -> None:
    h = lambda z: 0.7 * z[:, 0] * z[:, 1]  # noqa: E731
    module = module_of(AdversarialTotalCorrelation(critic=CRITIC), 2, h)
    z, noise = normal(6, 2), normal(6, 2, seed=1)
    permuted = torch.stack([z[np.argsort(noise[:, j].numpy()), j] for j in range(2)], 1)
    assert not torch.equal(permuted[:, 0] * permuted[:, 1], z[:, 0] * z[:, 1])
    decide = lambda codes: 1 / (1 + np.exp(-h(codes).numpy()))  # noqa: E731
    expected = -np.log(decide(z)).sum() - np.log(1 - decide(permuted)).sum()
    assert float(module.critic_loss(pass_with(z), noise)) == pytest.approx(expected, rel=1e-12)
    assert float(module.value(pass_with(z), noise)) == pytest.approx(float(h(z).sum()), rel=1e-12)


def test_the_best_critic_gives_the_total_correlation() -> None:
    """Oracle 14: −½ ln(1 − ρ²) for one pair of dimensions with correlation ρ."""
    module = module_of(AdversarialTotalCorrelation(critic=CRITIC), 2, log_ratio)
    logits = module.logits(correlated(100_000))
    error = float(logits.std()) / math.sqrt(100_000)
    assert error < 0.005
    assert abs(float(logits.mean()) + 0.5 * math.log(1 - RHO**2)) < 5 * error


def test_no_critic_does_better_than_the_log_ratio() -> None:
    z, noise = correlated(40_000), normal(40_000, 2, seed=1)
    losses = [
        float(
            module_of(
                AdversarialTotalCorrelation(critic=CRITIC), 2, lambda z, a=a, b=b: a * log_ratio(z) + b
            ).critic_loss(pass_with(z), noise)
        )
        for a, b in ((1.0, 0.0), (0.8, 0.0), (1.2, 0.0), (1.0, 0.2), (1.0, -0.2), (-1.0, 0.0))
    ]
    assert losses[0] < min(losses[1:]) - 10


def test_a_trained_critic_finds_the_total_correlation() -> None:
    module = module_of(AdversarialTotalCorrelation(critic=MLP(hidden=(32, 32), activation="relu")), 2)
    module.float()
    optimiser = torch.optim.Adam(module.parameters(), lr=5e-3, betas=module.betas)
    averaged = [torch.zeros_like(parameter) for parameter in module.parameters()]
    for step in range(400):
        loss = module.critic_loss(pass_with(correlated(256, seed=step).float()), normal(256, 2, seed=10_000 + step))
        optimiser.zero_grad()
        (loss / 256).backward()
        optimiser.step()
        with torch.no_grad():
            for total, parameter in zip(averaged, module.parameters(), strict=True):
                total += parameter * (step >= 200) / 200
    with torch.no_grad():
        for parameter, total in zip(module.parameters(), averaged, strict=True):
            parameter.copy_(total)
        found = float(module.value(pass_with(correlated(20_000, seed=99).float()))) / 20_000
    assert found == pytest.approx(-0.5 * math.log(1 - RHO**2), rel=0.1)


def test_the_best_matching_critic_loses_what_the_jensen_shannon_divergence_says() -> None:
    """2 ln 2 − 2 JS(p‖q) per pair (Goodfellow et al. 2014, arXiv:1406.2661), here for N(0, 1) and N(1.5, 1)."""
    p, q = stats.norm(0, 1), stats.norm(1.5, 1)
    half = lambda a: integrate.quad(  # noqa: E731
        lambda z: 0.5 * a.pdf(z) * (a.logpdf(z) - math.log(0.5 * (p.pdf(z) + q.pdf(z)))), -12, 14
    )[0]
    best = lambda z: torch.from_numpy(p.logpdf(z.numpy()) - q.logpdf(z.numpy())).squeeze(-1)  # noqa: E731
    module = module_of(AdversarialMatching(critic=CRITIC), 1, best)
    rows = 100_000
    z, noise = 1.5 + normal(rows, 1), normal(rows, 2, seed=1)
    loss = float(module.critic_loss(pass_with(z), noise)) / rows
    assert loss == pytest.approx(2 * math.log(2) - 2 * (half(p) + half(q)), abs=0.01)
    value = integrate.quad(lambda z: q.pdf(z) * math.log1p(q.pdf(z) / p.pdf(z)), -12, 14)[0]
    assert float(module.value(pass_with(z), noise)) / rows == pytest.approx(value, abs=0.01)


@pytest.mark.parametrize("spec", EVERY, ids=repr)
def test_codes_and_the_prior_come_in_detached(spec: CriticPenalty) -> None:
    module = module_of(spec, 2)
    z, shift = normal(6, 2).requires_grad_(), torch.zeros(2).double().requires_grad_()
    shared = type("Shared", (StandardNormal,), {"sample_shared": lambda self, noise: shift + noise[..., :-1]})
    noise = normal(6, spec.noise_width(2, 5), seed=1)
    loss = module.critic_loss(pass_with(z, shared(2)), noise)
    inputs = [z, shift, *module.parameters()]
    to_codes, to_prior, *to_critic = torch.autograd.grad(loss, inputs, allow_unused=True)
    assert to_codes is None
    assert to_prior is None
    assert all(gradient is not None for gradient in to_critic)
    assert torch.autograd.grad(module.value(pass_with(z), noise), z)[0].abs().min() > 0


@pytest.mark.parametrize("spec", EVERY, ids=repr)
def test_what_a_critic_must_be(spec: CriticPenalty) -> None:
    for wrong in (KL(), 3, None, "mlp"):
        with pytest.raises(ParameterError, match=r"`critic` must be 'auto', or a network such as .*; got"):
            replace(spec, critic=wrong).validate()
    with pytest.raises(ParameterError, match=f"{type(spec).__name__}: `critic` must be a network before"):
        replace(spec, critic="auto").build(2, 5)
    with pytest.raises(ParameterError, match=r"`rate_factor` must be a number in \(0, inf\); got 0"):
        replace(spec, rate_factor=0).validate()
    with pytest.raises(TypeError, match="has a critic: build"):
        spec.value(pass_with(normal(3, 2)))
    module = replace(spec, rate_factor=0.5).build(2, 5)
    assert (module.rate_factor, module.betas, module.has_critic) == (0.5, (0.5, 0.9), True)
