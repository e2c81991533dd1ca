"""scikit-learn's conformity checks of the anomaly detector."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from isthmus.estimators.anomaly_detector import AnomalyDetector


@parametrize_with_checks([AnomalyDetector(max_epochs=2, members=2, hidden=(8, 8))])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([AnomalyDetector()])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks_with_defaults(estimator, check):
    check(estimator)
