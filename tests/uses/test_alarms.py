"""P-values, thresholds and choices: definitions by brute force, and the laws that they promise, by enumeration."""

from __future__ import annotations

import warnings
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import betabinom
from sklearn.ensemble import IsolationForest

from isthmus.errors import DataWarning, InputError
from isthmus.uses import alarm_rates, alarms


def ranks(calibration: list[float], score: float) -> float:
    """The definition, one comparison at a time."""
    return (1 + sum(one >= score for one in calibration)) / (len(calibration) + 1)


@pytest.mark.parametrize("support", [3, 1000])
def test_p_values_are_their_definition_with_and_without_ties(support: int) -> None:
    random = np.random.default_rng(0)
    calibration = np.sort(random.integers(0, support, 41).astype(float))
    scores = random.integers(-1, support + 1, 60).astype(float)
    found = alarms.p_values(scores, calibration)
    assert found.tolist() == [ranks(calibration.tolist(), score) for score in scores.tolist()]
    assert alarms.p_values(np.array([np.inf, -np.inf]), calibration).tolist() == [1 / 42, 1.0]


@pytest.mark.parametrize("values", [(0, 1, 2, 3, 4, 5), (0, 0, 1, 1, 2, 2), (0, 0, 0, 0, 0, 1)])
def test_p_values_of_exchangeable_rows_are_super_uniform(values: tuple[int, ...]) -> None:
    """Any of six rows may be the new one: exact, without a single draw."""
    found = []
    for place, score in enumerate(values):
        others = np.sort(np.array(values[:place] + values[place + 1 :], dtype=float))
        found.append(float(alarms.p_values(np.array([float(score)]), others)[0]))
    for rate in np.linspace(0, 1, 61):
        assert np.mean(np.array(found) <= rate) <= rate + 1e-12
    if len(set(values)) == 6:
        assert sorted(found) == pytest.approx([k / 6 for k in range(1, 7)])


@pytest.mark.parametrize("rows", [1, 7, 20, 99, 100, 999])
def test_a_score_is_above_the_threshold_just_if_its_p_value_is_small(rows: int) -> None:
    random = np.random.default_rng(rows)
    calibration = np.sort(random.integers(0, 60, rows) / 8)
    scores = np.concatenate([calibration, random.integers(-1, 70, 50) / 8])
    for rate in (0.01, 0.05, 0.07, 0.1, 0.29, 0.5, 1 / 3, 0.57, 0.99):
        if rate * (rows + 1) < 0.999999:
            with pytest.raises(InputError, match="cannot be told"):
                alarms.threshold(calibration, rate)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            limit = alarms.threshold(calibration, rate)
        assert ((scores > limit) == (alarms.p_values(scores, calibration) <= rate)).all(), rate


def test_rank_is_exact_in_decimal() -> None:
    for rows in range(1, 400):
        for hundredths in range(1, 100):
            wanted = int(Fraction(hundredths, 100) * (rows + 1))
            assert alarm_rates.alarm_rank(rows, hundredths / 100) == min(wanted, rows), (rows, hundredths)
    assert [alarm_rates.rows_for(rate) for rate in (0.5, 0.1, 0.01, 0.001, 0.03)] == [1, 9, 99, 999, 33]


def test_unresolvable_rate_says_what_can_be_resolved() -> None:
    with pytest.raises(InputError) as caught:
        alarms.threshold(np.arange(50.0), 0.01)
    assert str(caught.value) == (
        "alarm_rate=0.01 cannot be told from 50 calibration rows: these resolve rates from 1/51 = 0.0196 on. Calibrate "
        "with at least 99 rows (fit more rows, or raise `calibration_fraction`), or ask for a larger rate."
    )


def test_threshold_of_a_single_row_warns() -> None:
    with pytest.warns(DataWarning, match=r"largest of 120 .* between 0\.0002\d* and 0\.03 .* such as 999\."):
        assert alarms.threshold(np.arange(120.0), 0.01) == 119
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert alarms.threshold(np.arange(199.0), 0.01) == 197


def test_number_of_false_alarms_is_beta_binomial() -> None:
    """Without ties all ways of mixing calibration and fresh rows are equally likely: count them all."""
    rows, fresh, rate = 9, 5, 0.3
    counts = np.zeros(fresh + 1)
    for chosen in combinations(range(rows + fresh), fresh):
        scores = np.array(chosen, dtype=float)
        calibration = np.array(sorted(set(range(rows + fresh)) - set(chosen)), dtype=float)
        counts[int((scores > alarms.threshold(calibration, rate)).sum())] += 1
    rank = alarm_rates.alarm_rank(rows, rate)
    assert rank == 3
    np.testing.assert_allclose(
        counts / counts.sum(), betabinom(fresh, rank, rows + 1 - rank).pmf(range(fresh + 1)), atol=1e-12
    )


