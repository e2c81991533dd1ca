"""What a detector promises: rare false alarms, odd scores far away, and the right reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import harness
import numpy as np
import peers
from anomaly_sets import SMALL, rows_and_labels, split

FALSE_ALARMS, FAR, REASONS = "false alarms", "far outliers", "reasons"
RATES = (0.01, 0.1)
SPLITS = 100
CALIBRATED_ON = ("vowels",)
SIGMAS = (3, 5, 10, 20, 30, 50, 70, 100)
ALTERED = 500
QUANTILE = 0.95
Runs = Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]


def keys(section: str, sets: Sequence[str] | None, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The runs of a section; false alarms are counted over 100 splits, the rest once for each seed."""
    chosen = sets or (CALIBRATED_ON if section == FALSE_ALARMS else SMALL)
    for seed in range(SPLITS) if section == FALSE_ALARMS else seeds:
        yield from ({"section": section, "set": name, "seed": seed} for name in chosen)


def run(key: Mapping[str, Any]) -> dict[str, Any]:
    """One split of one set."""
    return {FALSE_ALARMS: false_alarms, FAR: far_outliers, REASONS: reasons}[key["section"]](key["set"], key["seed"])


def render(section: str, runs: Runs, report: harness.Report) -> None:
    """The table of a section."""
    if runs:
        {FALSE_ALARMS: render_false_alarms, FAR: render_far_outliers, REASONS: render_reasons}[section](runs, report)


def detector(seed: int, **parameters: Any) -> Any:
    """Ours, with defaults for normal rows."""
    import isthmus

    return isthmus.AnomalyDetector(random_state=seed, **parameters)


# False alarms


