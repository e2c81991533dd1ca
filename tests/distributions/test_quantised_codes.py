"""Discrete codes: straight-through samples, and the price of their symbols."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from isthmus.core.random import torch_generator
from isthmus.distributions import QuantisedPosterior, UniformCodes, kl_divergence

CODEBOOK = torch.tensor([[0.0, 0.1], [1.0, 1.1], [2.0, 2.1]], dtype=torch.float64)
LEVELS = (3, 3)
LOG_LEVELS = 2 * math.log(3)


def vectors(symbols: Tensor) -> Tensor:
    return CODEBOOK[symbols].flatten(-2)


def posterior(log_levels: float | Tensor = LOG_LEVELS) -> QuantisedPosterior:
    encoded = torch.randn(5, 4, generator=torch_generator(1), dtype=torch.float64)
    symbols = torch.tensor([[0, 1], [2, 2], [1, 0], [0, 0], [2, 1]])
    return QuantisedPosterior(encoded, vectors(symbols), symbols, log_levels)


def test_samples_are_the_codebook_vectors_to_the_last_bit() -> None:
    q = posterior()
    z = q.sample(torch.randn(3, 5, 4))
    assert z.shape == (3, 5, 4)
    assert torch.equal(z, q.quantised.expand(3, 5, 4))
    assert torch.equal(q.log_prob(z), torch.zeros(3, 5, dtype=torch.float64))
    assert torch.equal(q.code, q.quantised)
    assert torch.equal(q.sample(torch.randn(3, 5, 0)), z)
    assert q.mean is q.quantised
    assert q.mode is q.quantised
    assert torch.equal(q.stddev, torch.zeros(5, 4, dtype=torch.float64))
    assert torch.equal(q.draw(5), q.quantised)


def test_gradients_go_straight_through_to_the_encoder() -> None:
    q = posterior()
    q.encoded.requires_grad_()
    q.quantised.requires_grad_()
    weights = torch.randn(2, 5, 4, generator=torch_generator(2), dtype=torch.float64)
    (q.sample(weights) * weights).sum().backward()
    assert torch.equal(q.encoded.grad, weights.sum(0))
    assert q.quantised.grad is None
    q.encoded.grad = None
    (q.code * weights[0]).sum().backward()
    assert torch.equal(q.encoded.grad, weights[0])
    assert q.quantised.grad is None


def test_all_the_mass_is_on_the_chosen_vectors() -> None:
    q = posterior()
    elsewhere = q.quantised.clone()
    elsewhere[1, 3] += 1e-12
    assert q.log_prob(elsewhere).tolist() == [0.0, -math.inf, 0.0, 0.0, 0.0]


def test_symbols_cost_the_logarithm_of_their_levels() -> None:
    """Oracle 8: T symbols from K cost T ln K."""
    q, p = posterior(), UniformCodes(LOG_LEVELS, LEVELS, vectors)
    rate = kl_divergence(q, p)
    assert rate.shape == (5,)
    assert rate.dtype == torch.float64
    assert rate.tolist() == [LOG_LEVELS] * 5
    z = q.sample(torch.zeros(3, 5, 4))
    assert p.log_prob(z).shape == (3, 5)
    assert torch.equal(p.log_prob(z), torch.full((3, 5), -LOG_LEVELS, dtype=torch.float64))
    assert torch.equal(q.log_prob(z) - p.log_prob(z), rate.expand(3, 5))


def test_every_row_may_have_its_own_number_of_symbols() -> None:
    own = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64)
    p = UniformCodes(own, LEVELS, vectors)
    assert torch.equal(kl_divergence(posterior(own), p), own)
    assert torch.equal(p.log_prob(torch.zeros(2, 5, 4, dtype=torch.float64)), -own.expand(2, 5))


def test_draws_are_uniform_over_all_sequences() -> None:
    p, n = UniformCodes(math.log(6), (2, 3), lambda symbols: symbols.double()), 12_000
    for z in (p.draw(n, torch_generator(3)), p.sample_shared(torch.randn(n, 3, generator=torch_generator(4)))):
        counts = torch.bincount((3 * z[:, 0] + z[:, 1]).long(), minlength=6)
        assert len(counts) == 6
        assert ((counts - n / 6).abs() <= 5 * math.sqrt(n * 5 / 36)).all()
    assert torch.equal(p.draw(7, torch_generator(5)), p.draw(7, torch_generator(5)))


def test_shared_samples_take_a_symbol_from_each_column() -> None:
    p = UniformCodes(LOG_LEVELS, LEVELS, vectors)
    noise = torch.tensor([[-5.0, 0.0, 0.0, 0.0, 0.0], [9.0, -0.5, 0.0, 0.0, 0.0]])
    assert p.sample_shared(noise).tolist() == [[0.0, 0.1, 1.0, 1.1], [2.0, 2.1, 0.0, 0.1]]
    assert p.sample_shared(noise.view(2, 1, 5)).shape == (2, 1, 4)


def test_more_symbols_than_columns_take_further_digits() -> None:
    p = UniformCodes(0.0, (2, 2, 3), lambda symbols: symbols.double())
    # Φ = 0.75 and 0.3: the first digits of two are 1 and 0, and 0.5 remains of the first for a digit of three.
    noise = torch.tensor([[0.6744897501960817, -0.5244005127080407]], dtype=torch.float64)
    assert p.sample_shared(noise).tolist() == [[1.0, 0.0, 1.0]]
    n = 12_000
    z = p.sample_shared(torch.randn(n, 2, generator=torch_generator(6)))
    counts = torch.bincount((6 * z[:, 0] + 3 * z[:, 1] + z[:, 2]).long(), minlength=12)
    assert ((counts - n / 12).abs() <= 5 * math.sqrt(n * 11 / 144)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_precision_is_that_of_the_codes(dtype: torch.dtype) -> None:
    q = posterior()
    q = QuantisedPosterior(q.encoded.to(dtype), q.quantised.to(dtype), q.symbols, LOG_LEVELS)
    assert {q.sample(q.encoded).dtype, q.log_prob(q.quantised).dtype, q.stddev.dtype} == {dtype}
    assert kl_divergence(q, UniformCodes(LOG_LEVELS, LEVELS, vectors)).dtype == dtype
