"""Corruptions: which cells are damaged, and what becomes of them."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import stats

from isthmus.components.corruptions.gaussian_noise import GaussianNoise
from isthmus.components.corruptions.masking import Masking
from isthmus.components.corruptions.salt_and_pepper import SaltAndPepper
from isthmus.components.corruptions.swap_noise import SwapNoise
from isthmus.core.blocks import Block

from .known_numbers import close, values

# A column of three levels, and two of real numbers.
BLOCKS = (Block("categorical", 0, 3, (3,), cardinality=3), Block("continuous", 3, 5, (2,), variance=4.0))
ROWS, RATE = 200, 0.3
# The probability below which a cell's noise lies: all of them equally often, in a random order.
SHARES = np.stack([np.random.default_rng(j).permutation(ROWS) for j in range(3)], 1) / ROWS + 0.5 / ROWS
NOISE = torch.from_numpy(stats.norm.ppf(SHARES))
FEATURES = 1 + values(ROWS, 5)


def hidden_cells_are_zero() -> None:
    hidden = SHARES < RATE
    close(hidden.mean(0), [RATE] * 3, 1e-12)
    found = Masking(rate=RATE).corrupt(FEATURES, NOISE, BLOCKS)
    close(found, np.where(hidden[:, [0, 0, 0, 1, 2]], 0, FEATURES), 0)


def noise_has_the_scale_that_was_asked_for() -> None:
    found = GaussianNoise(scale=0.3).corrupt(FEATURES, NOISE[:, 1:], BLOCKS)
    close(found - FEATURES, torch.cat([torch.zeros(ROWS, 3), 0.3 * NOISE[:, 1:]], 1), 1e-12)
    found = GaussianNoise(scale=0.3).corrupt(FEATURES[:, 3:], NOISE[:, 1:], [Block("continuous", 0, 2, (2,))])
    close(found, FEATURES[:, 3:] + 0.3 * NOISE[:, 1:], 1e-12)


def ends_are_equally_likely() -> None:
    found = SaltAndPepper(rate=RATE).corrupt(FEATURES, NOISE[:, 1:], BLOCKS).numpy()
    far = 2 * math.sqrt(4.0)
    close(found[:, :3], FEATURES[:, :3], 0)
    tails = [SHARES[:, 1:] < RATE / 2, SHARES[:, 1:] > 1 - RATE / 2]
    ends = [found[:, 3:] == -far, found[:, 3:] == far]
    # Which tail of the noise goes to which end is a matter of taste.
    assert sorted(map(np.array_equal, [*ends, *ends], [*tails, *tails[::-1]])) == [False, False, True, True]
    close(np.where(ends[0] | ends[1], 0, found[:, 3:]), np.where(tails[0] | tails[1], 0, FEATURES[:, 3:]), 0)


def swapped_cells_come_from_other_rows() -> None:
    found = SwapNoise(rate=RATE).corrupt(FEATURES, NOISE, BLOCKS)
    # Where each cell comes from: no value stands in a column twice.
    origin = (found[:, None, :] == FEATURES[None]).double().argmax(1).numpy()
    moved = origin != np.arange(ROWS)[:, None]
    close(moved[:, [0, 3, 4]], SHARES < RATE, 0)
    assert (origin[:, :3] == origin[:, :1]).all(), "the indicators of a column stay together"
    distances = (origin - np.arange(ROWS)[:, None]) % ROWS
    for column, place in ((0, 0), (3, 1), (4, 2)):
        # The other rows are equally likely: the share of the rate says which one it is.
        wanted = 1 + np.floor(SHARES[:, place] / RATE * (ROWS - 1))
        close(distances[moved[:, column], column], wanted[moved[:, column]], 0)
