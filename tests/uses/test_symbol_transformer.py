"""A transformer learns what follows what."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from isthmus.components.priors.symbol_transformer import SymbolTransformer
from isthmus.core.random import torch_generator
from isthmus.uses.symbol_transformer import _one_cycle, fit_symbol_transformer

SMALL = SymbolTransformer(heads=2, head_width=8, layers=1)


def chain(n: int, seed: int) -> np.ndarray:
    """Eight symbols of three; each is the one before plus one, modulo three, four times out of five."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, 3, (n, 8))
    for place in range(1, 8):
        follows = random.random(n) < 0.8
        rows[:, place] = np.where(follows, (rows[:, place - 1] + 1) % 3, random.integers(0, 3, n))
    return rows


# The entropy of the chain: each further symbol follows with probability 0.8 + 0.2 / 3.
FOLLOWS = 0.8 + 0.2 / 3
ENTROPY = np.log(3) - 7 * (FOLLOWS * np.log(FOLLOWS) + (1 - FOLLOWS) * np.log((1 - FOLLOWS) / 2))


@pytest.fixture(scope="module")
def module():
    return fit_symbol_transformer(SMALL, chain(3000, 0), (3,) * 8, chain(500, 1), seed=0)


def test_it_reaches_the_entropy_of_a_chain(module) -> None:
    """Independent symbols would cost 8 ln 3 = 8.8 nats."""
    test = torch.from_numpy(chain(4000, 2))
    assert -float(module.eval()().log_prob(test).detach().mean()) == pytest.approx(ENTROPY, abs=0.08)


def test_its_draws_follow_the_chain(module) -> None:
    drawn = module.eval()().draw(3000, torch_generator(0))
    follows = ((drawn[:, :-1] + 1) % 3 == drawn[:, 1:]).double().mean(0)
    np.testing.assert_allclose(follows, FOLLOWS, atol=0.05)


def test_one_seed_one_result_whatever_the_global_state() -> None:
    rows = chain(200, 0)
    first = fit_symbol_transformer(SMALL, rows, (3,) * 8, None, seed=3)
    torch.manual_seed(99)
    state = torch.random.get_rng_state()
    second = fit_symbol_transformer(SMALL, rows, (3,) * 8, None, seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])


def test_few_rows_do_not_make_it_worse_than_uniform() -> None:
    """What is best on the held-out rows is kept, the beginning included."""
    rows = np.random.default_rng(0).integers(0, 3, (12, 8))
    module = fit_symbol_transformer(SMALL, rows, (3,) * 8, rows[1::-1], seed=0)
    assert np.isfinite(float(module.eval()().log_prob(torch.from_numpy(rows)).detach().mean()))


def test_the_clock_ends_it_and_the_rate_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that ticks a second per look; the rate is back at zero with the last step."""
    ticks = itertools.count()
    monkeypatch.setattr("isthmus.uses.symbol_transformer.time.monotonic", lambda: float(next(ticks)))
    seen, rates = [], []
    monkeypatch.setattr(
        "isthmus.uses.symbol_transformer._one_cycle", lambda share: rates.append(share) or _one_cycle(share)
    )
    fit_symbol_transformer(
        SMALL, chain(600, 0), (3,) * 8, None, seed=0, max_seconds=5, on_step=lambda *step: seen.append(step)
    )
    assert [done for done, _ in seen] == [1, 2, 3, 4, 5]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert len({steps for _, steps in seen}) == 1
    assert seen[0][1] > 5


def test_it_says_how_far_it_is() -> None:
    """Every step, up to the number that it named."""
    seen = []
    fit_symbol_transformer(SMALL, chain(20, 0), (3,) * 8, None, seed=0, on_step=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert {steps for _, steps in seen} == {60}
