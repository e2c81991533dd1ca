"""A fitted model in plain values, and those in plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.core.layer_row import LayerRow
from isthmus.models.composition import Composition
from isthmus.report.layer_table import architecture_table
from isthmus.storage.model_file import inspect_model

from .component_words import NONE, named_part_words, part_words, symbol_words
from .fit_summary import held_out_loss
from .tables import aligned, listed

if TYPE_CHECKING:
    from isthmus.estimators.anomaly_detector import AnomalyDetector
    from isthmus.estimators.base import BaseAutoencoder

MOST_FIELDS = 20


def describe(estimator: BaseAutoencoder, path: Path) -> dict[str, Any]:
    """Everything about a model and its file, JSON-ready."""
    record, table = inspect_model(path)
    description = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "estimator": type(estimator).__name__,
        "latent_dim": estimator.latent_dim_,
        "architecture": [asdict(row) for row in estimator.architecture_],
        "schema": estimator.schema_.describe(),
        "training": described_training(estimator),
        "diagnostics": {
            "active_units": estimator.active_units_,
            "rate": estimator.rate_,
            "rate_per_dimension": estimator.diagnosis_.rate_per_dimension,
            "sigma": estimator.sigma_,
            "collapse": estimator.collapse_,
            "density": estimator.density_spec_.to_json(),
            "symbols": _symbols(estimator),
        },
        "composition": record.composition,
        "parameters": record.params,
        "tensors": len(table),
        "versions": record.versions,
    }
    return finite(description)


def described_training(estimator: BaseAutoencoder | AnomalyDetector) -> dict[str, Any]:
    """Length and losses of a fit."""
    history = estimator.history_
    return {
        "epochs": estimator.n_iter_,
        "stopped": estimator.stopped_,
        "seconds": history.rows[-1]["seconds"] if history.rows else None,
        "train_loss": history.rows[-1]["train/total"] if history.rows else None,
        "held_out_loss": held_out_loss(estimator),
        "events": history.events,
    }


def described_in_text(description: dict[str, Any], layers: Sequence[LayerRow]) -> str:
    """The description for people: tables under headings."""
    size = f"{description['bytes'] / 1024:,.0f} KiB"
    sections = [
        f"{description['file']}: {description['estimator']} with {description['latent_dim']} codes, {size}",
        f"Architecture\n{architecture_table(layers)}",
        f"Composition\n{listed(_composition(description['composition']))}",
        f"Data\n{schema_words(description['schema'])}",
        f"Training\n{listed(training_words(description['training']))}",
        f"Diagnostics\n{listed(_diagnostics(description))}",
        f"Versions\n{listed(list(description['versions'].items()))}",
    ]
    return "\n\n".join(sections)


def _composition(described: dict[str, Any]) -> list[tuple[str, str]]:
    """The parts, from the data to the loss; networks are in the architecture."""
    composition = Composition.from_json(described)
    parts = [] if composition.corruption is None else [("corruption", part_words(composition.corruption))]
    parts += [("latent", part_words(composition.latent)), ("prior", part_words(composition.prior))]
    likelihoods = dict.fromkeys(part_words(one) for one in composition.likelihoods)
    parts += [("likelihood" if not place else "", words) for place, words in enumerate(likelihoods)]
    parts.append(("objective", part_words(composition.objective)))
    penalties = [named_part_words(name, one) for name, one in composition.penalties.items()] or [NONE]
    return parts + [("penalties" if not place else "", words) for place, words in enumerate(penalties)]


def schema_words(fields: Sequence[dict[str, Any]]) -> str:
    """The columns, a line for each of the first."""
    headings = ["Name", "Kind", "Type", "Columns", "Lowest", "Highest", "Mean", "Constant"]
    have_levels = any("levels" in field for field in fields)
    rows = []
    for field in fields[:MOST_FIELDS]:
        row = [
            field["name"],
            field["kind"],
            field["dtype"],
            f"{field['columns']:,}",
            *(_number(field[key]) for key in ("low", "high", "mean")),
            f"{field['constant']:,}" if field["constant"] else "–",
        ]
        rows.append([*row, _levels(field)] if have_levels else row)
    if have_levels:
        headings.append("Levels")
    table = aligned(headings, rows, right=range(3, len(headings)))
    rest = len(fields) - MOST_FIELDS
    return table if rest <= 0 else f"{table}\n… and {rest:,} more (--json lists all)"


def _levels(field: dict[str, Any]) -> str:
    if "levels" not in field:
        return "–"
    return "differ" if field["levels"] is None else f"{field['levels']:,}"


def training_words(training: dict[str, Any]) -> list[tuple[str, str]]:
    """What :func:`described_training` holds, as names and values."""
    stopped = f", stopped by {training['stopped']}" if training["stopped"] else ""
    seconds = "" if training["seconds"] is None else f" in {training['seconds']:.1f} s"
    pairs = [("epochs", f"{training['epochs']:,}{seconds}{stopped}")]
    for key, name in (("train_loss", "last training loss"), ("held_out_loss", "held-out loss")):
        value = training[key]
        pairs.append((name, "–" if value is None else f"{value:,.6g} nats per row"))
    kinds: dict[str, int] = {}
    for event in training["events"]:
        kinds[event["kind"]] = kinds.get(event["kind"], 0) + event["count"]
    if kinds:
        pairs.append(("events", ", ".join(f"{count} × {kind}" for kind, count in kinds.items())))
    return pairs


def _diagnostics(description: dict[str, Any]) -> list[tuple[str, str]]:
    values = description["diagnostics"]
    pairs = [("active units", f"{values['active_units']} of {description['latent_dim']}")]
    if values["rate"] is not None:
        pairs.append(("rate", f"{values['rate']:.4g} nats per row"))
    if values["sigma"] is not None:
        pairs.append(("sigma", f"{values['sigma']:.4g} of the scaled features"))
    pairs.append(("density of codes", values["density"]["component"].removeprefix("prior/")))
    if values["symbols"] is not None:
        pairs.append(("symbols", symbol_words(**values["symbols"])))
    if values["collapse"]:
        pairs.append(("collapse", values["collapse"]))
    return pairs


def _symbols(estimator: BaseAutoencoder) -> dict[str, Any] | None:
    diagnosis = estimator.diagnosis_
    if diagnosis.symbols_used is None or diagnosis.perplexity is None:
        return None
    return {
        "levels": list(estimator.module_.levels),
        "used": diagnosis.symbols_used,
        "perplexity": diagnosis.perplexity,
    }


def _number(value: float | str | None) -> str:
    if isinstance(value, str):
        return value
    return "–" if value is None else f"{value:.4g}"


def finite(value: Any) -> Any:
    """JSON knows neither NaN nor infinity: None stands for both."""
    if isinstance(value, dict):
        return {str(key): finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
