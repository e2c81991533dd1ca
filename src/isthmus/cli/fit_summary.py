"""What a fit came to, in a few lines."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.core.blocks import MISSING

from .tables import listed

if TYPE_CHECKING:
    from isthmus.estimators.anomaly_detector import AnomalyDetector
    from isthmus.estimators.base import BaseAutoencoder


def fit_summary(estimator: BaseAutoencoder, n_rows: int, path: Path, warnings: int) -> str:
    """Rows, kind, size of the code, epochs, held-out loss, active units and warnings."""
    history = estimator.history_
    seconds = f" in {history.rows[-1]['seconds']:.1f} s" if history.rows else ""
    stopped = f", stopped by {estimator.stopped_}" if estimator.stopped_ else ""
    held_out = held_out_loss(estimator)
    pairs = [
        ("data", f"{n_rows:,} rows of {data_words(estimator)}"),
        ("code", f"{estimator.latent_dim_} dimensions, {estimator.active_units_} active"),
        ("training", f"{estimator.n_iter_:,} epoch{'' if estimator.n_iter_ == 1 else 's'}{seconds}{stopped}"),
        ("held-out loss", "none held out" if held_out is None else f"{held_out:,.6g} nats per row"),
        ("warnings", f"{warnings} (above)" if warnings else "none"),
    ]
    return f"{type(estimator).__name__} saved to {path}\n{listed(pairs)}"


def data_words(estimator: BaseAutoencoder) -> str:
    """The shape and kinds of a row: "8 × 8 unit-interval pixels", "12 continuous and 3 binary columns, 1 condition"."""
    schema = estimator.schema_
    counts: dict[str, int] = {}
    with_holes = 0
    for block in schema.blocks:
        if block.kind == MISSING:
            with_holes = block.width
            continue
        counts[block.kind] = counts.get(block.kind, 0) + block.width // max(1, block.cardinality)
    if len(schema.row_shape) > 1:
        return f"{' × '.join(map(str, schema.row_shape))} {' and '.join(counts)} pixels"
    kinds = [f"{count:,} {kind}" for kind, count in counts.items()]
    words = " and ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))
    words += f" column{'s' if sum(counts.values()) != 1 else ''}"
    if with_holes:
        words += f" ({with_holes:,} with missing cells)"
    conditions = len(schema.roles.condition)
    if conditions:
        words += f", {conditions} condition{'s' if conditions != 1 else ''}"
    words += ", an exposure" if schema.has_exposure else ""
    ignored = len(schema.roles.ignored)
    return f"{words}, {ignored:,} left out" if ignored else words


def held_out_loss(estimator: BaseAutoencoder | AnomalyDetector) -> float | None:
    """The objective at full weight on the held-out rows, of the epoch whose parameters were kept."""
    totals = [row["validation/total"] for row in estimator.history_.at_full_weight() if "validation/total" in row]
    return min((total for total in totals if not math.isnan(total)), default=None)
