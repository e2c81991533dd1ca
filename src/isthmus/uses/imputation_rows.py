"""Rows with missing cells, some at a time, as models take them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from isthmus.core.blocks import Block
from isthmus.core.context import Context
from isthmus.core.random import row_hashes
from isthmus.core.row_source import RowSource
from isthmus.models.autoencoder import ComposedAutoencoder


@dataclass(frozen=True, eq=False)
class Holes:
    """Rows with missing cells.

    Attributes
    ----------
    rows : RowSource
        What is encoded in missing cells does not matter.
    missing : ndarray of bool, shape (n, columns)
        The cells that tell nothing, in encoded order; the levels of a categorical column are one column.
    guess : Tensor, shape (d,)
        Something typical for each feature: where searching begins.
    """

    rows: RowSource
    missing: np.ndarray
    guess: Tensor

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Piece:
    """Some rows, padded to a fixed number so that a row's result does not depend on how many others there are.

    Attributes
    ----------
    place : slice
        Where they stand.
    features : Tensor, shape (m, d)
        With the guess in missing cells.
    observed, known : Tensor of bool, shape (m, columns) and (m, d)
        The cells that are there; nothing is in rows of padding.
    context : Context, optional
        Condition and exposure.
    contents : ndarray of float32, shape (m, w)
        What is known of a row: what its random numbers are made from.
    """

    place: slice
    features: Tensor
    observed: Tensor
    known: Tensor
    context: Context | None
    contents: np.ndarray


def pieces(model: ComposedAutoencoder, holes: Holes, size: int) -> Iterator[Piece]:
    """All rows, ``size`` at a time, on the model's device."""
    device = model.scale.device
    for start in range(0, len(holes), size):
        place = slice(start, min(start + size, len(holes)))
        batch = holes.rows.take(place).to(device)
        observed = ~torch.from_numpy(holes.missing[place]).to(device)
        known = features_of(observed, model.blocks)
        features = torch.where(known, model.features(batch), holes.guess.to(model.scale))
        context = model.context(batch, features)
        condition = None if context is None else context.condition
        exposure = None if context is None else context.exposure
        told = [torch.where(known, features, 0.0), known, *([] if condition is None else [condition])]
        contents = torch.cat([part.float() for part in told], -1)
        absent = size - (place.stop - place.start)
        yield Piece(
            place,
            pad(features, (0, 0, 0, absent)),
            pad(observed, (0, 0, 0, absent)),
            pad(known, (0, 0, 0, absent)),
            _padded(condition, exposure, absent),
            pad(contents, (0, 0, 0, absent)).cpu().numpy(),
        )


def repetitions(model: ComposedAutoencoder, holes: Holes, size: int, seed: int) -> np.ndarray:
    """How many equal rows stand before each row, (n,) int64: so that equal rows need not get equal draws."""
    found = np.concatenate(
        [row_hashes(one.contents, seed)[: one.place.stop - one.place.start] for one in pieces(model, holes, size)]
    )
    order = np.argsort(found, kind="stable")
    ranked = found[order]
    first = np.append(True, ranked[1:] != ranked[:-1])
    starts = np.flatnonzero(first)
    counts = np.empty(len(found), dtype=np.int64)
    counts[order] = np.arange(len(found)) - starts[np.cumsum(first) - 1]
    return counts


def features_of(columns: Tensor, blocks: tuple[Block, ...]) -> Tensor:
    """What is said of encoded columns (n, columns), said of each of their features: (n, d)."""
    parts, place = [], 0
    for block in blocks:
        width = block.width // max(1, block.cardinality)
        part = columns[..., place : place + width]
        parts.append(part.repeat_interleave(block.cardinality, -1) if block.cardinality else part)
        place += width
    return torch.cat(parts, -1)


def _padded(condition: Tensor | None, exposure: Tensor | None, absent: int) -> Context | None:
    if condition is None and exposure is None:
        return None
    return Context(
        None if condition is None else pad(condition, (0, 0, 0, absent)),
        None if exposure is None else pad(exposure, (0, 0, 0, absent), value=1.0),
    )


def asked_for(model: ComposedAutoencoder, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
    """Rows whose indicators say that the cells to be filled are there, and the cells that stay as they are then.

    Shapes (n, d) and (n, columns).
    """
    row, fixed, expansion = features.clone(), observed.clone(), model.inputs.expansion
    if expansion.indicators:
        asked = ~observed.index_select(1, expansion.spoken_of)
        row[:, -expansion.indicators :] = torch.where(asked, 0.0, row[:, -expansion.indicators :])
        fixed[:, -expansion.indicators :] |= asked
    return row, fixed
