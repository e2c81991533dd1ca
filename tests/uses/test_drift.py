"""The drift alarm: its p-values by definition, its law without drift, and that it sees a change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from isthmus.errors import InputError, ParameterError
from isthmus.uses import drift
from isthmus.uses.drift import DriftAlarm


def watched(seed: int, rows: int = 60, calibration: int = 12, support: int | None = None, **more: float) -> DriftAlarm:
    """An alarm that has seen a stream like its calibration."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=calibration + rows) if support is None else random.integers(0, support, 12 + rows) * 1.0
    alarm = DriftAlarm(scores[:calibration], seed=seed, **more)
    alarm.update(scores[calibration:])
    return alarm


def test_p_values_are_ranks_among_all_before() -> None:
    random = np.random.default_rng(3)
    alarm = DriftAlarm(random.normal(size=40))
    edges, before = alarm._edges, np.repeat(np.arange(21), alarm._counts).tolist()
    assert len(edges) == 20
    assert len(before) == 20
    scores = random.normal(size=150)
    alarm._random = np.random.default_rng(9)
    found = np.concatenate([alarm._p_values(scores[:64]), alarm._p_values(scores[64:])])
    theta = 1 - np.random.default_rng(9).random(150)
    for score, draw, p in zip(scores, theta, found, strict=True):
        place = int((edges < score).sum())
        before.append(place)
        higher, alike = (np.array(before) > place).sum(), (np.array(before) == place).sum()
        assert p == pytest.approx((higher + draw * alike) / len(before), abs=1e-15)


@pytest.mark.parametrize("support", [None, 3])
def test_p_values_without_drift_are_uniform_and_independent(support: int | None) -> None:
    found = []
    for seed in range(300):
        random = np.random.default_rng(seed)
        scores = random.normal(size=24) if support is None else random.integers(0, support, 24) * 1.0
        alarm = DriftAlarm(scores[:10], seed=seed)
        found.append(alarm._p_values(scores[10:]))
    p = np.array(found)
    for place in (0, 1, 13):
        assert kstest(p[:, place], "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(p.T) - np.eye(14)).max() < 4.5 / np.sqrt(300)


def test_a_bet_is_fair_and_the_statistic_grows_by_one() -> None:
    """E[R after] = R before + 1 for a uniform p-value, from any state (a straight line in p)."""
    alarm = watched(0)
    state = alarm.statistic, list(alarm._shares)
    after = []
    for p in (np.arange(100) + 0.5) / 100:
        alarm.statistic, alarm._shares = state[0], list(state[1])
        alarm._bet(p)
        after.append(alarm.statistic)
        assert sum(alarm._shares) == pytest.approx(1)
    assert np.mean(after) == pytest.approx(state[0] + 1, rel=1e-12)


def test_the_statistic_is_the_sum_over_all_beginnings() -> None:
    """R after n rows = Σ S(n) / S(i) over i = 0, …, n - 1, with the jumper's capital S written out in full."""
    alarm = DriftAlarm(np.arange(4.0))
    capital, total = np.full(3, 1 / 3), [1.0]
    for p in np.random.default_rng(0).random(20):
        capital = ((1 - 0.01) * capital + 0.01 / 3 * capital.sum()) * (1 + np.array([-1, 0, 1]) * (p - 0.5))
        total.append(capital.sum())
        alarm._bet(p)
    assert alarm.statistic == pytest.approx(sum(total[-1] / one for one in total[:-1]), rel=1e-12)


def test_false_alarms_are_as_rare_as_promised() -> None:
    """Within n rows with probability n / rows_between_false_alarms at most."""
    times = [
        watched(seed, rows=60, support=4 if seed % 2 else None, rows_between_false_alarms=150) for seed in range(150)
    ]
    share = np.mean([one.alarm for one in times])
    assert 0.02 < share <= 60 / 150


@pytest.mark.parametrize(("shift", "direction"), [(1.0, "odder"), (-1.0, "more usual")])
def test_a_change_is_seen_soon_and_named(shift: float, direction: str) -> None:
    random = np.random.default_rng(0)
    alarm = DriftAlarm(random.normal(size=500))
    assert not alarm.update(random.normal(size=1500))
    assert (alarm.alarm_row, alarm.direction) == (None, None)
    assert alarm.update(random.normal(loc=shift, size=150))
    assert alarm.alarm_row is not None
    assert 1500 < alarm.alarm_row < 1600
    assert alarm.direction == direction
    assert alarm.rows == 1650
    alarm.restart()
    assert (alarm.alarm, alarm.statistic, alarm.direction, alarm.rows) == (False, 0.0, None, 1650)


def test_one_odd_row_gives_no_alarm() -> None:
    random = np.random.default_rng(0)
    alarm = DriftAlarm(random.normal(size=100))
    assert not alarm.update([*random.normal(size=50), 1e9, *random.normal(size=50)])


def test_the_parts_of_a_stream_do_not_matter_and_memory_is_bounded() -> None:
    scores = np.random.default_rng(0).normal(size=700)
    whole, parts = DriftAlarm(scores[:400]), DriftAlarm(scores[:400])
    whole.update(scores[400:])
    for size in (64, 64, 64, 64, 44):
        parts.update(scores[400 + parts.rows : 400 + parts.rows + size])
    assert whole.statistic == parts.statistic
    assert DriftAlarm(scores[:400][::-1]).update(scores[400:]) == whole.alarm
    many = DriftAlarm(np.random.default_rng(0).normal(size=5000))
    assert len(many._edges) == drift.BINS - 1
    assert len(DriftAlarm(np.zeros(50))._edges) == 1


def test_what_is_no_stream_of_scores_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"DriftAlarm: `rows_between_false_alarms` must be a number in \[1, inf\)"):
        DriftAlarm([1.0, 2.0], 0.5)
    with pytest.raises(InputError, match="at least 2 calibration scores, got 1"):
        DriftAlarm([1.0])
    with pytest.raises(InputError, match="score 1 is nan; expected finite"):
        DriftAlarm([1.0, float("nan"), 3.0])
    with pytest.raises(InputError, match=r"shape \(n,\), one for each row; got shape \(2, 2\)"):
        DriftAlarm([1.0, 2.0]).update(np.ones((2, 2)))
