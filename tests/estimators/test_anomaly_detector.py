"""The anomaly detector as its user sees it."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from isthmus.core.errors import DataWarning, InputError, ParameterError
from isthmus.core.random import spawn_seeds
from isthmus.estimators.anomaly_detector import AnomalyDetector
from isthmus.estimators.anomaly_fitting import split
from isthmus.uses.anomaly import anomaly_parts
from isthmus.uses.anomaly_explanation import JOINT

from .odd_rows import FAST, numbers, table

# Scores


def test_what_breaks_the_rules_of_normal_rows_scores_higher(detector, calibrated) -> None:
    normal = numbers(300, seed=1)
    odd = normal.copy()
    odd[:, 1] += np.where(odd[:, 1] > 0, -3, 3)
    scores, odd_scores = detector.anomaly_score(normal), detector.anomaly_score(odd)
    assert scores.dtype == np.float64
    assert scores.shape == (300,)
    assert np.mean(odd_scores[:, None] > scores[None]) > 0.95
    # Rows that are known to be normal leave less room.
    known, odd_known = calibrated.anomaly_score(normal), calibrated.anomaly_score(odd)
    assert np.mean(odd_known[:, None] > known[None]) > 0.97
    assert (detector.predict(odd) == -1).mean() > 0.8
    assert (detector.predict(normal) == -1).mean() < 0.1


def test_the_faces_of_the_score_agree(detector) -> None:
    X = numbers(50, seed=2)
    scores = detector.score_samples(X)
    np.testing.assert_array_equal(detector.anomaly_score(X), -scores)
    np.testing.assert_array_equal(detector.decision_function(X), scores - detector.offset_)
    np.testing.assert_array_equal(detector.predict(X), np.where(scores >= detector.offset_, 1, -1))


def test_a_score_depends_on_its_row_alone(detector) -> None:
    X = numbers(700, seed=3)
    scores = detector.score_samples(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(detector.score_samples(X[order]), scores[order])
    np.testing.assert_array_equal(detector.score_samples(X), scores)
    np.testing.assert_array_equal([detector.score_samples(X[i : i + 1])[0] for i in range(0, 700, 100)], scores[::100])


def test_far_outliers_score_higher_the_farther_they_are(detector) -> None:
    X = numbers()
    centre = X.mean(0)
    direction = np.linalg.svd(X - centre, full_matrices=False)[2][0]
    spread = ((X - centre) @ direction).std()
    for sign in (1, -1):
        far = centre + sign * spread * np.geomspace(4, 100, 30)[:, None] * direction
        assert (np.diff(detector.anomaly_score(far)) > 0).all()
    huge = detector.anomaly_score(centre + np.array([1e3, 1e6, 1e12])[:, None] * direction)
    assert np.isfinite(huge).all()
    assert (np.diff(huge) > 0).all()
    with pytest.raises(InputError, match="beyond float32 after scaling at row 0, column"):
        detector.anomaly_score((centre + 1e30 * direction)[None])


def test_the_same_seed_gives_the_same_bits(detector) -> None:
    X = numbers()
    np.testing.assert_array_equal(clone(detector).fit(X).score_samples(X), detector.score_samples(X))
    other = clone(detector).set_params(random_state=1).fit(X)
    assert not np.array_equal(other.score_samples(X), detector.score_samples(X))


def test_a_change_in_a_constant_column_gives_alarm(detector) -> None:
    X = numbers(5, seed=4)
    changed = X.copy()
    changed[:, 4] = 8.0
    assert (detector.predict(changed) == -1).all()
    assert {reasons[0].column for reasons in (detector.explain(changed).reasons(i) for i in range(5))} == {4}


@pytest.mark.parametrize("shape", [(2, 1), (2, 3), (3, 1), (9, 40)])
def test_tiny_data_are_fitted_and_scored(shape) -> None:
    X = np.random.default_rng(0).normal(size=shape)
    scores = AnomalyDetector(**FAST).fit(X).score_samples(np.vstack([X, X + 50]))
    assert np.isfinite(scores).all()
    assert scores[: len(X)].min() > scores[len(X) :].max()


def test_only_one_member_and_no_hidden_cells() -> None:
    X = numbers()
    plain = AnomalyDetector(**{**FAST, "members": 1, "hidden_blocks": False}).fit(X)
    odd = X[:50].copy()
    odd[:, 3] *= -1
    assert np.mean(plain.anomaly_score(odd)) > np.mean(plain.anomaly_score(X)) + 0.5


# Thresholds


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_a_contamination_flags_exactly_that_share_of_the_training_rows(share) -> None:
    X = numbers(100)
    assert (AnomalyDetector(contamination=share, **{**FAST, "max_epochs": 2}).fit_predict(X) == -1).sum() == 100 * share


def test_calibration_rows_serve_nothing_else(calibrated) -> None:
    X = numbers(400)
    assert len(calibrated.calibration_scores_) == 80
    assert calibrated.judge_.scorer.training_rows == 320
    assert (np.diff(calibrated.calibration_scores_) >= 0).all()
    scores = calibrated.anomaly_score(X)
    assert np.isin(calibrated.calibration_scores_, scores).all()
    # Alarm is just where the p-value says so: k = floor(0.05 * 81) = 4.
    assert -calibrated.offset_ == calibrated.calibration_scores_[-4]
    fresh = numbers(200, seed=9)
    np.testing.assert_array_equal(calibrated.predict(fresh) == -1, calibrated.p_value(fresh) <= 0.05)


def test_p_values_and_selection(calibrated) -> None:
    X = numbers(60, seed=5)
    X[:10, 0] += 4
    p = calibrated.p_value(X)
    assert p[:10].max() == 1 / 81
    assert calibrated.select(X, 0.2)[:10].all()
    assert calibrated.select(X, 0.2)[10:].sum() <= 5


def test_new_normal_rows_move_the_threshold_only(calibrated) -> None:
    detector = copy.deepcopy(calibrated)
    X = numbers(100, seed=6)
    before = detector.score_samples(X)
    assert detector.partial_fit(X) is detector
    assert len(detector.calibration_scores_) == 180
    assert -detector.offset_ == detector.calibration_scores_[-9]
    np.testing.assert_array_equal(detector.score_samples(X), before)
    assert len(calibrated.calibration_scores_) == 80


def test_the_first_partial_fit_fits() -> None:
    X = numbers(100)
    first = AnomalyDetector(alarm_rate=0.1, **{**FAST, "max_epochs": 1}).partial_fit(X)
    assert len(first.calibration_scores_) == 20


def test_a_drift_alarm_watches_the_calibrated_scores(calibrated) -> None:
    alarm = calibrated.drift_alarm()
    assert not alarm.update(calibrated.anomaly_score(numbers(100, seed=7)))
    shifted = numbers(400, seed=8)
    shifted[:, 0] += 1
    assert alarm.update(calibrated.anomaly_score(shifted))


def test_what_needs_calibration_says_so(detector) -> None:
    X = numbers(5)
    for method in (detector.p_value, detector.select, detector.update):
        with pytest.raises(ParameterError, match="reserved for calibration; set `alarm_rate`"):
            method(X)
    with pytest.raises(ParameterError, match="drift_alarm needs rows"):
        detector.drift_alarm()
    with pytest.raises(AttributeError, match="partial_fit"):
        detector.partial_fit(X)


def test_both_thresholds_at_once_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"`contamination` \(0.1\).*`alarm_rate` \(0.01\).*Set one of them"):
        AnomalyDetector(contamination=0.1, alarm_rate=0.01).fit(numbers())


def test_an_alarm_rate_that_the_rows_cannot_tell_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be told from 8 calibration rows"):
        AnomalyDetector(alarm_rate=0.01, **{**FAST, "max_epochs": 1}).fit(numbers(40))


# Reasons


def test_contributions_add_up_to_the_score_and_name_the_altered_column(detector) -> None:
    X = numbers(40, seed=1)
    X[:, 2] += np.where(X[:, 2] > 0, -2.5, 2.5)
    explained = detector.explain(X)
    np.testing.assert_array_equal(explained.score, detector.anomaly_score(X))
    np.testing.assert_allclose(explained.contributions.sum(1) + explained.joint, explained.score, rtol=1e-12)
    assert explained.columns == [0, 1, 2, 3, 4]
    assert np.mean(explained.contributions.argmax(1) == 2) > 0.9
    reason = explained.reasons(0, top=1)[0]
    assert reason.seen == X[0, 2]
    # What the other columns say: a sixth of the last one.
    expected = np.array([explained.expected[2][row] for row in range(40)])
    assert np.abs(expected - X[:, 3] / 6).mean() < 0.5
    assert reason.share == pytest.approx(reason.contribution / explained.score[0])
    assert len(explained.reasons(3, top=None)) == 6
    assert JOINT in {one.column for one in explained.reasons(3, top=None)}
    assert explained.to_rows(top=2)[4]["reasons"][0]["column"] == 2


def test_what_is_expected_lies_in_the_range_of_training_rows(of_table) -> None:
    X, known = table(40, seed=3), table()
    X["age"] = 20 * X["age"]
    X["income"] = -X["income"]
    expected = of_table.explain(X).expected
    for column in ("age", "income"):
        assert known[column].min() <= np.min(expected[column])
        assert np.max(expected[column]) <= known[column].max()


def test_images_get_a_heat_map(detector) -> None:
    generator = np.random.default_rng(0)
    images = np.tile(generator.integers(0, 200, (60, 1, 1, 3)), (1, 6, 5, 1)).astype(np.uint8)
    fitted = AnomalyDetector(**{**FAST, "max_epochs": 3}).fit(images)
    odd = images[:4].copy()
    odd[1, 2, 3] = 255 - odd[1, 2, 3] // 2
    explained = fitted.explain(odd)
    assert explained.heat_map.shape == (4, 6, 5)
    assert np.unravel_index(explained.heat_map[1].argmax(), (6, 5)) == (2, 3)
    np.testing.assert_allclose(explained.heat_map.sum((1, 2)) + explained.joint, explained.score, rtol=1e-12)
    assert explained.marked(odd).shape == (4, 6, 5, 3)
    assert explained.marked(odd)[1, 2, 3].tolist() == [215, 25, 28]
    with pytest.raises(InputError, match=r"`images` must be the 4 that were explained; got shape \(3, 6, 5, 3\)"):
        explained.marked(odd[:3])
    with pytest.raises(InputError, match="A heat map is drawn of images"):
        detector.explain(numbers(2)).heat_map  # noqa: B018 - it raises
    (reason,) = explained.reasons(1, top=1)
    assert reason.column // 3 == 2 * 5 + 3
    assert reason.seen == odd[1].ravel()[reason.column]


def test_reasons_of_a_table_are_in_its_words(of_table) -> None:
    X = table(30, seed=1)
    X["language"] = X["town"].map({"Bern": "it", "Genf": "de", "Lugano": "fr"})
    explained = of_table.explain(X)
    assert explained.columns == ["town", "age", "income", "language"]
    np.testing.assert_allclose(explained.contributions.sum(1) + explained.joint, explained.score, rtol=1e-12)
    assert np.mean(of_table.anomaly_score(X)[:, None] > of_table.anomaly_score(table(100, seed=2))[None]) > 0.95
    top = [explained.reasons(row, top=1)[0] for row in range(30)]
    assert np.mean([one.column in ("town", "language") for one in top]) > 0.8
    assert explained.seen["language"] == X["language"].tolist()
    right = [
        one == two
        for one, two in zip(
            explained.expected["language"], X["town"].map({"Bern": "de", "Genf": "fr", "Lugano": "it"}), strict=True
        )
    ]
    assert np.mean(right) > 0.6  # a third by chance


def test_a_missing_cell_is_no_reason(of_table) -> None:
    X = table(20, seed=3)
    X["income"] = np.nan
    _, parts, _ = anomaly_parts(of_table.judge_.scorer, of_table.schema_.rows(X))
    sources = np.array(of_table.schema_.encoded_sources)
    income, indicator = np.flatnonzero(sources == 2)
    assert not parts[:, income].any()
    # That it is missing may be one.
    explained = of_table.explain(X)
    np.testing.assert_array_equal(explained.contributions[:, 2], parts[:, indicator])
    assert np.isnan(explained.seen["income"]).all()
    np.testing.assert_allclose(explained.expected["income"], 1000.0 * X["age"], rtol=0.5)


def test_tables_with_holes_and_unknown_levels_are_scored(of_table) -> None:
    X = table(20, seed=3)
    X.loc[:9, "income"] = None
    scores = of_table.score_samples(X)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal([of_table.score_samples(X.iloc[i : i + 1])[0] for i in range(20)], scores)
    unknown = X.copy()
    unknown["town"] = "Chur"
    with pytest.warns(DataWarning, match="Chur"):
        assert np.mean(of_table.score_samples(unknown) < scores) == 1
    shuffled = X[["language", "age", "town", "income"]]
    np.testing.assert_array_equal(of_table.score_samples(shuffled), scores)


def test_odd_rows_that_lie_together_are_found_unless_they_are_said_to_be_normal() -> None:
    X = numbers(400)
    X[:5, 1] += 2.5
    X[:5] = X[0] + 0.05 * (X[:5] - X[0])
    ranks, trims = [], []
    for contamination in (0, "auto", 0.05):
        fitted = AnomalyDetector(**{**FAST, "max_epochs": 3}, contamination=contamination).fit(X)
        ranks.append((fitted.anomaly_score(X[:5])[:, None] > fitted.anomaly_score(X[5:])).mean())
        trims.append(fitted.judge_.scorer.ensemble.spec.trim)
        # Of rows that are normal none gives alarm.
        assert (fitted.predict(X) == -1).any() == (contamination != 0)
    assert trims == [0.0, 0.25, 0.05]
    assert min(ranks[1:]) > max(0.9, ranks[0] + 0.05)


# What calibration rows are kept from


def reserved_rows(n: int) -> np.ndarray:
    """The rows of ``n`` that calibrate, where the seed is 0."""
    return split(n, 0.2, None, spawn_seeds(0, 4)[0])[2].numpy()


def test_nothing_is_learnt_of_columns_from_calibration_rows() -> None:
    X, calibrate = numbers(100), {**FAST, "max_epochs": 1, "alarm_rate": 0.2}
    reserved = reserved_rows(100)
    changed = X.copy()
    changed[reserved, :4] = 50.0 + changed[reserved, :4]
    one, other = AnomalyDetector(**calibrate).fit(X), AnomalyDetector(**calibrate).fit(changed)
    np.testing.assert_array_equal(one.schema_.columns.shift, other.schema_.columns.shift)
    np.testing.assert_array_equal(one.score_samples(X), other.score_samples(X))
    np.testing.assert_array_equal(other.calibration_scores_, np.sort(other.anomaly_score(changed[reserved])))
    assert other.calibration_scores_[0] > one.calibration_scores_[-1]


def test_a_level_that_only_calibration_rows_have_is_unknown_and_nothing_to_warn_of() -> None:
    X, reserved = table(100), reserved_rows(100)
    X.loc[reserved[0], "town"] = "Chur"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = AnomalyDetector(**{**FAST, "max_epochs": 1}, alarm_rate=0.2).fit(X)
    assert next(column.levels.values for column in fitted.schema_.roles.categorical) == ("Bern", "Genf", "Lugano")
    with pytest.warns(DataWarning, match="Chur"):
        assert fitted.anomaly_score(X.iloc[reserved[:1]])[0] in fitted.calibration_scores_


def test_calibration_rows_that_fit_no_column_of_the_others_are_learnt_from_after_all() -> None:
    X, reserved = (numbers(100)[:, :4] > 0).astype(float), reserved_rows(100)
    X[reserved[0], 1] = 2.0
    fitted = AnomalyDetector(**{**FAST, "max_epochs": 1}, alarm_rate=0.2).fit(X)
    assert np.isfinite(fitted.score_samples(X)).all()
    X[reserved[0], 1] = np.nan
    with pytest.raises(InputError, match=f"row {reserved[0]}, column 1"):
        AnomalyDetector(**{**FAST, "max_epochs": 1}, alarm_rate=0.2).fit(X)
