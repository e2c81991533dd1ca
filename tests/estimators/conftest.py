"""Detectors of anomalies that several test modules look at, each fitted once; nobody changes them."""

from __future__ import annotations

import pytest

from isthmus.estimators.anomaly_detector import AnomalyDetector

from .odd_rows import FAST, numbers, table


@pytest.fixture(scope="session")
def detector() -> AnomalyDetector:
    return AnomalyDetector(**FAST).fit(numbers())


@pytest.fixture(scope="session")
def calibrated() -> AnomalyDetector:
    return AnomalyDetector(alarm_rate=0.05, **FAST).fit(numbers(400))


@pytest.fixture(scope="session")
def of_table() -> AnomalyDetector:
    return AnomalyDetector(**{**FAST, "max_epochs": 40, "batch_size": 32}).fit(table())
