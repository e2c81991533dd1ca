"""From scores to alarms, by counting; and what a linear reader of codes misses, by least squares."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from isthmus.components.penalties.linear_readout import LinearReadout
from isthmus.distributions import DiagonalNormal
from isthmus.uses.alarm_rates import alarm_rank, rows_for
from isthmus.uses.alarms import extended, p_values, select, share_threshold, threshold

from .known_numbers import close, item, values
from .passes import pass_with


def p_values_are_ranks_among_calibration_rows() -> None:
    calibration = np.array([1.0, 2.0, 2.0, 5.0])
    scores = np.array([0.5, 2.0, 2.5, 5.0, 9.0])
    close(p_values(scores, calibration), [(1 + (calibration >= one).sum()) / 5 for one in scores])
    # Of exchangeable rows, whichever of them is the new one, at most the share α has p ≤ α.
    rows = np.array([3.0, 1.0, 1.0, 4.0, 2.0])
    found = [p_values(rows[[place]], np.sort(np.delete(rows, place)))[0] for place in range(5)]
    for level in (0.2, 0.4, 0.6, 0.8, 1.0):
        assert np.mean(np.array(found) <= level) <= level + 1e-12


def thresholds_give_alarm_where_p_is_small() -> None:
    calibration = np.sort(values(199).numpy())
    scores = np.concatenate([calibration, calibration + 1e-9, values(300, seed=1).numpy()])
    for rate in (0.05, 0.1, 0.123):
        limit = threshold(calibration, rate)
        assert np.array_equal(scores > limit, p_values(scores, calibration) <= rate)
    assert (alarm_rank(99, 0.01), alarm_rank(98, 0.01), rows_for(0.01)) == (1, 0, 99)


def a_share_of_the_rows_is_flagged() -> None:
    for rows, share in itertools.product((10, 50, 101), (0.07, 0.25, 0.5)):
        scores = values(rows).numpy()
        assert (scores > share_threshold(scores, share)).sum() == int(share * rows + 0.5 + 1e-9)


def a_choice_among_many_is_that_of_benjamini_and_hochberg() -> None:
    p = np.array([0.01, 0.02, 0.04, 0.041, 0.3, 0.9])
    for rate in (0.05, 0.062, 0.3):
        kept = max((k for k in range(1, 7) if np.sort(p)[k - 1] <= k * rate / 6), default=0)
        assert select(p, rate).sum() == kept
    assert extended(np.array([1.0, 4.0]), np.array([3.0, 2.0])).tolist() == [1, 2, 3, 4]


def a_linear_reader_is_a_ridge_regression() -> None:
    mean, log_std, features = values(12, 2), 0.3 * values(12, 2, seed=1), 0.2 * values(12, 3, seed=2) + 0.1
    ridge = 0.5 * (2 * log_std).exp().sum(0).numpy()
    for squares in (False, True):
        spec = LinearReadout(noise=0.5, squares=squares)
        found = spec.value(pass_with(DiagonalNormal(mean, log_std), mean, features=features))
        target = features.numpy() if not squares else np.hstack([features, features**2])
        codes = np.vstack([mean - mean.mean(0), np.diag(np.sqrt(ridge))])
        asked = np.vstack([target - target.mean(0), np.zeros((2, target.shape[1]))])
        missed = asked - codes @ np.linalg.lstsq(codes, asked, rcond=None)[0]
        close(item(found), 0.5 * (missed**2).sum(), 1e-5)


def wide_features_count_as_much_as_others() -> None:
    code = values(12, 2)
    features = torch.cat([values(12, 1, seed=1), values(12, 1, seed=2)], 1)
    features = (features - features.mean(0)) / features.std(0, correction=0)
    spec = LinearReadout(squares=False)
    posterior = DiagonalNormal(code, torch.zeros_like(code))
    plain, wide = (item(spec.value(pass_with(posterior, code, features=scale * features))) for scale in (1.0, 7.0))
    close(wide, plain, 1e-6)
