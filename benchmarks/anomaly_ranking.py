"""How well anomalies are ranked above normal rows: area under the ROC curve and average precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import harness
import numpy as np
from anomaly_contenders import CONTENDERS, NEAREST, OURS, UNTOLD, scored
from anomaly_sets import LARGE, SMALL, split
from sklearn.metrics import average_precision_score, roc_auc_score

TASKS = ("one-class", "unsupervised")
TARGETS = {"one-class": 88.3, "unsupervised": 79.0}
DRAWS = 10_000


def keys(
    section: str, contenders: Sequence[str] | None, sets: Sequence[str] | None, seeds: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """The runs of a section ("one-class", "unsupervised", or either with ", large"), a whole table for each seed."""
    for seed in seeds:
        for contender in contenders or CONTENDERS:
            if contender == UNTOLD and not section.startswith("one-class"):
                continue  # there is nothing to tell
            for name in sets or (LARGE if section.endswith("large") else SMALL):
                yield {"section": section, "set": name, "contender": contender, "seed": seed}


def run(key: Mapping[str, Any]) -> dict[str, Any]:
    """One contender on one set."""
    data = split(key["set"], key["section"].split(",")[0], key["seed"])
    found = scored(key["contender"], data, key["seed"])
    return {
        "auroc": float(roc_auc_score(data.anomalous, found.scores)),
        "average_precision": float(average_precision_score(data.anomalous, found.scores)),
        "fit_seconds": found.fit_seconds,
        "score_seconds": found.score_seconds,
        "cpu_seconds": found.cpu_seconds,
        "train_rows": len(data.train),
        "test_rows": len(data.test),
    }


def render(section: str, runs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], report: harness.Report) -> None:
    """A row for each set and the means, a column for each contender; then average precision and time."""
    for measure, title in (("auroc", "AUROC"), ("average_precision", "average precision")):
        found: dict[tuple[str, str], dict[int, float]] = {}
        for key, result in runs:
            found.setdefault((key["set"], key["contender"]), {})[key["seed"]] = 100 * result[measure]
        sets = sorted({name for name, _ in found}, key=str.lower)
        # A mean over other sets than the others' would not be comparable.
        shown = [contender for contender in CONTENDERS if all((name, contender) in found for name in sets)]
        if not sets or not shown:
            continue
        rows: list[list[Any]] = []
        for name in sets:
            cells = [harness.spread(list(found[name, one].values())) for one in shown]
            rows.append([name, *cells])
        means = {one: [np.mean(list(found[name, one].values())) for name in sets] for one in shown}
        rows.append(["**mean**", *(f"**{np.mean(means[one]):.1f}**" for one in shown)])
        rows.append(["seeds", *(min(len(found[name, one]) for name in sets) for one in shown)])
        notes = []
        if measure == "auroc":
            rows.append(["processor seconds", *(_seconds(runs, one) for one in shown)])
            target = TARGETS.get(section)
            if OURS in shown and target is not None:
                notes.append(f"Target for the mean: {harness.verdict(float(np.mean(means[OURS])), target)}.")
            notes += [interval_words(found, sets, one) for one in shown if OURS in shown and one != OURS]
        report.add(
            harness.Table(f"{section}: {title} × 100", ["set", *shown], rows, " ".join(notes)),
            runs=[{"run": key, "result": result} for key, result in runs] if measure == "auroc" else [],
        )


def _seconds(runs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], contender: str) -> float:
    """Of fitting and scoring all sets once."""
    chosen = [(key["seed"], result["cpu_seconds"]) for key, result in runs if key["contender"] == contender]
    return sum(seconds for _, seconds in chosen) / len({seed for seed, _ in chosen})


def interval_words(found: Mapping[tuple[str, str], Mapping[int, float]], sets: Sequence[str], other: str) -> str:
    """The difference to another contender, with its interval, in words."""
    differences = []
    for name in sets:
        mine, theirs = found[name, OURS], found[name, other]
        differences.append(np.array([mine[seed] - theirs[seed] for seed in sorted(set(mine) & set(theirs))]))
    if any(len(one) == 0 for one in differences):
        return ""
    middle, low, high = paired_bootstrap(differences)
    words = " (paired bootstrap over sets, and seeds within them)" if other == NEAREST else ""
    return f"Minus {other}: {middle:+.2f}, 95 % interval {low:+.2f} to {high:+.2f}{words}."


def paired_bootstrap(differences: Sequence[np.ndarray], seed: int = 0) -> tuple[float, float, float]:
    """The mean over sets of the mean over seeds, and its 95 % interval: sets are drawn anew, and seeds within each."""
    random = np.random.default_rng(seed)
    # A set's mean under resampled seeds, drawn apart for each place that the set takes in a resample.
    chosen = random.integers(len(differences), size=(DRAWS, len(differences)))
    means = np.empty(chosen.shape)
    for place, one in enumerate(differences):
        where = chosen == place
        means[where] = one[random.integers(len(one), size=(int(where.sum()), len(one)))].mean(axis=1)
    low, high = np.quantile(means.mean(axis=1), [0.025, 0.975])
    return float(np.mean([one.mean() for one in differences])), float(low), float(high)
