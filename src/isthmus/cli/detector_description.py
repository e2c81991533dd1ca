"""A fitted detector in plain values, and those in plain text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.storage.model_file import inspect_model
from isthmus.uses.alarm_rates import false_alarm_interval

from .model_description import described_training, finite, schema_words, training_words
from .tables import listed

if TYPE_CHECKING:
    from isthmus.estimators.anomaly_detector import AnomalyDetector


def describe_detector(detector: AnomalyDetector, path: Path) -> dict[str, Any]:
    """Everything about a detector and its file, JSON-ready."""
    record, table = inspect_model(path)
    kept = len(detector.calibration_scores_)
    rate = detector.alarm_rate
    return finite(
        {
            "file": str(path),
            "bytes": path.stat().st_size,
            "estimator": type(detector).__name__,
            "schema": detector.schema_.describe(),
            "training": described_training(detector),
            "alarm": {
                "above_score": -detector.offset_,
                "alarm_rate": rate,
                "calibration_rows": kept,
                "true_rate": None if rate is None else list(false_alarm_interval(kept, rate)),
                "contamination": None if rate is not None else detector.contamination,
            },
            "parameters": record.params,
            "tensors": len(table),
            "versions": record.versions,
        }
    )


def detector_in_text(description: dict[str, Any]) -> str:
    """The description for people: tables under headings."""
    alarm = description["alarm"]
    pairs = [("above the score", f"{alarm['above_score']:.6g}")]
    if alarm["alarm_rate"] is None:
        pairs.append(("contamination", f"{alarm['contamination']}"))
    else:
        low, high = alarm["true_rate"]
        kept = f"{alarm['calibration_rows']:,} (of normal rows {low:.2g} to {high:.2g} give alarm)"
        pairs += [("alarm rate", f"{alarm['alarm_rate']:g}"), ("calibration rows", kept)]
    parameters = [
        (name, str(description["parameters"][name])) for name in ("model", "members", "hidden_blocks", "trim")
    ]
    sections = [
        f"{description['file']}: {description['estimator']}, {description['bytes'] / 1024:,.0f} KiB",
        f"Detector\n{listed(parameters)}",
        f"Alarm\n{listed(pairs)}",
        f"Data\n{schema_words(description['schema'])}",
        f"Training\n{listed(training_words(description['training']))}",
        f"Versions\n{listed(list(description['versions'].items()))}",
    ]
    return "\n\n".join(sections)
