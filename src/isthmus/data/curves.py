"""Monotone curves that bring skewed and heavy-tailed columns near a normal distribution, and back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr, ndtri

from isthmus.core.errors import InputError

from .statistics import Floats

MOST_KNOTS = 1024
# Of about 200 knots, half are even in rank, for the bulk, and half in normal score, for the tails.
_KNOTS = 100
# A segment so narrow that its slope leaves float64.
_NARROWEST = 1e-290
# Scores go up to 6 or so, where float32 resolves 5e-7; those of neighbouring knots differ by 1e-5 at least.
_SAME_SCORE = 2e-6


class Curve(ABC):
    """A strictly increasing map of all real numbers, with its inverse and slope."""

    name: ClassVar[str]

    @abstractmethod
    def forward(self, values: Floats) -> Floats:
        """The map; NaN stays NaN."""

    @abstractmethod
    def inverse(self, mapped: Floats) -> Floats:
        """The values that are mapped there."""

    @abstractmethod
    def log_slope(self, values: Floats) -> Floats:
        """The logarithm of the map's derivative at the values."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """An exact, JSON-ready description."""


@dataclass(frozen=True, eq=False)
class LogCurve(Curve):
    """ln(x + offset) from ``start`` on, and the tangent there for smaller values.

    Examples
    --------
    >>> LogCurve(offset=0.0, start=1.0).forward(np.array([0.0, 1.0, np.e])).tolist()
    [-1.0, 0.0, 1.0]
    """

    name = "log"
    offset: float
    start: float

    def forward(self, values: Floats) -> Floats:
        reach = self.start + self.offset
        curved = np.log(np.maximum(values, self.start) + self.offset)
        with np.errstate(over="ignore"):
            return curved + np.minimum(values - self.start, 0.0) / reach

    def inverse(self, mapped: Floats) -> Floats:
        reach = self.start + self.offset
        with np.errstate(over="ignore"):
            curved = np.minimum(np.exp(mapped), np.finfo(np.float64).max) - self.offset
        return np.where(mapped < math.log(reach), self.start + (mapped - math.log(reach)) * reach, curved)

    def log_slope(self, values: Floats) -> Floats:
        return -np.log(np.maximum(values, self.start) + self.offset)

    def to_json(self) -> dict[str, Any]:
        return {"curve": self.name, "offset": self.offset, "start": self.start}


@dataclass(frozen=True, eq=False)
class QuantileCurve(Curve):
    """A line through the quantiles of the training data and their normal scores, straight on beyond both ends.

    At a knot the slope is that of the segment above it. (Slopes at the values of a column that takes few values say
    how far apart these are, not how probable.)

    Attributes
    ----------
    values, scores : ndarray, shape (knots,)
        Both strictly increasing.
    """

    name = "quantile"
    values: Floats
    scores: Floats

    @classmethod
    def through(cls, ordered: Floats) -> QuantileCurve:
        """The curve of sorted data, shape (n,), with at least two distinct values.

        A value that occurs several times gets the score of its middle rank.
        """
        n = len(ordered)
        even = np.linspace(0.0, 1.0, _KNOTS)
        tails = ndtr(np.linspace(-1, 1, _KNOTS) * ndtri(1 - 0.5 / n))
        ranks = np.unique(np.rint(np.concatenate([even, tails]) * (n - 1)).astype(np.int64))
        values = np.unique(ordered[ranks])
        keep = np.append(True, np.diff(values) > _NARROWEST)
        values = values[keep]
        middle = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
        return cls(values, ndtri(middle / n))

    def forward(self, values: Floats) -> Floats:
        place = self._segment(self.values, values)
        return self.scores[place] + (values - self.values[place]) * self._slopes[place]

    def inverse(self, mapped: Floats) -> Floats:
        place = self._segment(self.scores, mapped)
        with np.errstate(over="ignore"):
            values = self.values[place] + (mapped - self.scores[place]) / self._slopes[place]
        # What comes up again and again is a knot, and comes back as it was, however float32 rounded its score.
        for knot in (place, place + 1):
            values = np.where(np.abs(mapped - self.scores[knot]) <= _SAME_SCORE, self.values[knot], values)
        return values

    def log_slope(self, values: Floats) -> Floats:
        return np.log(self._slopes)[self._segment(self.values, values)]

    def to_json(self) -> dict[str, Any]:
        return {"curve": self.name, "values": self.values.tolist(), "scores": self.scores.tolist()}

    @cached_property
    def _slopes(self) -> Floats:
        return np.diff(self.scores) / np.diff(self.values)

    def _segment(self, knots: Floats, at: Floats) -> np.ndarray:
        return np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)


def parse_curve(described: Any) -> Curve:
    """The curve that :meth:`Curve.to_json` described; raises :class:`InputError` for anything else."""
    kind = described.get("curve") if isinstance(described, Mapping) else None
    if kind == LogCurve.name and set(described) == {"curve", "offset", "start"}:
        numbers = _finite([described["offset"], described["start"]])
        if len(numbers) and 0 < numbers.sum() < np.inf:
            return LogCurve(*numbers.tolist())
    if kind == QuantileCurve.name and set(described) == {"curve", "values", "scores"}:
        values, scores = (_finite(described[name]) for name in ("values", "scores"))
        if 2 <= len(values) == len(scores) <= MOST_KNOTS:
            with np.errstate(all="ignore"):
                slopes = np.diff(scores) / np.diff(values)
            if (np.diff(values) > 0).all() and (slopes > 0).all() and np.isfinite(slopes).all():
                return QuantileCurve(values, scores)
    raise InputError(f"Not a schema: {described!r:.60} is no curve.")


def _finite(entry: Any) -> Floats:
    if not isinstance(entry, list) or not all(type(one) in (int, float) and abs(one) <= 1.8e308 for one in entry):
        return np.empty(0)
    numbers = np.array(entry, dtype=np.float64)
    return numbers if np.isfinite(numbers).all() else np.empty(0)
