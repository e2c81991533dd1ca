"""Priors over symbols: what symbols cost, and how often they are drawn."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from isthmus.components.priors.categorical_mixture import CategoricalMixture
from isthmus.components.priors.uniform_symbols import UniformSymbols
from isthmus.core.random import torch_generator
from isthmus.distributions import QuantisedPosterior, kl_divergence

LEVELS = (3, 2)


def posterior(symbols: list[list[int]]) -> QuantisedPosterior:
    code = torch.zeros(len(symbols), 4)
    return QuantisedPosterior(code, code, torch.tensor(symbols), math.log(6))


def fitted() -> torch.nn.Module:
    module = CategoricalMixture(2).build(4, levels=LEVELS).double()
    first = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    module.assign(torch.tensor([0.25, 0.75]), [first, torch.tensor([[0.9, 0.1], [0.4, 0.6]])])
    return module


def test_uniform_symbols_cost_the_sum_of_their_logarithms() -> None:
    """Oracle 8."""
    prior = UniformSymbols().build(4, levels=LEVELS)()
    q = posterior([[0, 1], [2, 0], [1, 1]])
    assert kl_divergence(q, prior).tolist() == pytest.approx([math.log(6)] * 3)
    assert prior.log_prob(q.symbols).tolist() == pytest.approx([-math.log(6)] * 3)
    draws = prior.draw(3000, torch_generator(0))
    assert draws.dtype == torch.int64
    counts = torch.stack([(draws == torch.tensor(one)).all(1).sum() for one in itertools.product(range(3), range(2))])
    assert (counts / 3000 - 1 / 6).abs().max() < 0.03


def test_mixture_mass_by_enumeration() -> None:
    distribution = fitted()()
    everything = torch.tensor(list(itertools.product(range(3), range(2))))
    mass = distribution.log_prob(everything).exp()
    assert mass.sum().item() == pytest.approx(1, abs=1e-6)
    assert mass[everything.tolist().index([2, 1])].item() == pytest.approx(
        0.25 * 0.2 * 0.1 + 0.75 * 0.8 * 0.6, rel=1e-6
    )
    q = posterior([[2, 1]])
    wanted = -math.log(0.25 * 0.2 * 0.1 + 0.75 * 0.8 * 0.6)
    assert kl_divergence(q, distribution).item() == pytest.approx(wanted, rel=1e-6)
    shares = distribution.responsibilities(torch.tensor([[2, 1]]))
    assert shares[0, 0].item() == pytest.approx(0.005 / 0.365, rel=1e-5)
    assert distribution.log_prob(everything.expand(2, 6, 2)).shape == (2, 6)


def test_a_place_never_draws_symbols_that_it_does_not_have() -> None:
    module = CategoricalMixture(3).build(4, levels=(2, 5))
    draws = module().draw(500, torch_generator(0))
    assert draws.amax(0).tolist() == [1, 4]
