"""Blocks: what the schema found, in the words that networks and likelihoods understand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = ("binary", "unit-interval", "continuous", "count", "categorical")
"""The kinds of columns that data can have."""

MISSING = "missing"
"""The kind of the indicators of missing cells, which the schema adds to the row: they are no columns of the data."""


@dataclass(frozen=True)
class Block:
    """Some neighbouring columns of ``Batch.values`` that share one kind.

    Attributes
    ----------
    kind : str
        "binary" (values 0 and 1), "unit-interval" (values in [0, 1]), "continuous", "count" (whole numbers from 0 on,
        unscaled), "categorical" (one-hot, the levels of one column after the other) or "missing" (indicators: 1 where
        a cell is missing, else 0; the last block of a row).
    start, stop : int
        The half-open range of columns in the encoded row.
    shape : tuple of int
        The shape of one row of the block: ``(d,)`` for plain columns, ``(h, w)`` or ``(h, w, c)`` for images.
    step : float
        The distance between neighbouring measurable values in encoded units (1/255 for pixels); 0 if unknown.
    variance : float
        The mean variance of the block's encoded columns: where a shared noise scale begins.
    cardinality : int
        The levels of each column of a categorical block, whose width is the number of columns times this; 0 for other
        kinds.
    mean : float
        The mean of the encoded cells of a count block; 0 for other kinds.
    of : tuple of int
        For each indicator of a block of kind "missing", the encoded column that it speaks of; empty for other kinds.
        Encoded columns are counted over all blocks: a categorical column is one, whatever its cardinality.
    """

    kind: str
    start: int
    stop: int
    shape: tuple[int, ...]
    step: float = 0.0
    variance: float = 1.0
    cardinality: int = 0
    mean: float = 0.0
    of: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """The number of features."""
        return self.stop - self.start

    @property
    def columns(self) -> int:
        """The number of encoded columns: features, but for categorical columns, which have many each."""
        return self.width // max(1, self.cardinality)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready description; what only some kinds have is there only if it is not zero."""
        description: dict[str, Any] = {
            "kind": self.kind,
            "start": self.start,
            "stop": self.stop,
            "shape": list(self.shape),
            "step": self.step,
            "variance": self.variance,
        }
        if self.cardinality:
            description["cardinality"] = self.cardinality
        if self.mean:
            description["mean"] = self.mean
        if self.of:
            description["of"] = list(self.of)
        return description

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> Block:
        """The block that :meth:`to_json` described."""
        return cls(**{**description, "shape": tuple(description["shape"]), "of": tuple(description.get("of", ()))})
