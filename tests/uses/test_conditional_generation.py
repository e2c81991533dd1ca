"""Rows given some of their cells, against closed forms and against enumeration."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Generator, Tensor

from isthmus.components.corruptions.hiding import Hiding
from isthmus.components.latents.gaussian import GaussianLatent
from isthmus.components.likelihoods.autoregressive import Autoregressive
from isthmus.components.likelihoods.bernoulli import Bernoulli
from isthmus.components.likelihoods.categorical import Categorical
from isthmus.components.likelihoods.gaussian import Gaussian
from isthmus.components.networks.mlp import MLP
from isthmus.components.objectives.penalised_likelihood import PenalisedLikelihood
from isthmus.components.penalties.kl import KL
from isthmus.components.penalties.without_code import WithoutCode
from isthmus.components.priors.standard_normal import StandardNormal
from isthmus.core.blocks import Block
from isthmus.core.errors import InputError, IsthmusWarning
from isthmus.data.column_rules import ColumnRule
from isthmus.data.given_cells import GivenCells
from isthmus.distributions import Distribution
from isthmus.models.autoencoder import ComposedAutoencoder
from isthmus.models.composition import Composition
from isthmus.uses import conditional_chain
from isthmus.uses.conditional_chain import ChainedRows, proposals_for, weighted_rows
from isthmus.uses.conditional_codes import effective
from isthmus.uses.conditional_generation import conditional_rows, density_of_codes
from isthmus.uses.generation import does_without_code, drawn_without_code

ROWS = 4000
WEIGHTS = np.array([[1.2, 0.0], [0.9, 0.5], [-0.4, 1.0], [0.3, -0.8]])
MEAN = np.array([0.5, -1.0, 0.0, 2.0])
VARIANCE = 0.2
COVARIANCE = WEIGHTS @ WEIGHTS.T + VARIANCE * np.eye(4)


def composed(blocks, likelihoods, corruption=None, penalties=None) -> ComposedAutoencoder:
    composition = Composition(
        latent_dim=2,
        encoder=MLP(hidden=()),
        decoder=MLP(hidden=()),
        latent=GaussianLatent(),
        prior=StandardNormal(),
        likelihoods=tuple(likelihoods),
        penalties={"kl": KL(), **(penalties or {})},
        objective=PenalisedLikelihood(),
        corruption=corruption,
    )
    return composition.build(blocks, Generator().manual_seed(0)).eval()


def asked(*rules: ColumnRule, rows: int = ROWS) -> GivenCells:
    return GivenCells({}, tuple((rule,) for rule in rules), np.tile(np.arange(len(rules)), (rows, 1)))


def number(column: int, *points: float, low: float = -math.inf, high: float = math.inf) -> ColumnRule:
    return ColumnRule(column, column, column, column + 1, f"column {column}", points, points, low, high)


@pytest.fixture(scope="module")
def linear() -> ComposedAutoencoder:
    """x = W z + m + noise: whatever is given, the rest is known."""
    model = composed([Block("continuous", 0, 4, (4,))], [Gaussian(sigma=math.sqrt(VARIANCE))])
    with torch.no_grad():
        model.decoder[0].weight.copy_(torch.from_numpy(WEIGHTS))
        model.decoder[0].bias.copy_(torch.from_numpy(MEAN))
    return model


def rows_of(
    model: ComposedAutoencoder,
    *rules: ColumnRule,
    noise: bool = True,
    seed: int = 0,
    rows: int = ROWS,
    typical: Tensor | None = None,
) -> np.ndarray:
    density = partial(density_of_codes, model, StandardNormal().build(2), 1.0)
    like = torch.zeros(model.width) if typical is None else typical
    return conditional_rows(model, density, asked(*rules, rows=rows), None, like, seed, noise)


def test_exact_cells_of_a_linear_model(linear) -> None:
    drawn = rows_of(linear, number(0, 3.0), number(2, -1.5))
    there, gone = [0, 2], [1, 3]
    slope = COVARIANCE[np.ix_(gone, there)] @ np.linalg.inv(COVARIANCE[np.ix_(there, there)])
    mean = MEAN[gone] + slope @ (np.array([3.0, -1.5]) - MEAN[there])
    covariance = COVARIANCE[np.ix_(gone, gone)] - slope @ COVARIANCE[np.ix_(there, gone)]
    assert (drawn[:, there] == [3.0, -1.5]).all()
    np.testing.assert_allclose(drawn[:, gone].mean(0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(drawn[:, gone].T), covariance, atol=0.04)
    means = rows_of(linear, number(0, 3.0), number(2, -1.5), noise=False)
    np.testing.assert_allclose(means[:, gone].mean(0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(means[:, gone].T), covariance - VARIANCE * np.eye(2), atol=0.04)


@pytest.mark.parametrize(("low", "high"), [(1.0, 2.0), (3.0, math.inf), (-math.inf, -2.5), (0.4, 0.401)])
def test_ranges_of_a_linear_model(linear, low: float, high: float) -> None:
    drawn = rows_of(linear, number(1, low=low, high=high))
    scale = math.sqrt(COVARIANCE[1, 1])
    cut = stats.truncnorm((low - MEAN[1]) / scale, (high - MEAN[1]) / scale, MEAN[1], scale)
    assert drawn[:, 1].min() >= low - 1e-6
    assert drawn[:, 1].max() <= high + 1e-6
    assert abs(drawn[:, 1].mean() - cut.mean()) < 4 * cut.std() / math.sqrt(ROWS) + 0.02 * scale
    assert abs(drawn[:, 1].std() / cut.std() - 1) < 0.08
    others, slope = [0, 2, 3], COVARIANCE[[0, 2, 3], 1] / COVARIANCE[1, 1]
    np.testing.assert_allclose(drawn[:, others].mean(0), MEAN[others] + slope * (cut.mean() - MEAN[1]), atol=0.07)
    rest = COVARIANCE[np.ix_(others, others)] - np.outer(slope, slope) * (COVARIANCE[1, 1] - cut.var())
    np.testing.assert_allclose(np.cov(drawn[:, others].T), rest, atol=0.09)


def test_some_values_of_a_linear_model_come_by_their_density(linear) -> None:
    drawn = rows_of(linear, number(0, -1.0, 0.5, 4.0), number(3, 2.0))
    slope = COVARIANCE[0, 3] / COVARIANCE[3, 3]
    normal = stats.norm(MEAN[0] + slope * (2.0 - MEAN[3]), math.sqrt(COVARIANCE[0, 0] - slope * COVARIANCE[3, 0]))
    shares = normal.pdf([-1.0, 0.5, 4.0])
    counts = [(drawn[:, 0] == value).mean() for value in (-1.0, 0.5, 4.0)]
    np.testing.assert_allclose(counts, shares / shares.sum(), atol=0.03)


def test_the_seed_decides_and_rows_of_equal_wishes_are_one_group(linear) -> None:
    first, again, other = (rows_of(linear, number(0, 1.0), seed=seed, rows=50) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    density = partial(density_of_codes, linear, StandardNormal().build(2), 1.0)
    turns = GivenCells({}, ((number(0, 3.0),), (number(0, -3.0),)), np.arange(600)[:, None] % 2)
    drawn = conditional_rows(linear, density, turns, None, torch.zeros(4), 0, True)
    assert (drawn[:, 0] == np.where(np.arange(600) % 2, -3.0, 3.0)).all()
    gap = drawn[::2, 1].mean() - drawn[1::2, 1].mean()
    assert abs(gap - 6 * COVARIANCE[0, 1] / COVARIANCE[0, 0]) < 0.3


def test_what_the_model_does_not_make_is_said(linear) -> None:
    with pytest.warns(IsthmusWarning, match=r"the model makes no rows like column 0 and column 1: it goes beyond"):
        rows_of(linear, number(0, 15.0), number(1, -15.0), rows=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows_of(linear, number(0, 4.0), number(1, low=2.0), rows=20)


def test_the_priors_own_density_serves_too(linear) -> None:
    density = partial(density_of_codes, linear, linear.prior, 0.5)
    drawn = conditional_rows(linear, density, asked(number(0, 0.5)), None, torch.zeros(4), 0, False)
    # Codes with half the deviation, of which the first is known by a cell without surprise.
    left = 0.25 - 0.25 * 1.2 * 1.2 * 0.25 / (1.2 * 1.2 * 0.25 + VARIANCE)
    assert abs(drawn[:, 1].std() - math.sqrt(0.81 * left + 0.25 * 0.25)) < 0.02


# Levels and zeros and ones, in every way at once: all rows can be counted

LEVELS = [Block("binary", 0, 1, (1,)), Block("categorical", 1, 7, (6,), cardinality=3)]
CODES = torch.tensor([[1.5, -0.5], [-1.0, 1.0], [0.2, 0.4]])
SHARES = torch.tensor([0.5, 0.3, 0.2])
TABLE = list(itertools.product((0, 1), range(3), range(3)))


class ThreeCodes(Distribution):
    """Three codes with known shares."""

    def log_prob(self, value: Tensor) -> Tensor:
        near = torch.cdist(value.double(), CODES.double()).argmin(-1)
        return SHARES.double()[near].log()

    def draw(self, rows: int, generator: Generator | None = None) -> Tensor:
        return CODES[torch.multinomial(SHARES, rows, True, generator=generator)].double()


def counted(
    model: ComposedAutoencoder, codes: Tensor, shares: Tensor, told: Callable[[Any], Distribution] = lambda one: one
) -> np.ndarray:
    """P(row) of all eighteen rows."""
    rows = torch.zeros(len(TABLE), 7)
    for place, (one, first, second) in enumerate(TABLE):
        rows[place, 0] = one
        rows[place, 1 + first] = rows[place, 4 + second] = 1
    with torch.inference_mode():
        given = [told(model.decode(code.expand(len(TABLE), -1))).log_prob(rows).double().exp() for code in codes]
    total = (torch.stack(given, -1) @ shares.double()).numpy()
    assert total.sum() == pytest.approx(1, abs=1e-5)
    return total


def frequencies(rows: np.ndarray) -> np.ndarray:
    found = np.stack([rows[:, 0], rows[:, 1:4].argmax(1), rows[:, 4:].argmax(1)], 1).astype(int)
    assert (rows[:, 1:4].sum(1) == 1).all()
    assert (rows[:, 4:].sum(1) == 1).all()
    return np.array([(found == row).all(1).mean() for row in TABLE])


def level(column: int, *levels: bool) -> ColumnRule:
    start = 1 + 3 * (column - 1)
    return ColumnRule(column, column, start, start + 3, f"column {column}", levels=levels)


WISHES = {
    "a level": [level(2, False, True, False)],
    "some levels": [level(1, True, False, True), level(2, False, True, True)],
    "a binary cell and a level": [number(0, 1.0), level(2, True, False, False)],
}


@pytest.fixture(scope="module")
def chained() -> ComposedAutoencoder:
    model = composed(LEVELS, [Autoregressive(width=16, cells=4)] * 2)
    generator = Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.likelihood.parameters():
            parameter.normal_(0, 0.4, generator=generator)
    return model


@pytest.fixture(scope="module")
def separate() -> ComposedAutoencoder:
    model = composed(LEVELS, [Bernoulli(), Categorical()])
    with torch.no_grad():
        model.decoder[0].weight.normal_(0, 1.5, generator=Generator().manual_seed(5))
    return model


TYPICAL = torch.tensor([0.0, 1, 0, 0, 1, 0, 0])


def fitting(rules: list[ColumnRule]) -> np.ndarray:
    """Which of the eighteen rows do."""
    return np.array(
        [
            all(rule.levels[row[rule.column]] if rule.levels else row[0] in rule.points for rule in rules)
            for row in TABLE
        ]
    )


def compare(drawn: np.ndarray, whole: np.ndarray, rules: list[ColumnRule]) -> None:
    fits, found = fitting(rules), frequencies(drawn)
    expected = np.where(fits, whole, 0) / whole[fits].sum()
    assert found[~fits].sum() == 0
    np.testing.assert_allclose(found, expected, atol=0.02)
    # A code drawn as if nothing were asked would give another answer.
    assert np.abs(whole - expected).sum() > 0.1


@pytest.mark.parametrize("wish", WISHES)
def test_columns_that_depend_on_each_other_by_enumeration(chained, wish: str) -> None:
    drawn = conditional_rows(
        chained, lambda context: ThreeCodes(), asked(*WISHES[wish], rows=8000), None, TYPICAL, 0, True
    )
    compare(drawn, counted(chained, CODES, SHARES), WISHES[wish])


def without_code(model: ComposedAutoencoder) -> np.ndarray:
    """P(row) of all eighteen rows by the decoder alone."""
    return counted(model, torch.zeros(1, 2), torch.ones(1), lambda likelihood: likelihood.without_code())


@pytest.mark.parametrize("wish", WISHES)
def test_the_decoder_alone_by_enumeration(chained, wish: str) -> None:
    alone = without_code(chained)
    assert np.abs(alone - counted(chained, CODES, SHARES)).sum() > 0.1
    given = asked(*WISHES[wish], rows=8000)
    drawn = conditional_rows(chained, lambda context: ThreeCodes(), given, None, TYPICAL, 0, True, True)
    compare(drawn, alone, WISHES[wish])


def test_rows_of_the_decoder_alone_by_enumeration(chained) -> None:
    found = frequencies(drawn_without_code(chained, 8000, None, 0))
    np.testing.assert_allclose(found, without_code(chained), atol=0.02)
    assert not does_without_code(chained)  # nothing trained it for that
    trained = composed(LEVELS, [Autoregressive(width=16, cells=4)] * 2, penalties={"alone": WithoutCode()})
    assert does_without_code(trained)
    assert not does_without_code(composed(LEVELS, [Bernoulli(), Categorical()], penalties={"alone": WithoutCode()}))


def test_codes_help_where_the_decoder_alone_hardly_makes_such_rows() -> None:
    model = composed(LEVELS, [Autoregressive(width=16, cells=4)] * 2, Hiding())
    rules = WISHES["a binary cell and a level"]
    density, generator = density_of_codes(model, StandardNormal().build(2), 1.0), Generator().manual_seed(0)
    with torch.inference_mode():
        assert proposals_for(model, density, rules, TYPICAL, None, generator, without_code=True).without_code
        assert not proposals_for(model, density, rules, TYPICAL, None, generator, without_code=False).without_code
        network = model.likelihood.network
        for parameter in network.parameters():
            parameter.zero_()
        network.head_biases[4] = -6.0  # the last level of column 1 is rare
        network.embedding[network.offsets[1] + 2] = 10.0
        network.heads[5], network.head_biases[5] = 1.0, -40.0  # and what is asked for goes with it only
        assert proposals_for(model, density, rules, TYPICAL, None, generator, without_code=True).sees
        seen_nothing = [level(2, False, True, True)]  # no exact cell for the encoder to look at
        assert proposals_for(model, density, seen_nothing, TYPICAL, None, generator, without_code=True).without_code


@pytest.mark.parametrize("wish", WISHES)
def test_independent_columns_by_enumeration(separate, wish: str) -> None:
    drawn = rows_of(separate, *WISHES[wish], rows=8000, typical=TYPICAL)
    codes = torch.from_numpy(stats.qmc.MultivariateNormalQMC(mean=[0, 0], seed=0).random(512)).float()
    compare(drawn, counted(separate, codes, torch.full((512,), 1 / 512)), WISHES[wish])


def test_the_mean_weight_is_the_probability_of_what_is_asked(chained) -> None:
    rules = WISHES["some levels"]
    proposals = ChainedRows(chained, ThreeCodes(), rules, TYPICAL, None)
    with torch.inference_mode():
        weighted = weighted_rows(proposals, 2000, Generator().manual_seed(0))
    whole = counted(chained, CODES, SHARES)
    assert float(weighted.logs.exp().mean()) == pytest.approx(whole[fitting(rules)].sum(), abs=0.02)
    assert bool((weighted.logs <= 0).all())
    assert effective(weighted.logs) >= 2000


@pytest.mark.parametrize("rules", [WISHES["a binary cell and a level"], [level(1, True, False, False), number(0, 0.0)]])
def test_how_much_rarer_cells_are_together_by_enumeration(chained, rules: list[ColumnRule], monkeypatch) -> None:
    monkeypatch.setattr(conditional_chain, "ROUND", 20_000)
    generator = Generator().manual_seed(0)
    proposals = ChainedRows(chained, ThreeCodes(), rules, TYPICAL, None)
    with torch.inference_mode():
        logs = weighted_rows(proposals, 20_000, generator).logs
        assert conditional_chain.times_rarer(proposals, logs, generator) == 1  # too common to be looked into
        monkeypatch.setattr(conditional_chain, "RARE", 1.0)
        found = conditional_chain.times_rarer(proposals, logs, generator)
        alone = conditional_chain.times_rarer(proposals.of(rules[:1]), logs, generator)
    whole = counted(chained, CODES, SHARES)
    exact = np.prod([whole[fitting([rule])].sum() for rule in rules]) / whole[fitting(rules)].sum()
    assert abs(exact - 1) > 0.03
    assert found == pytest.approx(exact, rel=0.02)
    assert alone == 1


def test_codes_that_the_encoder_suggests_count_for_what_they_are() -> None:
    model = composed(LEVELS, [Autoregressive(width=16, cells=4)] * 2, Hiding())
    with torch.no_grad():
        for parameter in model.likelihood.parameters():
            parameter.normal_(0, 0.4, generator=Generator().manual_seed(5))
    rules = WISHES["a binary cell and a level"]
    proposals = ChainedRows(model, density_of_codes(model, StandardNormal().build(2), 1.0), rules, TYPICAL, None)
    assert proposals.sees
    with torch.inference_mode():
        alone, helped = (proposals.proposed(20_000, Generator().manual_seed(0), seeing) for seeing in (False, True))
    moved = (helped.z.mean(0) - alone.z.mean(0)).abs().max()
    assert moved > 0.05  # the encoder, which was never trained, suggests other codes
    for log_weights, z in ((alone.logs, alone.z), (helped.logs, helped.z)):
        weights = log_weights.exp()
        assert float(weights.mean()) == pytest.approx(float(alone.logs.exp().mean()), rel=0.03)
        mean = (weights[:, None] * z).sum(0) / weights.sum()
        exact = (alone.logs.exp()[:, None] * alone.z).sum(0) / alone.logs.exp().sum()
        np.testing.assert_allclose(mean, exact, atol=0.05)


def test_nothing_fits(chained) -> None:
    with pytest.raises(InputError, match="the model makes no rows with column 1: their probability is zero"):
        rows_of(chained, level(1, False, False, False), rows=5)
