"""Rows that detectors of anomalies are tried on."""

from __future__ import annotations

import numpy as np
import pandas as pd

FAST = {"members": 3, "hidden": (16, 16), "max_epochs": 12, "random_state": 0, "device": "cpu"}


def numbers(n: int = 200, seed: int = 0) -> np.ndarray:
    """Four columns that share one cause, and a constant one."""
    random = np.random.default_rng(seed)
    cause = random.normal(size=(n, 1))
    return np.hstack([cause @ [[1.0, -2.0, 0.5, 3.0]] + 0.1 * random.normal(size=(n, 4)), np.full((n, 1), 7.0)])


def table(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Town says language, age says income; some incomes are missing."""
    random = np.random.default_rng(seed)
    town = random.choice(["Bern", "Genf", "Lugano"], n, p=[0.5, 0.3, 0.2])
    age = random.integers(20, 70, n)
    income = 1000.0 * age + random.normal(0, 500, n)
    income[random.random(n) < 0.15] = np.nan
    language = pd.Series(town).map({"Bern": "de", "Genf": "fr", "Lugano": "it"})
    return pd.DataFrame({"town": town, "age": age, "income": income, "language": language.to_numpy()})
