"""Mixed tables: census rows that do not go together, beside one-hot columns for an isolation forest and neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import harness
import mixed_tables
import numpy as np
import pandas as pd
import peers
from anomaly_contenders import OURS
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

SECTION = "mixed tables"
TRAIN, TEST, ODD = 10_000, 5_000, 500
COUNTRY = "native_country"
RARE = 0.005


def rare_country(rows: pd.DataFrame, train: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Rows of the most frequent country that say they were born in a rare one."""
    shares = train[COUNTRY].value_counts(normalize=True)
    found = rows[rows[COUNTRY] == shares.index[0]].iloc[:ODD].copy()
    found[COUNTRY] = random.choice(shares.index[shares < RARE].to_numpy(object), size=len(found))
    return found


def exchanged_cell(rows: pd.DataFrame, train: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Rows in which one cell holds what another row has there: no value is rare by itself."""
    found = rows.iloc[:ODD].copy().reset_index(drop=True)
    for row in range(len(found)):
        column = random.integers(found.shape[1])
        values = train.iloc[:, column].dropna()
        found.iloc[row, column] = random.choice(values[values != found.iloc[row, column]].to_numpy())
    return found


ODDITIES = {"rare country": rare_country, "exchanged cell": exchanged_cell}


def keys(contenders: Sequence[str] | None, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """One run for each oddity, contender and seed."""
    for seed in seeds:
        for contender in contenders or CONTENDERS:
            if contender in CONTENDERS:
                yield from ({"section": SECTION, "set": odd, "contender": contender, "seed": seed} for odd in ODDITIES)


def run(key: Mapping[str, Any]) -> dict[str, Any]:
    """Normal rows of adult's training part are learnt from; test rows are ranked among odd ones."""
    random = np.random.default_rng(key["seed"])
    train = mixed_tables.adult("train").sample(TRAIN, random_state=key["seed"]).reset_index(drop=True)
    test = mixed_tables.adult("test").sample(TEST + 2 * ODD, random_state=key["seed"]).reset_index(drop=True)
    odd = ODDITIES[key["set"]](test.iloc[TEST:], train, random)
    rows = pd.concat([test.iloc[:TEST], odd], ignore_index=True)
    began = time.process_time()
    with peers.silence():
        scores = CONTENDERS[key["contender"]](train, rows, key["seed"])
    truth = np.arange(len(rows)) >= TEST
    return {
        "auroc": float(roc_auc_score(truth, scores)),
        "average_precision": float(average_precision_score(truth, scores)),
        "cpu_seconds": time.process_time() - began,
    }


def one_hot(train: pd.DataFrame, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Standardised numbers and one-hot levels; a missing level is one of its own."""
    encoder = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    ).fit(train)
    return encoder.transform(train), encoder.transform(rows)


def _ours(train: pd.DataFrame, rows: pd.DataFrame, seed: int) -> np.ndarray:
    import isthmus

    return isthmus.AnomalyDetector(contamination=0, random_state=seed).fit(train).anomaly_score(rows)


def _forest(train: pd.DataFrame, rows: pd.DataFrame, seed: int) -> np.ndarray:
    known, new = one_hot(train, rows)
    return -IsolationForest(random_state=seed).fit(known).score_samples(new)


def _neighbours(train: pd.DataFrame, rows: pd.DataFrame, seed: int) -> np.ndarray:
    known, new = one_hot(train, rows)
    return NearestNeighbors(n_neighbors=5).fit(known).kneighbors(new)[0][:, -1]


CONTENDERS: Mapping[str, Callable[[pd.DataFrame, pd.DataFrame, int], np.ndarray]] = {
    OURS: _ours,
    "one-hot, IForest": _forest,
    "one-hot, kNN, 5th distance": _neighbours,
}


def render(runs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], report: harness.Report) -> None:
    """Both measures for each oddity."""
    rows = []
    for odd in ODDITIES:
        for contender in CONTENDERS:
            found = [one for key, one in runs if (key["set"], key["contender"]) == (odd, contender)]
            if found:
                cells = [harness.spread([100 * one[what] for one in found]) for what in ("auroc", "average_precision")]
                rows.append([odd, contender, len(found), *cells, float(np.mean([one["cpu_seconds"] for one in found]))])
    if rows:
        columns = ["oddity", "contender", "seeds", "AUROC × 100", "average precision × 100", "processor seconds"]
        report.add(
            harness.Table("Mixed tables: adult", columns, rows, "Target: above one-hot columns and IForest."),
            runs=[{"run": key, "result": result} for key, result in runs],
        )
