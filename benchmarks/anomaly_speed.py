"""What fitting and scoring cost in processor time: beside PyOD's AutoEncoder, and eight members beside one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import harness
import numpy as np
import peers
from anomaly_contenders import CONTENDERS, OURS
from anomaly_sets import SMALL, split

SECTION = "speed"
SCORED = 100_000
SET = "satellite"


def keys(rounds: int) -> Iterator[dict[str, Any]]:
    """One run for each round."""
    yield from ({"section": SECTION, "set": SET, "seed": number} for number in range(rounds))


def run(key: Mapping[str, Any]) -> dict[str, Any]:
    """All measurements once, in turn."""
    seed = key["seed"]
    tasks = {
        f"fit, 15 sets: {OURS}": partial(_fit_all, OURS, seed),
        "fit, 15 sets: PyOD AE": partial(_fit_all, "PyOD AE", seed),
        f"fit, {SET}: 8 members": partial(_fit_members, 8, seed),
        f"fit, {SET}: 1 member": partial(_fit_members, 1, seed),
        "rows/s: PyOD AE": partial(_pyod_rows, seed),
        f"rows/s: {OURS}, defaults": partial(_own_rows, {}, seed),
        f"rows/s: {OURS}, no hidden blocks": partial(_own_rows, {"hidden_blocks": False}, seed),
    }
    return {name: values[0] for name, values in harness.interleave(tasks, 1).items()}


def _fit_all(contender: str, seed: int) -> float:
    data = [split(name, "one-class", seed) for name in SMALL]
    began = time.process_time()
    with peers.silence():
        for one in data:
            CONTENDERS[contender](one, seed)
    return time.process_time() - began


def _fit_members(members: int, seed: int) -> float:
    import isthmus

    train = split(SET, "one-class", seed).train
    fit = isthmus.AnomalyDetector(members=members, max_epochs=10, patience=None, random_state=seed).fit
    began = time.process_time()
    with peers.silence():
        fit(train)
    return time.process_time() - began


def _rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
    data = split(SET, "one-class", seed)
    return data.train, data.test[np.arange(SCORED) % len(data.test)]


def _own_rows(parameters: Mapping[str, Any], seed: int) -> float:
    import isthmus

    train, rows = _rows(seed)
    with peers.silence():
        fitted = isthmus.AnomalyDetector(max_epochs=2, random_state=seed, **parameters).fit(train)
    return _rate(fitted.anomaly_score, rows)


def _pyod_rows(seed: int) -> float:
    import torch
    from pyod.models.auto_encoder import AutoEncoder

    train, rows = _rows(seed)
    with peers.silence():
        fitted = AutoEncoder(epoch_num=1, random_state=seed, verbose=0, device=torch.device("cpu")).fit(train)
    return _rate(fitted.decision_function, rows)


def _rate(score: Any, rows: np.ndarray) -> float:
    with peers.silence():
        score(rows[:5000])
        began = time.process_time()
        score(rows)
    return len(rows) / (time.process_time() - began)


def render(runs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], report: harness.Report) -> None:
    """Medians over rounds, and the ratios that have targets."""
    if not runs:
        return
    measured = {name: [result[name] for _, result in runs] for name in runs[0][1]}
    rows = [[name, len(values), harness.median(values)] for name, values in measured.items()]
    ratios = (
        (f"fit, 15 sets: {OURS}", "fit, 15 sets: PyOD AE", 1.0, False),
        (f"fit, {SET}: 8 members", f"fit, {SET}: 1 member", 3.0, False),
        (f"rows/s: {OURS}, no hidden blocks", "rows/s: PyOD AE", 10.0, True),
        (f"rows/s: {OURS}, defaults", "rows/s: PyOD AE", 3.0, True),
    )
    notes = []
    for above, below, target, at_least in ratios:
        middle, low, high = harness.ratio(measured, above, below)
        words = harness.verdict(middle, target, at_least)
        notes.append(f"{above} over {below}: {middle:.3g} ({low:.3g} to {high:.3g}), {words}.")
    report.add(
        harness.Table("Speed", ["what (processor seconds, or rows in one)", "rounds", "median"], rows, " ".join(notes)),
        runs=[{"run": key, "result": result} for key, result in runs],
    )
