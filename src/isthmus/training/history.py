"""What happened in a run, epoch by epoch, every loss part by name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any


class History:
    """One row per epoch, and the events in between.

    Row keys: "epoch"; "train/total" and "train/<part>" (means over the rows of the epoch's accepted steps, in nats per
    row, parts unweighted, the total with the weights at the end of the epoch); "train/<part>_weight" (those weights)
    and "train/<penalty>.<number>" (other numbers on a schedule); "validation/total" (at full weight) and
    "validation/<part>" where rows were held out; "learning_rate" (at the end of the epoch); "seconds" (training time
    since the start).

    Attributes
    ----------
    rows : list of dict
    events : list of dict
        Each with "epoch", "kind" ("clipped", "skipped", "rolled-back", "split-batch"), "message" and "count": how often
        it happened in that epoch (the message tells of the first time).

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

    def at_full_weight(self) -> list[dict[str, float]]:
        """The epochs whose weights were those of the last one: in a finished run, those after any warm-up."""
        if not self.rows:
            return []
        full = {name: value for name, value in self.rows[-1].items() if name.endswith("_weight")}
        return [row for row in self.rows if all(row.get(name) == value for name, value in full.items())]

    def record(self, epoch: int, kind: str, message: str, since: int = 0) -> None:
        """Note an event: a new one, or one more of its kind among the events from number ``since`` on."""
        for event in self.events[since:]:
            if (event["epoch"], event["kind"]) == (epoch, kind):
                event["count"] += 1
                return
        self.events.append({"epoch": epoch, "kind": kind, "message": message, "count": 1})

    def summary(self) -> str | None:
        """What training had to do to help itself, in a few words; None if nothing (clipping is routine)."""
        counts: dict[str, int] = {}
        for event in self.events:
            if event["kind"] != "clipped":
                counts[event["kind"]] = counts.get(event["kind"], 0) + event["count"]
        return ", ".join(f"{count} × {kind}" for kind, count in counts.items()) or None

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return f"History({len(self.rows)} epochs, {len(self.events)} events)"

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; JSON knows no infinity, so such values become text."""
        rows = [{name: value if math.isfinite(value) else str(value) for name, value in row.items()} for row in self]
        return {"rows": rows, "events": [dict(event) for event in self.events]}

    @classmethod
    def from_json(cls, description: dict[str, Any]) -> History:
        """The history that :meth:`to_json` described."""
        rows = [
            {name: float(value) if isinstance(value, str) else value for name, value in row.items()}
            for row in description["rows"]
        ]
        return cls(rows, [dict(event) for event in description["events"]])
