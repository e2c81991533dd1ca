"""The mixed tables of the benchmarks, as pandas frames, from a folder named by ISTHMUS_DATA."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

# The columns of files without a header.
ADULT = """
age workclass fnlwgt education education_num marital_status occupation relationship race sex capital_gain capital_loss
hours_per_week native_country income
"""
GERMAN = """
status duration history purpose amount savings employment rate personal guarantors residence property age plans housing
credits job dependants telephone foreign risk
"""


def folder() -> Path:
    """Where the data stand."""
    found = os.environ.get("ISTHMUS_DATA")
    if not found:
        raise SystemExit("Set ISTHMUS_DATA to the folder of the evaluation data (see CONTRIBUTING.md).")
    return Path(found)


def adult(part: str) -> pd.DataFrame:
    """The official "train" or "test" rows of the 1994 census income table; "?" is missing."""
    path = folder() / "adult" / f"adult-{part}.csv"
    table = pd.read_csv(path, names=ADULT.split(), skipinitialspace=True, na_values="?")
    table["income"] = table["income"].str.rstrip(".")
    return table


def german_credit() -> pd.DataFrame:
    """Statlog German credit, 1,000 × 21."""
    table = pd.read_csv(folder() / "german_credit" / "german.csv", names=GERMAN.split())
    table["risk"] = table["risk"].map({1: "good", 2: "bad"})
    return table


def penguins() -> pd.DataFrame:
    """Palmer penguins, 344 × 8."""
    return pd.read_csv(folder() / "penguins" / "penguins.csv")


def california_housing() -> pd.DataFrame:
    """California housing, 20,640 × 10."""
    return pd.read_csv(folder() / "california_housing" / "housing.csv")
