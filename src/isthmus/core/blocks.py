"""Blocks: what the schema found, in the words that networks and likelihoods understand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KINDS = ("binary", "unit-interval", "continuous", "count", "categorical")


@dataclass(frozen=True)
class Block:
    """Some neighbouring columns of ``Batch.values`` that share one kind.

    Attributes
    ----------
    kind : str
        "binary" (values 0 and 1), "unit-interval" (values in [0, 1]), "continuous", "count" (whole numbers from 0 on,
        unscaled) or "categorical" (one-hot, the levels of one column after the other).
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
    """

    kind: str
    start: int
    stop: int
    shape: tuple[int, ...]
    step: float = 0.0
    variance: float = 1.0
    cardinality: int = 0
    mean: float = 0.0

    @property
    def width(self) -> int:
        """The number of encoded columns."""
        return self.stop - self.start

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
        return description

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> Block:
        """The block that :meth:`to_json` described."""
        return cls(**{**description, "shape": tuple(description["shape"])})
