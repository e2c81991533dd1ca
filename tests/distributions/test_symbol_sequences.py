"""Sequences of symbols by a causal transformer: normalised, causal, drawn as they are scored."""

from __future__ import annotations

import itertools

import pytest
import torch

from isthmus.components.networks.layers import initialise
from isthmus.core.random import torch_generator
from isthmus.distributions import QuantisedPosterior, kl_divergence, symbol_sequence
from isthmus.distributions.causal_transformer import CausalTransformer
from isthmus.distributions.symbol_sequence import SymbolSequence
from isthmus.uses.temperature import tempered

LEVELS = (3, 2, 4)
EVERY = torch.tensor(list(itertools.product(*map(range, LEVELS))))


def network(seed: int = 0, **parts: int) -> CausalTransformer:
    module = CausalTransformer(LEVELS, **{"width": 8, "heads": 2, "layers": 2, **parts})
    initialise(torch.nn.ModuleList([module]), torch_generator(seed))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch_generator(1)), alpha=0.3)
    return module.double().eval()


def test_probabilities_of_all_sequences_sum_to_one() -> None:
    log_prob = SymbolSequence(network(), 3).log_prob(EVERY)
    assert torch.logsumexp(log_prob, 0).item() == pytest.approx(0.0, abs=1e-12)
    assert log_prob.exp().max() > 3 * log_prob.exp().min(), "they are not uniform"


def test_symbols_that_a_place_does_not_have_are_impossible() -> None:
    logits = network()(EVERY)
    assert logits.shape == (24, 3, 4)
    assert (logits[:, 0, 3:] == -torch.inf).all()
    assert (logits[:, 1, 2:] == -torch.inf).all()
    assert logits[:, 2].isfinite().all()


def test_a_place_is_told_only_what_came_before() -> None:
    module, rows = network(), EVERY[:12]
    logits = module(rows)
    for place in range(3):
        changed = rows.clone()
        changed[:, place] = (changed[:, place] + 1) % LEVELS[place]
        found = module(changed)
        torch.testing.assert_close(found[:, : place + 1], logits[:, : place + 1], rtol=0, atol=0)
        if place < 2:
            assert not torch.allclose(found[:, place + 1 :], logits[:, place + 1 :])


def test_a_beginning_has_the_logits_of_the_whole() -> None:
    module = network()
    torch.testing.assert_close(module(EVERY[:, :2]), module(EVERY)[:, :2], rtol=0, atol=1e-12)


def test_untrained_it_is_uniform() -> None:
    module = CausalTransformer(LEVELS, 8, 2, 1)
    torch.testing.assert_close(
        SymbolSequence(module, 3).log_prob(EVERY), torch.full((24,), -torch.tensor(24.0).log().item())
    )


def test_draws_follow_the_density() -> None:
    distribution = SymbolSequence(network(), 3)
    drawn = distribution.draw(40_000, torch_generator(3))
    codes = (drawn * torch.tensor([8, 4, 1])).sum(-1)
    found = torch.bincount(codes, minlength=24) / len(drawn)
    wanted = distribution.log_prob(EVERY).exp()
    error = ((found - wanted) / (wanted / len(drawn)).sqrt()).abs().max()
    assert error < 4.5
    again = distribution.draw(40_000, torch_generator(3))
    assert torch.equal(drawn, again)


def test_a_low_temperature_draws_what_is_likeliest_at_each_place() -> None:
    module = network()
    drawn = SymbolSequence(module, 3).draw(5, torch_generator(0), temperature=1e-4)
    best = torch.zeros(5, 0, dtype=torch.int64)
    for _ in range(3):
        logits = module(torch.cat([best, torch.zeros(5, 1, dtype=torch.int64)], -1))
        best = torch.cat([best, logits[:, -1].argmax(-1, keepdim=True)], -1)
    assert torch.equal(drawn, best)


def test_rows_have_leading_axes() -> None:
    module = network()
    stacked = torch.stack([EVERY[:5], EVERY[5:10]])
    torch.testing.assert_close(module(stacked)[1], module(EVERY[5:10]), rtol=0, atol=1e-12)


def test_it_is_what_symbols_cost() -> None:
    prior = SymbolSequence(network(), 3)
    z = torch.zeros(24, 3, dtype=torch.float64)
    cost = kl_divergence(QuantisedPosterior(z, z, EVERY, 0.0), prior, z)
    torch.testing.assert_close(cost, -prior.log_prob(EVERY))


def test_one_by_one_gives_the_logits_of_the_whole() -> None:
    module = network()
    whole, following = module(EVERY), module.one_by_one()
    with torch.no_grad():
        for place in range(3):
            torch.testing.assert_close(following(EVERY[:, :place]), whole[:, place], rtol=0, atol=1e-12)
        again = module.one_by_one()
        torch.testing.assert_close(again(EVERY[:5, :0]), whole[:5, 0], rtol=0, atol=1e-12)


def test_draws_are_the_same_one_by_one() -> None:
    module = network()
    fast, slow = SymbolSequence(module, 3, one_by_one=module.one_by_one), SymbolSequence(module, 3)
    for temperature in (1.0, 0.4):
        drawn = fast.draw(300, torch_generator(3), temperature)
        assert torch.equal(drawn, slow.draw(300, torch_generator(3), temperature))
        assert torch.equal(drawn, tempered(fast, temperature).draw(300, torch_generator(3)))
        assert torch.equal(drawn, tempered(slow, temperature).draw(300, torch_generator(3)))
    assert fast.draw(0, torch_generator(0)).shape == (0, 3)


def test_networks_see_few_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded however many rows there are, and the result is the same."""
    seen: list[int] = []
    module = network()

    def logits(symbols: torch.Tensor) -> torch.Tensor:
        seen.append(len(symbols))
        return module(symbols)

    distribution = SymbolSequence(logits, 3)
    rows = torch.stack([EVERY, EVERY.flip(0)])
    wanted = distribution.log_prob(rows)
    monkeypatch.setattr(symbol_sequence, "SYMBOLS_AT_ONCE", 31)
    assert symbol_sequence.rows_at_once(3) == 8
    seen.clear()
    with torch.no_grad():
        torch.testing.assert_close(distribution.log_prob(rows), wanted.detach(), rtol=0, atol=1e-12)
        assert seen == [8] * 6
        seen.clear()
        assert distribution.draw(19, torch_generator(0)).shape == (19, 3)
    assert seen == [8] * 3 + [8] * 3 + [3] * 3
