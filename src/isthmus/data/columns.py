"""What the schema knows of each encoded column, and its exact JSON form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .calendar import CalendarCurve
from .curves import Curve, parse_curve
from .resolution import STEPS
from .statistics import Flags, Floats

NUMBERS = ("shift", "scale", "low", "high", "mean")
FLAGS = ("integer", "constant")
EXTRAS = frozenset({"step", "curves"})
"""What only some frames have: it is written if it is there."""


@dataclass(frozen=True, eq=False)
class Columns:
    """One entry per column that is modelled as a number, in encoded order.

    Attributes
    ----------
    source : ndarray of int
        The column's position in the user's data.
    shift, scale : ndarray
        ``feature = (x - shift) * scale``, of the curve of x where there is one; the scale is positive and finite.
    low, high : ndarray
        The range of the kind (0 and 255 for pixels), or the observed one.
    mean : ndarray
        The mean of the training rows, in the user's units.
    integer, constant : ndarray of bool
        All training values were whole numbers; they did not vary.
    step : ndarray, optional
        All training values were multiples of it; 0 where that is not so, or the data type says it. None: 0 everywhere.
    curves : dict of int to Curve
        What columns, by their place here, go through before they are scaled.
    """

    source: NDArray[np.int64]
    shift: Floats
    scale: Floats
    low: Floats
    high: Floats
    mean: Floats
    integer: Flags
    constant: Flags
    step: Floats | None = None
    curves: Mapping[int, Curve] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def in_order(self) -> bool:
        """The columns are the user's first ones, in the user's order."""
        return bool((self.source == np.arange(len(self.source))).all())

    def to_json(self) -> dict[str, Any]:
        """Lists by name; one number stands for a list whose entries are all the same."""
        described: dict[str, Any] = {"source": None if self.in_order else self.source.tolist()}
        for name in (*NUMBERS, *FLAGS, "step"):
            if getattr(self, name) is not None:
                values = getattr(self, name).tolist()
                described[name] = values[0] if len({repr(value) for value in values}) == 1 else values
        if self.curves:
            described["curves"] = {str(place): curve.to_json() for place, curve in sorted(self.curves.items())}
        return described

    @classmethod
    def from_json(cls, described: Any, sources: NDArray[np.int64]) -> Columns:
        """The columns that :meth:`to_json` described; raises :class:`InputError` for anything else.

        ``sources`` are the positions in the user's data, in increasing order, that the
        columns must have.
        """
        names = ["source", *NUMBERS, *FLAGS]
        if not isinstance(described, Mapping) or set(described) - EXTRAS != set(names):
            raise InputError(f"Not the columns of a schema: expected exactly {names}.")
        width = len(sources)
        source = _source(described["source"], sources)
        numbers: dict[str, Any] = {name: _numbers(name, described[name], width) for name in NUMBERS}
        flags: dict[str, Any] = {name: _flags(name, described[name], width) for name in FLAGS}
        if not (numbers["scale"] > 0).all():
            raise InputError("Not a schema: every scale must be positive.")
        if not (numbers["low"] <= numbers["high"]).all():
            raise InputError("Not a schema: a column's low is above its high.")
        step = _numbers("step", described["step"], width) if "step" in described else None
        if step is not None and not STEPS.issuperset(step.tolist()):
            raise InputError(f"Not a schema: a step must be one of {sorted(STEPS)}.")
        return cls(source, **numbers, **flags, step=step, curves=_curves(described.get("curves", {}), width))


def _source(entry: Any, sources: NDArray[np.int64]) -> NDArray[np.int64]:
    width = len(sources)
    if entry is None and bool((sources == np.arange(width)).all()):
        return sources
    if (
        not isinstance(entry, list)
        or len(entry) != width
        or not all(type(position) is int for position in entry)
        or sorted(entry) != sources.tolist()
    ):
        raise InputError(f"Not a schema: `source` must be a permutation of {width} columns, or null.")
    return np.array(entry, dtype=np.int64)


def _curves(entry: Any, width: int) -> dict[int, Curve]:
    places = [str(place) for place in range(width)]
    if not isinstance(entry, Mapping) or not set(entry) <= set(places):
        raise InputError("Not a schema: `curves` must be by column.")
    return {int(place): _curve(one) for place, one in entry.items()}


def _curve(described: Any) -> Curve:
    is_calendar = isinstance(described, Mapping) and described.get("curve") == CalendarCurve.name
    return CalendarCurve.from_json(described) if is_calendar else parse_curve(described)


def _numbers(name: str, entry: Any, width: int) -> Floats:
    values = _listed(name, entry, width)
    for value in values:
        if type(value) not in (int, float) or abs(value) > 1.7976931348623157e308 or not math.isfinite(value):
            raise InputError(f"Not a schema: `{name}` must hold finite numbers; got {value!r:.40}.")
    return _filled(np.array(values, dtype=np.float64), width)


def _flags(name: str, entry: Any, width: int) -> Flags:
    values = _listed(name, entry, width)
    if not all(isinstance(value, bool) for value in values):
        raise InputError(f"Not a schema: `{name}` must hold true or false.")
    return _filled(np.array(values, dtype=bool), width)


def _listed(name: str, entry: Any, width: int) -> list[Any]:
    if not isinstance(entry, list):
        return [entry]
    if len(entry) != width:
        raise InputError(f"Not a schema: `{name}` must have {width} entries; got {len(entry)}.")
    return entry


def _filled(values: np.ndarray, width: int) -> np.ndarray:
    return np.full(width, values[0]) if len(values) == 1 else values