def false_alarms(name: str, seed: int) -> dict[str, Any]:
    """A random half of the normal rows is learnt from (and calibrated on), the other half is new."""
    from isthmus.uses.alarms import threshold

    X, y = rows_and_labels(name, seed)
    normal = np.random.default_rng(seed).permutation(X[~y])
    with peers.silence():
        fitted = detector(seed, alarm_rate=RATES[0]).fit(normal[: len(normal) // 2])
        scores = fitted.anomaly_score(normal[len(normal) // 2 :])
        counts = {str(rate): int((scores > threshold(fitted.calibration_scores_, rate)).sum()) for rate in RATES}
    return {"alarms": counts, "calibration_rows": len(fitted.calibration_scores_), "fresh_rows": len(scores)}


def render_false_alarms(runs: Runs, report: harness.Report) -> None:
    """How many splits lie inside of the band, and the mean."""
    from scipy.stats import betabinom

    from isthmus.uses.alarm_rates import alarm_rank, false_alarm_counts

    rows = []
    for name in sorted({key["set"] for key, _ in runs}):
        found = [result for key, result in runs if key["set"] == name]
        kept, fresh = found[0]["calibration_rows"], found[0]["fresh_rows"]
        for rate in RATES:
            counts = np.array([one["alarms"][str(rate)] for one in found])
            low, high = false_alarm_counts(kept, rate, fresh)
            rank = alarm_rank(kept, rate)
            law = betabinom(fresh, rank, kept + 1 - rank)
            inside = int(((counts >= low) & (counts <= high)).sum())
            error = (counts.mean() - law.mean()) / (law.std() / len(counts) ** 0.5)
            rows.append(
                [name, kept, fresh, rate, f"{law.mean() / fresh:.4f}", f"{counts.mean() / fresh:.4f}", f"{error:+.2f}"]
            )
            rows[-1] += [f"{low / fresh:.4f} to {high / fresh:.4f}", f"{inside} of {len(counts)}"]
    columns = ["set", "calibration rows", "fresh rows", "alarm_rate", "expected", "mean", "standard errors off"]
    note = (
        "Target: inside of the beta-binomial 99 % band in 99 of 100 random splits, the mean within 3 standard errors."
    )
    report.add(
        harness.Table("False alarms on fresh normal rows", [*columns, "99 % band", "splits inside"], rows, note),
        runs=[{"run": key, "result": result} for key, result in runs],
    )


# Far outliers


def far_outliers(name: str, seed: int) -> dict[str, Any]:
    """Scores along the first principal direction of the standardised rows, both ways, 3 to 100 σ from the mean."""
    data = split(name, "one-class", seed)
    mean, deviation = data.train.mean(axis=0), data.train.std(axis=0)
    scaled, _ = data.standardised()
    _, singular, directions = np.linalg.svd(scaled, full_matrices=False)
    step = directions[0] * singular[0] / len(scaled) ** 0.5 * deviation
    fitted = detector(seed, contamination=0).fit(data.train)
    found = {
        sign: fitted.anomaly_score(mean + float(f"{sign}1") * np.array(SIGMAS)[:, None] * step).tolist()
        for sign in "+-"
    }
    return {"scores": found, "largest_normal": float(fitted.anomaly_score(data.test[~data.anomalous]).max())}


def render_far_outliers(runs: Runs, report: harness.Report) -> None:
    """Whether scores rise, and from where on they are above those of all normal rows."""
    rows = []
    for name in sorted({key["set"] for key, _ in runs}, key=str.lower):
        found = [result for key, result in runs if key["set"] == name]
        paths = [np.array(path) for one in found for path in one["scores"].values()]
        rising = sum(bool((np.diff(path) > 0).all()) for path in paths)
        above = [
            next((c for c, score in zip(SIGMAS, path, strict=True) if score > one["largest_normal"]), None)
            for one in found
            for path in one["scores"].values()
        ]
        reached = "never" if None in above else f"{max(one for one in above if one is not None)} σ"
        rows.append([name, f"{rising} of {len(paths)}", reached, float(np.median([p[-1] / p[0] for p in paths]))])
    columns = ["set", "paths that rise", "above all normal rows from", "score at 100 σ over that at 3 σ"]
    note = f"μ ± c · first principal direction, c = {', '.join(map(str, SIGMAS))} σ. Target: all paths rise."
    report.add(harness.Table("Far outliers", columns, rows, note), runs=[dict(r) | {"run": k} for k, r in runs])


# Reasons


def altered(rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows in each of which one cell holds the (other) value that another row has there, and the columns of these."""
    random = np.random.default_rng(seed)
    varying = np.flatnonzero(np.ptp(rows, axis=0) > 0)
    chosen = random.integers(len(rows), size=ALTERED)
    columns = random.choice(varying, size=ALTERED)
    made = rows[chosen].copy()
    for place, column in enumerate(columns):
        others = rows[:, column][rows[:, column] != made[place, column]]
        made[place, column] = random.choice(others)
    return made, columns


def reasons(name: str, seed: int) -> dict[str, Any]:
    """Which place the altered column takes among the contributions, and among z-scores, of the rows that are detected.

    Detected: above the 95 % quantile of the unaltered normal rows that were not learnt from; only rows below it are
    altered. (The 99 % quantile of some hundred rows is one row's score.)
    """
    data = split(name, "one-class", seed)
    normal = data.test[~data.anomalous]
    with peers.silence():
        fitted = detector(seed, contamination=0).fit(data.train)
    usual = fitted.anomaly_score(normal)
    limit = np.quantile(usual, QUANTILE)
    rows, columns = altered(normal[usual <= limit], seed)
    detected = fitted.anomaly_score(rows) > limit
    rows, columns = rows[detected], columns[detected]
    if not len(rows):
        return {"altered": ALTERED, "detected": 0, "ours": [0, 0], "z": [0, 0]}
    deviation = data.train.std(axis=0)
    z = np.abs(rows - data.train.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    explanation = fitted.explain(rows)
    # A column that was constant in training is not modelled, and never the reason.
    contributions = np.full(rows.shape, -np.inf)
    contributions[:, [int(column) for column in explanation.columns]] = explanation.contributions
    return {
        "altered": ALTERED,
        "detected": len(rows),
        "ours": _hits(contributions, columns),
        "z": _hits(z, columns),
        "joint": float(np.mean(explanation.joint / explanation.score)),
    }


def _hits(contributions: np.ndarray, columns: np.ndarray) -> list[int]:
    """In how many rows the column is first, and among the first three (of equals, the later ones count)."""
    own = contributions[np.arange(len(columns)), columns]
    place = (contributions >= own[:, None]).sum(1)
    return [int((place <= 1).sum()), int((place <= 3).sum())]


def render_reasons(runs: Runs, report: harness.Report) -> None:
    """Shares of the detected rows, by set and over all."""
    rows = []
    names = sorted({key["set"] for key, _ in runs}, key=str.lower)
    sums: list[np.ndarray] = []
    for name in names:
        found = [result for key, result in runs if key["set"] == name]
        total = np.array([sum(one["altered"] for one in found), sum(one["detected"] for one in found)])
        hits = np.array([[*one["ours"], *one["z"]] for one in found]).sum(axis=0)
        sums.append(np.concatenate([total, hits]))
        rows.append([name, *_shares(sums[-1])])
    rows.append(["**all**", *_shares(np.sum(sums, axis=0))])
    first = float(np.sum(sums, axis=0)[2] / max(1, np.sum(sums, axis=0)[1]))
    third = float(np.sum(sums, axis=0)[3] / max(1, np.sum(sums, axis=0)[1]))
    columns = ["set", "detected", "first: isthmus", "top three: isthmus", "first: z-score", "top three: z-score"]
    note = (
        "One cell of a normal row below the 95 % quantile of normal rows is replaced by another row's value. Of the "
        f"rows then above it: first {harness.verdict(first, 0.6)}, top three {harness.verdict(third, 0.85)}."
    )
    report.add(harness.Table("Reasons", columns, rows, note), runs=[dict(r) | {"run": k} for k, r in runs])


def _shares(sums: np.ndarray) -> list[str]:
    total, detected, *hits = sums.tolist()
    return [f"{detected / total:.0%}", *(f"{hit / detected:.0%}" if detected else "" for hit in hits)]
