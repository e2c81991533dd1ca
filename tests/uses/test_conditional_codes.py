"""Codes given what is asked of their rows, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Generator, Tensor

from isthmus.uses.conditional_codes import drawn_codes, effective, resampled


class Normal:
    """y ~ N(0, I) in two dimensions, and 0.6 y_1 + 0.8 y_2 = 3 seen with a noise of 0.05: four deviations away."""

    walks = True
    noise, seen = 0.05, 3.0

    def draw(self, count: int, generator: Generator) -> Tensor:
        return torch.randn(count, 2, generator=generator, dtype=torch.float64)

    def log_density(self, y: Tensor) -> Tensor:
        return -0.5 * y.square().sum(-1)

    def log_likelihood(self, y: Tensor) -> Tensor:
        return -0.5 * ((self.seen - 0.6 * y[:, 0] - 0.8 * y[:, 1]) / self.noise).square()


class Symbols:
    """Two symbols of 0 to 2, of which the pair must add up to 3; the first is rarely 2."""

    walks = False

    def draw(self, count: int, generator: Generator) -> Tensor:
        first = torch.multinomial(torch.tensor([0.5, 0.4, 0.1]), count, True, generator=generator)
        return torch.stack([first, torch.randint(3, (count,), generator=generator)], 1)

    def log_density(self, y: Tensor) -> Tensor:
        return torch.zeros(len(y), dtype=torch.float64)

    def log_likelihood(self, y: Tensor) -> Tensor:
        return torch.where(y.sum(-1) == 3, 0.0, -torch.inf).double()


def generator() -> Generator:
    return torch.Generator().manual_seed(0)


def test_a_normal_posterior() -> None:
    codes = Normal()
    found = drawn_codes(codes, 2000, generator())
    along = found.y @ torch.tensor([0.6, 0.8], dtype=torch.float64)
    across = found.y @ torch.tensor([0.8, -0.6], dtype=torch.float64)
    shrunk = 1 / (1 + codes.noise**2)
    assert abs(along.mean() - shrunk * codes.seen) < 4 * codes.noise / math.sqrt(2000) * 2
    assert abs(along.std() / (codes.noise * math.sqrt(shrunk)) - 1) < 0.1
    assert abs(across.mean()) < 0.1
    assert abs(across.std() - 1) < 0.08
    # ∫ exp(−(seen − a)² / 2s²) N(a; 0, 1) da = s / √(1 + s²) · exp(−seen² / 2(1 + s²))
    expected = math.log(codes.noise) - 0.5 * math.log1p(codes.noise**2) - 0.5 * codes.seen**2 * shrunk
    assert abs(found.log_evidence - expected) < 0.4
    assert found.distinct > 1900
    assert -0.01 < found.best <= 0
    assert torch.equal(found.y, drawn_codes(codes, 2000, generator()).y)


def test_symbols_by_their_shares() -> None:
    found = drawn_codes(Symbols(), 4000, generator())
    first = found.y[:, 0]
    assert bool((found.y.sum(-1) == 3).all())
    assert abs((first == 1).double().mean() - 0.8) < 0.03
    assert abs(found.log_evidence - math.log(0.5 / 3)) < 0.1
    assert found.distinct == 2
    assert abs(np.corrcoef(np.arange(4000), first)[0, 1]) < 0.05  # in random order


def test_what_holds_nowhere() -> None:
    class Nowhere(Symbols):
        def log_likelihood(self, y: Tensor) -> Tensor:
            return torch.full((len(y),), -torch.inf, dtype=torch.float64)

    found = drawn_codes(Nowhere(), 50, generator())
    assert (found.distinct, found.log_evidence, found.best) == (0, -math.inf, -math.inf)


def test_resampling_keeps_shares_to_the_next_whole_number() -> None:
    weights = torch.tensor([0.05, 0.5, 0.0, 0.45])
    counts = torch.bincount(resampled(weights, 10, generator()), minlength=4)
    assert counts[1] == 5
    assert counts[2] == 0
    assert counts.sum() == 10
    assert {int(counts[0]), int(counts[3])} <= {0, 1, 4, 5}


def test_effective_numbers() -> None:
    assert abs(effective(torch.zeros(7)) - 7) < 1e-5
    assert abs(effective(torch.tensor([0.0, math.log(3.0), -torch.inf])) - 16 / 10) < 1e-6
    assert effective(torch.full((3,), -torch.inf)) == 0.0
