"""Mixed tables: synthesis, imputation and embedding, beside CTGAN's TVAE and scikit-learn's imputers.

synthesis: adult, the official split. Models are fitted to the 32,561 training rows and draw as many. Usefulness:
boosted trees (scikit-learn's defaults) learn the income from drawn rows and are tested on the 16,281 real test rows.
Detection: the area under the ROC curve of boosted trees that tell drawn rows from training rows, on rows held out.
Quality: the mean of column shapes and pair trends as SDMetrics defines them. Distance ratio: median distance from a
drawn row to the closest training row, over that to the closest test row; below 1 rows were copied.

imputation: 20 % of the cells of complete rows are hidden, at random or (per column) only where another column is above
its median; error of numbers as a share of the column's standard deviation (RMSE), of levels as the share that is wrong;
one model is fitted to the rows with holes and fills them; of adult and california_housing 2,000 rows are drawn for it.
Coverage: how often the true number lies in the 90 % interval of twenty imputations, whose ends are quantiles at
p (n + 1): a model that is exactly right covers 90 % with these, and 82 % with those that NumPy gives by default.

embedding: a logistic regression predicts adult's income from 16 codes of a model fitted without it: the accuracy above
that of the majority, as a share of what boosted trees reach on the raw table.

Seconds and rates are the clock's, of runs that other work stood beside; processor seconds are not troubled by it. TVAE
used two threads and isthmus one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import harness
import mixed_tables
import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import isthmus
from isthmus.metrics.tables.columns import compared_columns
from isthmus.metrics.tables.design import Design
from isthmus.metrics.tables.detection import detection_auc
from isthmus.metrics.tables.fidelity import table_fidelity
from isthmus.metrics.tables.privacy import table_privacy
from isthmus.metrics.tables.usefulness import usefulness

SETS: Mapping[str, Callable[[], pd.DataFrame]] = {
    "adult": lambda: mixed_tables.adult("train").sample(2000, random_state=0),
    "california_housing": lambda: mixed_tables.california_housing().sample(2000, random_state=0),
    "german_credit": mixed_tables.german_credit,
    "penguins": mixed_tables.penguins,
}
PATTERNS = ("at random", "by another column")


def main() -> None:
    """Run what is missing in the file, then write the tables."""
    options = harness.parser(__doc__)
    options.add_argument("--sections", nargs="+", default=["synthesis", "imputation", "embedding"])
    options.add_argument("--models", nargs="+", default=["isthmus", "tvae"], help="of the section synthesis")
    options.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), help="of the section imputation")
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--render", action="store_true", help="run nothing, only write the tables")
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    report = harness.Report("tables", __doc__, chosen)
    path: Path = chosen.output / "tables.jsonl"
    for section, seed in [(s, seed) for s in chosen.sections for seed in chosen.seeds if not chosen.render]:
        for name in {"synthesis": chosen.models, "imputation": chosen.sets, "embedding": ["adult"]}[section]:
            key = harness.run_key(section=section, name=name, seed=seed)
            if key not in harness.read_runs(path):
                harness.append_run(path, key, SECTIONS[section](name, seed))
    runs = harness.read_runs(path)
    for section, render in RENDERED.items():
        render({key: result for key, result in runs.items() if f'"section": "{section}"' in key}, report)
    report.write()


# Synthesis


def synthesis(name: str, seed: int) -> dict[str, Any]:
    """Fit, draw, judge."""
    train, test = mixed_tables.adult("train"), mixed_tables.adult("test")
    began, cpu = time.perf_counter(), time.process_time()
    drawn, extra = GENERATORS[name](train, seed)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    use = usefulness(train, drawn, test, "income")
    fidelity = table_fidelity(train, drawn)
    privacy = table_privacy(train, drawn, test, most_rows=10_000)
    return {
        "real": use.real,
        "synthetic": use.synthetic,
        "detection": detection_auc(train, drawn),
        "detection_of_test_rows": detection_auc(test, drawn[: len(test)]),
        "shape": fidelity.shape,
        "trend": fidelity.trend,
        "missing": float(np.mean(list(fidelity.missing.values()))),
        "distance_ratio": privacy.distance_ratio,
        "copies": privacy.copies,
        "copies_of_test_rows": privacy.copies_of_held_out,
        "membership_auc": privacy.membership_auc,
        "education_agrees": _agreement(train, drawn),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        **extra,
    }


def _agreement(train: pd.DataFrame, drawn: pd.DataFrame) -> float:
    """The share of drawn rows whose two columns of education belong together."""
    known = set(zip(train["education"], train["education_num"], strict=True))
    pairs = zip(drawn["education"], drawn["education_num"], strict=True)
    return float(np.mean([pair in known for pair in pairs]))


def _isthmus(train: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    model = isthmus.VAE(random_state=seed, verbose=0).fit(train)
    began = time.perf_counter()
    drawn = model.sample(len(train), random_state=seed)
    return drawn, {"drawing": time.perf_counter() - began, "epochs": model.n_iter_, "active": model.active_units_}


def _tvae(train: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    from ctgan import TVAE

    torch.manual_seed(seed)
    np.random.seed(seed)
    levels = [name for name in train if train[name].dtype.kind == "O" or str(train[name].dtype).startswith("str")]
    whole = train.astype(dict.fromkeys(levels, object)).fillna(dict.fromkeys(levels, "?"))
    model = TVAE(enable_gpu=False)
    model.fit(whole, levels)
    drawn = model.sample(len(train)).replace("?", np.nan)
    return drawn.astype({name: train[name].dtype for name in train if name not in levels}), {}


GENERATORS = {"isthmus": _isthmus, "tvae": _tvae}


def render_synthesis(runs: Mapping[str, Mapping[str, Any]], report: harness.Report) -> None:
    """One row for each model, means over seeds."""
    rows = []
    for name in GENERATORS:
        found = [result for key, result in runs.items() if f'"name": "{name}"' in key]
        if not found:
            continue

        def of(*path: str, found: list[Mapping[str, Any]] = found) -> str:
            values = [one[path[0]] if len(path) == 1 else one[path[0]][path[1]] for one in found]
            return harness.spread(values)

        shares = [one["synthetic"]["f1"] / one["real"]["f1"] for one in found]
        quality = [(one["shape"] + one["trend"]) / 2 for one in found]
        rows.append(
            [
                name,
                len(found),
                of("synthetic", "f1"),
                harness.spread(shares),
                of("synthetic", "auc"),
                of("detection"),
                harness.spread(quality),
                of("distance_ratio"),
                of("membership_auc"),
                of("education_agrees"),
                of("seconds"),
                of("cpu_seconds"),
            ]
        )
    columns = ["model", "seeds", "F1", "of real's", "AUC", "detection AUC", "quality", "distance ratio"]
    columns += ["membership AUC", "education agrees", "seconds to fit and draw", "processor seconds"]
    if rows:
        real = next(iter(runs.values()))["real"]
        note = (
            f"Trained on real rows: F1 {real['f1']:.3f}, AUC {real['auc']:.3f}. Targets: F1 ≥ .96 of real's, detection "
            "≤ .90, quality ≥ .92, distance ratio ≥ 1, a third of TVAE's seconds."
        )
        report.add(harness.Table("Synthesis: adult", columns, rows, note), runs=dict(runs))


# Imputation


def imputation(name: str, seed: int) -> dict[str, Any]:
    """Hide cells, fill them, in every way."""
    table = SETS[name]().dropna().reset_index(drop=True)
    return {
        pattern: _filled(table, _hidden(table, pattern, seed), seed) for pattern in ("at random", "by another column")
    }


def _hidden(table: pd.DataFrame, pattern: str, seed: int) -> np.ndarray:
    """Which cells to hide: a fifth of them."""
    rng = np.random.default_rng(seed)
    chance = rng.random(table.shape)
    if pattern == "at random":
        return chance < 0.2
    codes = Design.of(compared_columns(table=table)).matrices[0]
    driver = np.roll(np.arange(table.shape[1]), 1)
    high = codes[:, driver] > np.median(codes[:, driver], axis=0)
    # Two fifths where the column before it is above its median, none elsewhere; that column itself stays.
    hidden = high & (chance < 0.4)
    hidden[:, ::2] = False
    return hidden


def _filled(table: pd.DataFrame, hidden: np.ndarray, seed: int) -> dict[str, Any]:
    holes = table.mask(hidden)
    began = time.perf_counter()
    model = isthmus.VAE(random_state=seed, verbose=0).fit(holes)
    single = model.impute(holes, random_state=seed)
    many = model.impute(holes, samples=20, random_state=seed)
    seconds = time.perf_counter() - began
    filled = {"isthmus": single, **{kind: _scikit(holes, table, imputer) for kind, imputer in _imputers(seed).items()}}
    return {
        "seconds": seconds,
        "coverage": _coverage(table, hidden, many),
        **{kind: _errors(table, hidden, one) for kind, one in filled.items()},
    }


def _imputers(seed: int) -> dict[str, Any]:
    return {
        "mean, mode": None,
        "nearest neighbours": KNNImputer(n_neighbors=5),
        "iterative": IterativeImputer(random_state=seed, max_iter=10, n_nearest_features=30),
    }


def _scikit(holes: pd.DataFrame, table: pd.DataFrame, imputer: Any) -> pd.DataFrame:
    """scikit-learn's imputers on standardised numbers and one-hot levels; levels are the largest of theirs.

    Regressions get all levels but the last: with it each would follow exactly from the others of its own column, which
    are missing along with it, and all would stay at their means.
    """
    numbers = [column for column in table if pd.api.types.is_numeric_dtype(table[column])]
    levels = [column for column in table if column not in numbers]
    result = holes.copy()
    if imputer is None:
        result[numbers] = SimpleImputer().fit_transform(holes[numbers])
        if levels:
            result[levels] = SimpleImputer(strategy="most_frequent").fit_transform(holes[levels].astype(object))
        return result
    mean, deviation = holes[numbers].mean(), holes[numbers].std()
    regresses = isinstance(imputer, IterativeImputer)
    parts = [((holes[numbers] - mean) / deviation).to_numpy()]
    known = {column: sorted(holes[column].dropna().unique()) for column in levels}
    for column, names in known.items():
        one_hot = (holes[column].to_numpy()[:, None] == np.array(names, dtype=object)).astype(float)
        one_hot[holes[column].isna()] = np.nan
        parts.append(one_hot[:, :-1] if regresses else one_hot)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        filled = imputer.fit_transform(np.hstack(parts))
    result[numbers] = filled[:, : len(numbers)] * deviation.to_numpy() + mean.to_numpy()
    start = len(numbers)
    for column, names in known.items():
        shares = filled[:, start : start + len(names) - regresses]
        start += shares.shape[1]
        if regresses:
            shares = np.column_stack([shares, 1 - shares.sum(1)])
        best = shares.argmax(1)
        result[column] = np.where(holes[column].isna(), np.array(names, dtype=object)[best], holes[column])
    return result


def _errors(table: pd.DataFrame, hidden: np.ndarray, filled: pd.DataFrame) -> dict[str, float]:
    numbers, levels = [], []
    for place, column in enumerate(table):
        rows = hidden[:, place]
        if not rows.any():
            continue
        true, guess = table[column][rows], filled[column][rows]
        if pd.api.types.is_numeric_dtype(table[column]):
            error = np.sqrt(np.mean((true.to_numpy(float) - guess.to_numpy(float)) ** 2))
            numbers.append(error / table[column].std())
        else:
            levels.append(np.mean(true.to_numpy(object) != guess.to_numpy(object)))
    return {"numbers": float(np.mean(numbers)), "levels": float(np.mean(levels)) if levels else float("nan")}


def _coverage(table: pd.DataFrame, hidden: np.ndarray, many: list[pd.DataFrame]) -> float:
    inside = []
    for place, column in enumerate(table):
        rows = hidden[:, place]
        if rows.any() and pd.api.types.is_numeric_dtype(table[column]):
            drawn = np.stack([one[column][rows].to_numpy(float) for one in many])
            low, high = np.quantile(drawn, [0.05, 0.95], axis=0, method="weibull")
            inside.append(np.mean((low <= table[column][rows]) & (table[column][rows] <= high)))
    return float(np.mean(inside))


def render_imputation(runs: Mapping[str, Mapping[str, Any]], report: harness.Report) -> None:
    """Errors by set and pattern, means over seeds, and their mean."""
    kinds = ["isthmus", "mean, mode", "nearest neighbours", "iterative"]
    rows, every = [], {(kind, what): [] for kind in kinds for what in ("numbers", "levels")}
    for name in SETS:
        found = [result for key, result in runs.items() if f'"name": "{name}"' in key]
        for pattern in PATTERNS:
            if not found:
                continue
            row: list[Any] = [name, pattern, len(found)]
            for what in ("numbers", "levels"):
                for kind in kinds:
                    mean = float(np.mean([one[pattern][kind][what] for one in found]))
                    every[kind, what].append(mean)
                    row.append(mean)
            rows.append([*row, harness.spread([one[pattern]["coverage"] for one in found])])
    if rows:
        means = [float(np.nanmean(every[kind, what])) for what in ("numbers", "levels") for kind in kinds]
        rows.append(["mean", "", "", *means, ""])
        columns = [
            "set",
            "hidden",
            "seeds",
            *(f"RMSE: {kind}" for kind in kinds),
            *(f"wrong: {kind}" for kind in kinds),
        ]
        report.add(harness.Table("Imputation: a fifth of the cells", [*columns, "coverage"], rows), runs=dict(runs))


# Embedding


def embedding(name: str, seed: int) -> dict[str, Any]:
    """How much of the income 16 codes keep that were learnt without it."""
    train, test = mixed_tables.adult("train"), mixed_tables.adult("test")
    answers, wanted = (table.pop("income") == ">50K" for table in (train, test))
    began = time.perf_counter()
    model = isthmus.VAE(16, random_state=seed, verbose=0).fit(train)
    seconds = time.perf_counter() - began
    began = time.perf_counter()
    codes = model.transform(train)
    rate = len(train) / (time.perf_counter() - began)

    def probe(one: np.ndarray, other: np.ndarray) -> float:
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(one, answers).score(other, wanted)

    design = Design.of(compared_columns(train=train, test=test))
    trees = HistGradientBoostingClassifier(categorical_features=design.are_levels, random_state=seed)
    one_hot = make_pipeline(
        # Numbers as they are, levels one-hot.
        _mixed_encoder(train)
    ).fit(train)
    wide, wide_test = one_hot.transform(train), one_hot.transform(test)
    reduced = TruncatedSVD(16, random_state=seed).fit(wide)
    return {
        "majority": float(max(wanted.mean(), 1 - wanted.mean())),
        "boosted trees": float(trees.fit(design.matrices[0], answers).score(design.matrices[1], wanted)),
        "isthmus": float(probe(codes, model.transform(test))),
        "one-hot": float(probe(wide, wide_test)),
        "SVD": float(probe(reduced.transform(wide), reduced.transform(wide_test))),
        "rows_per_second": rate,
        "seconds": seconds,
        "active": model.active_units_,
    }


def _mixed_encoder(train: pd.DataFrame) -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer

    numeric = make_column_selector(dtype_include="number")
    other = make_column_selector(dtype_exclude="number")
    return make_column_transformer(
        (StandardScaler(), numeric), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), other)
    )


def render_embedding(runs: Mapping[str, Mapping[str, Any]], report: harness.Report) -> None:
    """Shares of what boosted trees reach, means over seeds."""
    rows = []
    for kind in ("isthmus", "SVD", "one-hot"):
        found = list(runs.values())
        shares = [(one[kind] - one["majority"]) / (one["boosted trees"] - one["majority"]) for one in found]
        rates = [one["rows_per_second"] for one in found] if kind == "isthmus" else []
        if found:
            rows.append([kind, len(found), harness.spread([one[kind] for one in found]), harness.spread(shares)])
            rows[-1].append(harness.spread(rates))
    if rows:
        columns = ["codes", "seeds", "accuracy", "share above the majority", "rows encoded a second"]
        report.add(harness.Table("Embedding: adult, 16 numbers", columns, rows, "Target: .78."), runs=dict(runs))


SECTIONS = {"synthesis": synthesis, "imputation": imputation, "embedding": embedding}
RENDERED = {"synthesis": render_synthesis, "imputation": render_imputation, "embedding": render_embedding}


if __name__ == "__main__":
    main()