def test_intervals_hold_as_much_as_they_say() -> None:
    low, high = alarm_rates.false_alarm_counts(200, 0.05, 300, level=0.99)
    law = betabinom(300, 10, 191)
    assert law.cdf(high) - law.cdf(low - 1) >= 0.99
    assert law.cdf(high - 1) < 0.995 <= law.cdf(high)
    assert law.cdf(low - 1) < 0.005 <= law.cdf(low)
    random = np.random.default_rng(0)
    shares = [1 - np.sort(random.random(200))[-10] for _ in range(2000)]
    assert alarm_rates.false_alarm_interval(200, 0.05, 0.8) == pytest.approx(np.quantile(shares, [0.1, 0.9]), abs=3e-3)
    assert alarm_rates.false_alarm_interval(5, 0.01) == (0, 0)
    assert alarm_rates.false_alarm_counts(5, 0.01, 100) == (0, 0)


@pytest.mark.parametrize(
    ("rows", "share"), [(300, 0.1), (50, 0.07), (50, 0.29), (6, 1 / 3), (8, 0.5), (1000, 0.001), (11, 0.4999)]
)
def test_share_flags_exactly_so_many(rows: int, share: float) -> None:
    scores = np.random.default_rng(rows).normal(size=rows)
    wanted = int(Fraction(share).limit_denominator(10_000) * rows + Fraction(1, 2))
    assert (scores > alarms.share_threshold(scores, share)).sum() == wanted


def test_share_with_ties_flags_fewer_and_only_for_them() -> None:
    scores = np.array([5.0, 4, 4, 4, 3, 2, 1, 0, 0, 0])
    assert (scores > alarms.share_threshold(scores, 0.2)).tolist() == [True] + [False] * 9
    assert (scores > alarms.share_threshold(scores, 0.4)).sum() == 4
    assert (np.ones(10) > alarms.share_threshold(np.ones(10), 0.5)).sum() == 0
    with pytest.warns(DataWarning, match=r"0\.01 of 10 rows is less than one row: none is flagged. Raise it to 0\.1"):
        assert alarms.share_threshold(scores, 0.01) == 5


def test_share_agrees_with_scikit_learn() -> None:
    X = np.random.default_rng(0).normal(size=(200, 2))
    forest = IsolationForest(random_state=0, contamination=0.1).fit(X)
    scores = -forest.score_samples(X)
    assert ((scores > alarms.share_threshold(scores, 0.1)) == (forest.predict(X) == -1)).all()


def test_selection_is_the_step_up_rule() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        p = random.integers(1, 40, 12) / 40 * random.choice([1, 0.1])
        found = alarms.select(p, 0.2)
        largest = max([k for k in range(1, 13) if sorted(p)[k - 1] <= k * 0.2 / 12], default=0)
        wanted = p <= sorted(p)[largest - 1] if largest else np.zeros(12, dtype=bool)
        assert found.tolist() == list(wanted)
    # Not the first that fails, but the last that holds.
    assert alarms.select(np.array([0.3, 0.3, 0.3]), 0.3).tolist() == [True] * 3
    assert alarms.select(np.zeros(0), 0.1).shape == (0,)


@pytest.mark.parametrize("support", [2, 3])
def test_false_discovery_rate_is_kept_by_p_values_that_share_their_calibration(support: int) -> None:
    """Three normal rows, one anomaly above all, three calibration rows: every outcome of a small world, ties too."""
    for rate in (0.3, 0.5, 0.7):
        total = 0.0
        for outcome in product(range(support), repeat=6):
            calibration = np.sort(np.array(outcome[:3], dtype=float))
            p = alarms.p_values(np.array([*outcome[3:], support], dtype=float), calibration)
            chosen = alarms.select(p, rate)
            total += chosen[:3].sum() / max(1, chosen.sum())
        assert total / support**6 <= rate * 3 / 4 + 1e-12


def test_extended_calibration_is_sorted_and_bounded() -> None:
    random = np.random.default_rng(0)
    first, more = np.sort(random.normal(size=30)), random.normal(size=20)
    assert alarms.extended(first, more).tolist() == sorted([*first.tolist(), *more.tolist()])
    thinned = alarms.extended(first, more, most_rows=10)
    assert len(thinned) == 10
    assert (np.diff(thinned) > 0).all()
    assert set(thinned) <= {*first, *more}
    assert thinned.tolist() == alarms.extended(first, more, most_rows=10).tolist()
    # Whole ranges are not favoured: on average the middle stays where it was.
    kept = [alarms.extended(np.arange(50.0), np.zeros(0), most_rows=10, seed=seed).mean() for seed in range(200)]
    assert np.mean(kept) == pytest.approx(24.5, abs=1)
