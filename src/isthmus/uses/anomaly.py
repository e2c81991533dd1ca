"""Scores of rows by a fitted :class:`~isthmus.models.anomaly_scorer.AnomalyScorer`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from isthmus.core.batch import Batch
from isthmus.core.row_source import RowSource
from isthmus.core.rows_at_once import rows_at_once
from isthmus.models.anomaly_scorer import LEAST_COST, AnomalyScorer

from .inference import SelectedRows

# More make tensors that the allocator hands back to the system after each batch: half as fast.
BATCH_ROWS = 256
# Of large data, so many rows say how large costs are.
MEASURED_ROWS = 1 << 14
CELLS = 1 << 20


def batches(scorer: AnomalyScorer, rows: RowSource) -> Iterator[tuple[slice, Batch]]:
    """All rows as (positions, batch) on the model's device; every batch has the same number of rows, the last padded.

    So a row's score does not depend on its neighbours: see :mod:`isthmus.uses.inference`.
    """
    device, width = scorer.medians.device, scorer.ensemble.width * scorer.ensemble.members
    size = max(16, min(BATCH_ROWS, rows_at_once(BATCH_ROWS, width, CELLS)))
    for start in range(0, len(rows), size):
        piece = slice(start, min(start + size, len(rows)))
        yield piece, _padded(rows.take(piece).to(device), size)


@torch.inference_mode()
def anomaly_scores(scorer: AnomalyScorer, rows: RowSource) -> np.ndarray:
    """The anomaly score of each row, higher = odder: (n,) float64."""
    scorer.eval()
    scores = np.empty(len(rows), dtype=np.float64)
    for piece, batch in batches(scorer, rows):
        scores[piece] = scorer(batch)[: piece.stop - piece.start].cpu().numpy()
    return scores


@torch.inference_mode()
def anomaly_parts(scorer: AnomalyScorer, rows: RowSource) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The score of each row (n,), what its encoded columns add to it (n, columns), and the expected row (n, d) float32.

    Each term of the score is divided among the columns: those of costs as the costs are. That of the distance is
    divided as the costs of hidden cells, too: the nearest row is a compromise, which differs from an odd one in columns
    that are not odd as well.
    """
    scorer.eval()
    scores = np.empty(len(rows), dtype=np.float64)
    parts = np.empty((len(rows), scorer.ensemble.columns), dtype=np.float64)
    expected = np.empty((len(rows), scorer.ensemble.width), dtype=np.float32)
    for piece, batch in batches(scorer, rows):
        known = piece.stop - piece.start
        oddities = scorer.oddities(batch)
        terms = scorer.terms(oddities)
        cells: tuple[Tensor, ...] = (oddities.hidden, oddities.reconstruction, oddities.hidden)
        if oddities.known is not None:  # a missing cell is no reason
            cells = tuple(one * oddities.known for one in cells)
        shares = [one / one.sum(1, keepdim=True).clamp_min(1e-300) for one in cells]
        by_column = torch.stack([term[:, None] * share for term, share in zip(terms, shares, strict=True)]).sum(0)
        scores[piece] = scorer.total(terms)[:known].cpu().numpy()
        parts[piece] = by_column[:known].cpu().numpy()
        expected[piece] = scorer.ensemble.as_features(oddities.expected)[:known].float().cpu().numpy()
    return scores, parts, expected


@torch.inference_mode()
def measure(scorer: AnomalyScorer, rows: RowSource, generator: Generator) -> None:
    """Take from the training rows what scores are measured by: neighbours, mean costs, and medians of the oddities."""
    scorer.eval()
    chosen = torch.randperm(len(rows), generator=generator)[:MEASURED_ROWS].sort().values
    some = SelectedRows(rows, chosen)
    hiding = scorer.hiding
    shown = torch.zeros_like(scorer.shown_costs).double()
    hidden = None if hiding is None else torch.zeros_like(hiding.covered, dtype=torch.float64)
    counts = torch.zeros(scorer.ensemble.columns, dtype=torch.float64, device=shown.device)
    complete = []
    for piece, batch in batches(scorer, some):
        known = piece.stop - piece.start
        costs = scorer.costs(batch)
        complete.append(costs.complete[:known].cpu())
        shown += costs.shown[:, :known].sum(1, dtype=torch.float64)
        if hidden is not None and costs.hidden is not None:
            hidden += costs.hidden[:, :known].sum(1, dtype=torch.float64)
        counts += known if costs.present is None else costs.present[:known].sum(0)
    scorer.shown_costs.copy_((shown / counts.clamp_min(1)).clamp_min(LEAST_COST))
    if hiding is not None and hidden is not None:
        scorer.hidden_costs.copy_(hiding.of_members(hidden / counts.clamp_min(1)).clamp_min(LEAST_COST))
    scorer.draw_neighbours(torch.cat(complete), generator)
    measures = [
        scorer.measures(scorer.oddities(batch))[:, : piece.stop - piece.start].cpu()
        for piece, batch in batches(scorer, some)
    ]
    scorer.medians.copy_(torch.cat(measures, 1).median(1).values.clamp_min(1e-12))


def _padded(batch: Batch, size: int) -> Batch:
    missing = size - len(batch)
    if not missing:
        return batch

    def longer(tensor: Tensor) -> Tensor:
        return functional.pad(tensor, (0, 0) * (tensor.dim() - 1) + (0, missing))

    present, visible, levels = (
        None if one is None else longer(one) for one in (batch.present, batch.visible, batch.levels)
    )
    return Batch(longer(batch.values), present, visible, {}, None, levels)
