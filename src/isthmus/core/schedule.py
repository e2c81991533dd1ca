"""Schedules: numbers that change over a run."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .constraints import Constraint, Interval
from .registry import register
from .spec import Spec

_share = (Interval(0, 1, closed="right"),)
_weight = (Interval(0, None),)


@dataclass(frozen=True)
class Schedule(Spec):
    """A number as a function of the share of the run that is over.

    It stands wherever a weight does: ``KL(weight=LinearSchedule(0, 4))``. To add one: subclass, implement :meth:`at`
    and :attr:`settles`, register it on the axis "schedule".
    """

    @abstractmethod
    def at(self, fraction: float) -> float:
        """The value when ``fraction`` (0 to 1) of the run is over."""

    @property
    @abstractmethod
    def settles(self) -> float:
        """The fraction from which the value no longer changes."""


@dataclass(frozen=True)
class Ramp(Schedule):
    """From ``start`` to ``end``, which is reached when the share ``until`` of the run is over.

    Parameters
    ----------
    start, end : float
    until : float
    """

    start: float = 0.0
    end: float = 1.0
    until: float = 0.1

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {"start": _weight, "end": _weight, "until": _share}

    @property
    def settles(self) -> float:
        return float(self.until)

    def at(self, fraction: float) -> float:
        return between(self.start, self.end, self.way(min(1.0, fraction / self.until)))

    @abstractmethod
    def way(self, share: float) -> float:
        """How much of the way is done, 0 to 1, after ``share`` (0 to 1) of the ramp."""


@register("schedule", "linear")
@dataclass(frozen=True)
class LinearSchedule(Ramp):
    """A straight line from ``start`` to ``end``, which is reached when the share ``until`` of the run is over.

    Examples
    --------
    >>> LinearSchedule(0, 4, until=0.5).at(0.25)
    2.0
    """

    def way(self, share: float) -> float:
        return share


@register("schedule", "cosine")
@dataclass(frozen=True)
class CosineSchedule(Ramp):
    """Half a cosine from ``start`` to ``end``, which is reached when the share ``until`` of the run is over.

    Loshchilov & Hutter (2017), SGDR, arXiv:1608.03983.

    Examples
    --------
    >>> round(CosineSchedule(0, 4, until=0.5).at(0.25), 6)
    2.0
    """

    until: float = 1.0

    def way(self, share: float) -> float:
        return 0.5 - 0.5 * math.cos(math.pi * share)


@register("schedule", "cyclical")
@dataclass(frozen=True)
class CyclicalSchedule(Schedule):
    """Several times from ``low`` to ``high`` along a line, each time staying there for the rest of the cycle.

    Fu et al. (2019), Cyclical annealing schedule, arXiv:1903.10145.

    Parameters
    ----------
    low, high : float
    cycles : int
        How many cycles the run is divided into.
    ramp : float
        The share of a cycle in which the value rises.

    Examples
    --------
    >>> [CyclicalSchedule(cycles=2, ramp=0.5).at(share / 8) for share in range(9)]
    [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0, 1.0, 1.0]
    """

    low: float = 0.0
    high: float = 1.0
    cycles: int = 4
    ramp: float = 0.5

    constraints: ClassVar[Mapping[str, Iterable[Constraint]]] = {
        "low": _weight,
        "high": _weight,
        "cycles": (Interval(1, None, integer=True),),
        "ramp": _share,
    }

    def at(self, fraction: float) -> float:
        if fraction >= self.settles:
            return float(self.high)
        return between(self.low, self.high, min(1.0, (fraction * self.cycles % 1.0) / self.ramp))

    @property
    def settles(self) -> float:
        return 1.0 - (1.0 - self.ramp) / self.cycles


def between(start: float, end: float, share: float) -> float:
    """The number at ``share`` of the way from ``start`` to ``end``, exact at both."""
    return start * (1.0 - share) + end * share


def value_at(value: Any, fraction: float) -> float:
    """A constant, or a schedule's value when ``fraction`` of the run is over."""
    return value.at(fraction) if isinstance(value, Schedule) else float(value)


def settled(value: Any, fraction: float) -> bool:
    """Whether a constant or a schedule changes no more."""
    return not isinstance(value, Schedule) or fraction >= value.settles
