"""Anomaly detectors of other models, in files, and with what they refuse."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from isthmus.core.errors import DataWarning, DivergenceError, InputError, ModelFileError, ParameterError
from isthmus.estimators.anomaly_detector import AnomalyDetector
from isthmus.estimators.autoencoder import Autoencoder
from isthmus.estimators.recipe import recipe
from isthmus.estimators.saving import load
from isthmus.estimators.vae import VAE
from isthmus.training.callbacks import Callback

from .odd_rows import FAST, numbers, table

# Other models


def test_another_model_may_be_named() -> None:
    detector = AnomalyDetector(model="autoencoder", contamination=0.2, random_state=0).fit(numbers(10)[:, :2])
    assert type(detector.judge_.estimator) is Autoencoder
    assert detector.judge_.estimator.random_state == 0
    assert (detector.predict(numbers(10)[:, :2]) == -1).sum() == 2


@pytest.mark.parametrize("model", [Autoencoder(2, max_epochs=3), VAE(2, max_epochs=3), recipe("vq-vae", max_epochs=3)])
def test_other_models_give_scores_thresholds_and_reasons(model, tmp_path) -> None:
    X = numbers(120)[:, :4]
    detector = AnomalyDetector(model=model, alarm_rate=0.1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        detector.fit(X)
    explained = detector.explain(X[:7])
    np.testing.assert_allclose(explained.score, detector.anomaly_score(X[:7]))
    np.testing.assert_allclose(explained.contributions.sum(1) + explained.joint, explained.score, rtol=1e-9)
    assert len(detector.calibration_scores_) == 24
    assert not hasattr(model, "module_")
    detector.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "model.safetensors").p_value(X), detector.p_value(X))


def test_a_model_without_a_name_is_refused() -> None:
    with pytest.raises(ParameterError, match="No recipe is called 'forest'"):
        AnomalyDetector(model="forest").fit(numbers())
    with pytest.raises(ParameterError, match="`model` must be 'ensemble', the name of a recipe, or an estimator"):
        AnomalyDetector(model=3).fit(numbers())


# Files, parameters, faults


def test_a_file_gives_the_same_scores_and_reasons(of_table, calibrated, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    for detector, X in ((of_table, table(30, seed=4)), (calibrated, numbers(30, seed=4))):
        detector.save(path)
        again = load(path)
        assert isinstance(again, AnomalyDetector)
        np.testing.assert_array_equal(again.decision_function(X), detector.decision_function(X))
        np.testing.assert_array_equal(again.explain(X).contributions, detector.explain(X).contributions)
        np.testing.assert_array_equal(again.calibration_scores_, detector.calibration_scores_)
        assert again.n_iter_ == detector.n_iter_
        assert again.get_params()["members"] == 3
        before = path.read_bytes()
        again.save(path)
        assert path.read_bytes() == before


def test_a_damaged_file_is_refused(detector, tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    detector.save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError):
        load(path)


def test_a_detector_can_be_pickled(detector) -> None:
    X = numbers(10)
    again = pickle.loads(pickle.dumps(detector))  # noqa: S301
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))


def test_an_unfitted_detector_says_so() -> None:
    for method in ("score_samples", "predict", "explain", "p_value"):
        with pytest.raises(NotFittedError):
            getattr(AnomalyDetector(), method)(numbers(3))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"members": 0}, "members"),
        ({"contamination": 0.6}, "contamination"),
        ({"contamination": -0.1}, "contamination"),
        ({"alarm_rate": 1.0}, "alarm_rate"),
        ({"trim": 0.6}, "trim"),
        ({"hidden": "wide"}, "hidden"),
        ({"callbacks": ["x"]}, "callbacks"),
    ],
)
def test_parameters_out_of_range_are_named(changes, words) -> None:
    with pytest.raises(ParameterError, match=words):
        AnomalyDetector(**changes).fit(numbers())


def test_bad_cells_are_refused_by_place(detector) -> None:
    X = numbers(5)
    X[3, 2] = np.nan
    for method in (detector.score_samples, detector.predict, detector.explain):
        with pytest.raises(InputError, match="row 3, column 2"):
            method(X)
    with pytest.raises(InputError, match="expecting 5 features"):
        detector.score_samples(X[:, :4])
    with pytest.raises(InputError, match="minimum of 2 is required"):
        AnomalyDetector().fit(numbers(1))
    with pytest.raises(InputError, match="constant"):
        AnomalyDetector().fit(np.ones((10, 3)))


def test_a_diverged_or_interrupted_fit_leaves_a_whole_model() -> None:
    class Stop(Callback):
        def on_epoch_end(self, event) -> bool:
            raise KeyboardInterrupt

    X = numbers(60)
    stopped = AnomalyDetector(callbacks=[Stop()], **FAST)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X)
    assert stopped.stopped_ == "KeyboardInterrupt"
    assert np.isfinite(stopped.decision_function(X)).all()
    diverged = AnomalyDetector(**{**FAST, "learning_rate": 1e30})
    with pytest.raises(DivergenceError):
        diverged.fit(X)
    assert np.isfinite(diverged.decision_function(X)).all()


def test_conditions_are_refused_by_the_ensemble() -> None:
    with pytest.raises(ParameterError, match="an ensemble has no use for columns that are given"):
        AnomalyDetector(schema={"town": "condition"}).fit(table())


# Labels


def test_labels_beside_the_rows_are_not_used_and_said_so() -> None:
    X = numbers(60)
    with pytest.warns(DataWarning, match="`y` is not used: a detector learns from rows alone") as caught:
        told = AnomalyDetector(**FAST).fit(X, np.arange(60) % 2)
    assert next(one for one in caught if "`y`" in str(one.message)).filename == __file__
    np.testing.assert_array_equal(told.anomaly_score(X), AnomalyDetector(**FAST).fit(X).anomaly_score(X))


@pytest.mark.parametrize("values", [["yes", "no"], [0, 1]])
def test_a_column_of_labels_is_pointed_out(values: list) -> None:
    X = table(60).assign(Outlier=np.resize(values, 60))
    with pytest.warns(DataWarning, match="column 'Outlier' has two values and the name of labels"):
        AnomalyDetector(**FAST).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        AnomalyDetector(**FAST).fit(X.rename(columns={"Outlier": "smoker"}))
        AnomalyDetector(**FAST).fit(X.assign(Outlier=np.arange(60) / 7))
