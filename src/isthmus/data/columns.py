"""What the schema knows of each encoded column, and its exact JSON form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.core.errors import InputError

from .statistics import Flags, Floats


@dataclass(frozen=True, eq=False)
class Columns:
    """One entry per column that is modelled as a number, in encoded order.

    Attributes
    ----------
    source : ndarray of int
        The column's position in the user's data.
    shift, scale : ndarray
        ``feature = (x - shift) * scale``; the scale is positive and finite.
    low, high : ndarray
        The range of the kind (0 and 255 for pixels), or the observed one.
    mean : ndarray
        The mean of the training rows, in the user's units.
    integer, constant : ndarray of bool
        All training values were whole numbers; they did not vary.
    """

    source: NDArray[np.int64]
    shift: Floats
    scale: Floats
    low: Floats
    high: Floats
    mean: Floats
    integer: Flags
    constant: Flags

    def __len__(self) -> int:
        return len(self.source)

    @property
    def in_order(self) -> bool:
        """The columns are the user's first ones, in the user's order."""
        return bool((self.source == np.arange(len(self.source))).all())

    def to_json(self) -> dict[str, Any]:
        """Lists by name; one number stands for a list whose entries are all the same."""
        described: dict[str, Any] = {"source": None if self.in_order else self.source.tolist()}
        for field in fields(self)[1:]:
            values = getattr(self, field.name).tolist()
            described[field.name] = values[0] if len({repr(value) for value in values}) == 1 else values
        return described

    @classmethod
    def from_json(cls, described: Any, sources: NDArray[np.int64]) -> Columns:
        """The columns that :meth:`to_json` described; raises :class:`InputError` for anything else.

        ``sources`` are the positions in the user's data, in increasing order, that the
        columns must have.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(described, Mapping) or set(described) != set(names):
            raise InputError(f"Not the columns of a schema: expected exactly {names}.")
        width = len(sources)
        source = _source(described["source"], sources)
        numbers: dict[str, Any] = {name: _numbers(name, described[name], width) for name in names[1:6]}
        flags: dict[str, Any] = {name: _flags(name, described[name], width) for name in names[6:]}
        if not (numbers["scale"] > 0).all():
            raise InputError("Not a schema: every scale must be positive.")
        if not (numbers["low"] <= numbers["high"]).all():
            raise InputError("Not a schema: a column's low is above its high.")
        return cls(source, **numbers, **flags)


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
