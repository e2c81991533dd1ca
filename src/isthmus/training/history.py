"""What happened in a run, epoch by epoch, every loss part by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any


class History:
    """One row per epoch, and the events in between.

    Row keys: "epoch"; "train/total" and "train/<part>" (means over the epoch's rows, in nats per row, parts
    unweighted); "train/<part>_weight"; "validation/total" (at full weight) and "validation/<part>" where rows were
    held out; "learning_rate"; "seconds" (training time since the start).

    Attributes
    ----------
    rows : list of dict
    events : list of dict
        Each with "epoch", "kind" ("clipped", "skipped", "rolled-back", "split-batch", "stopped") and "message".

    Examples
    --------
    >>> history = History([{"epoch": 1, "train/total": 3.5}, {"epoch": 2, "train/total": 2.25}])
    >>> history.column("train/total")
    [3.5, 2.25]
    """

    def __init__(self, rows: list[dict[str, float]] | None = None, events: list[dict[str, Any]] | None = None) -> None:
        self.rows = [] if rows is None else rows
        self.events = [] if events is None else events

    @property
    def names(self) -> list[str]:
        """The names of all columns, in the order in which they first appeared."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def column(self, name: str) -> list[float]:
        """One column over all epochs; NaN where an epoch has no such value. Raises KeyError for an unknown name."""
        if name not in self.names:
            raise KeyError(f"the history has no column {name!r}; it has {', '.join(self.names)}")
        return [row.get(name, math.nan) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"History({len(self.rows)} epochs, {len(self.events)} events)"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {"rows": self.rows, "events": self.events}

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> History:
        """The history that :meth:`to_json` described."""
        return cls(list(description["rows"]), list(description["events"]))
