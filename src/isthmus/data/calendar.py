"""Moments as the time that the data spend: nights, weekends and closing days take no room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from isthmus.core.errors import InputError

from .curves import Curve
from .datetimes import DAY, TimeType, on_the_wall, transitions, zone_of
from .statistics import Floats

FEWEST_ROWS = 100
"""Below, a sample says too little of the days of the week."""

FEWEST_WEEKS = 2

QUARTERS_FROM, JOINT_FROM = 480, 1680
"""Rows from which on a day is parted into quarters of an hour, and each weekday has hours of its own."""

# How little room a part of the week takes, as a share of what it takes on the clock: if it was never seen; if it was,
# where moments are kept as whole hours, and where they are finer (float32 must tell them apart).
_UNSEEN, _HOURLY, _FINER = 1e-3, 0.01, 0.1

# How uneven a histogram is: four standard deviations beyond chance, and as if a twentieth of its rows had moved.
_CHANCE, _UNEVEN = 4.0, 0.01

_BINS = (7, 7 * 24, 7 * 96)


@dataclass(frozen=True, eq=False)
class CalendarCurve(Curve):
    """Weeks since 1970, through each of which moments run as fast as the training data did.

    A part of the week in which the data have many moments is long, and one in which they have none (a night, a weekend)
    next to nothing; so numbers drawn evenly become moments with the weekdays and hours of the data. The map is strictly
    increasing: also what was never seen has its place. It follows the clocks on the wall; where these are put back or
    forward it is continuous.

    Attributes
    ----------
    shares : ndarray, shape (parts,)
        Of equal parts of the week, how much of the training data each has: positive, with sum 1. 7, 168 or 672 parts.
    day : float
        The length of a day: 86,400 for datetimes in seconds, 1 for dates.
    offset : float
        How much earlier than the clock's the parts begin: so that hours that come up again and again lie inside.
    zone : str, optional
        Whose clocks.

    Examples
    --------
    >>> curve = CalendarCurve(np.array([0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1]), day=1.0, offset=0.0)
    >>> curve.forward(np.array([0.0, 1.0, 2.5, 7.0])).round(3).tolist()
    [0.0, 0.1, 0.45, 1.0]
    """

    name = "calendar"
    shares: Floats
    day: float
    offset: float
    zone: str | None = None

    def forward(self, values: Floats) -> Floats:
        starts, offsets, jumps, _ = self._pieces
        piece = np.searchsorted(starts, values, side="right") - 1
        return self._weeks(values + offsets[piece]) + jumps[piece]

    def inverse(self, mapped: Floats) -> Floats:
        _, offsets, jumps, begins = self._pieces
        piece = np.searchsorted(begins, mapped, side="right") - 1
        weeks = mapped - jumps[piece]
        whole = np.floor(weeks)
        rest = weeks - whole
        part = np.minimum(np.searchsorted(self._before, rest, side="right") - 1, len(self.shares) - 1)
        inside = (rest - self._before[part]) / self.shares[part]
        with np.errstate(over="ignore"):
            wall = whole * self._week + (part + inside) * self._part - self.offset
        return wall - offsets[piece]

    def log_slope(self, values: Floats) -> Floats:
        starts, offsets, _, _ = self._pieces
        piece = np.searchsorted(starts, values, side="right") - 1
        return np.log(self.shares / self._part)[self._place(values + offsets[piece])[1]]

    def to_json(self) -> dict[str, Any]:
        return {
            "curve": self.name,
            "shares": self.shares.tolist(),
            "day": self.day,
            "offset": self.offset,
            "zone": self.zone,
        }

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> CalendarCurve:
        """The curve that :meth:`to_json` described; raises :class:`InputError` for anything else."""
        if set(described) != {"curve", "shares", "day", "offset", "zone"} or not _is_calendar(**described):
            raise InputError(f"Not a schema: {dict(described)!r:.60} is no curve.")
        zone = described["zone"]
        if zone is not None and zone_of(zone) is None:
            raise InputError(
                f"The model's datetimes are of the zone {zone!r:.80}, which is not known here. Install the zones of "
                "the world: pip install tzdata."
            )
        return cls(np.array(described["shares"], dtype=np.float64), described["day"], described["offset"], zone)

    @property
    def _week(self) -> float:
        return 7 * self.day

    @property
    def _part(self) -> float:
        return self._week / len(self.shares)

    @cached_property
    def _before(self) -> Floats:
        """The share of the week before each part, and all of it: (parts + 1,)."""
        return np.concatenate([[0.0], np.cumsum(self.shares)[:-1], [1.0]])

    def _place(self, wall: Floats) -> tuple[Floats, np.ndarray, Floats]:
        """The week, the part of it, and how much of the part is over."""
        shifted = wall + self.offset
        whole = np.floor(shifted / self._week)
        parts = np.nan_to_num((shifted - whole * self._week) / self._part)
        part = np.clip(parts, 0, len(self.shares) - 1).astype(np.int64)
        return whole, part, np.clip(parts - part, 0.0, 1.0)

    def _weeks(self, wall: Floats) -> Floats:
        whole, part, inside = self._place(wall)
        return whole + self._before[part] + inside * self.shares[part]

    @cached_property
    def _pieces(self) -> tuple[Floats, Floats, Floats, Floats]:
        """From when on each offset to UTC holds, what to add to the weeks there, and where that begins."""
        starts, offsets = transitions(self.zone) if self.zone is not None else (np.array([-np.inf]), np.zeros(1))
        changes = starts[1:]
        steps = self._weeks(changes + offsets[:-1]) - self._weeks(changes + offsets[1:])
        jumps = np.concatenate([[0.0], np.cumsum(steps)])
        begins = np.concatenate([[-np.inf], self._weeks(changes + offsets[1:]) + jumps[1:]])
        return starts, offsets, jumps, begins


def calendar_curve(ordered: Floats, time: TimeType, step: float) -> CalendarCurve | None:
    """The curve for dates or datetimes with these sorted values, all multiples of ``step`` (0: of none that is known).

    None where hours and weekdays are even, or unlike from week to week, or too little is known of them. The parts of
    the week are days, hours or quarters of an hour. Few rows say how full each weekday is, and each hour of the day;
    from 1,680 on, each hour of the week has its own share.
    """
    day = 1.0 if time.family == "date" else float(DAY)
    if time.family not in ("date", "datetime") or len(ordered) < FEWEST_ROWS:
        return None
    if ordered[-1] - ordered[0] < FEWEST_WEEKS * 7 * day:
        return None
    wall = ordered if time.zone is None else on_the_wall(ordered, time.zone)
    per_day = 1 if day == 1.0 or step == DAY else 24 if len(ordered) < QUARTERS_FROM else 96
    part = day / per_day
    offset = min(1.0 if day == 1.0 else step, part) / 2
    week = np.floor((wall + offset) / (7 * day))
    place = np.minimum((wall + offset - week * 7 * day) / part, 7 * per_day - 1).astype(np.int64)
    halves = [
        np.bincount(place[week % 2 == half], minlength=7 * per_day).reshape(7, min(per_day, 24), -1) for half in (0, 1)
    ]
    weekdays, times = ([half.sum(axes) for half in halves] for axes in ((1, 2), (0, 2)))
    if not (_are_uneven(*weekdays) or _are_uneven(*times)):
        return None
    hours = halves[0] + halves[1]
    by_hour = hours.sum(2) / len(ordered)
    if len(ordered) < JOINT_FROM:
        by_hour = np.outer(by_hour.sum(1), by_hour.sum(0))
    within = hours.sum(0) / np.maximum(hours.sum((0, 2)), 1)[:, None]
    shares = (by_hour[:, :, None] * within).ravel()
    least = np.where(shares > 0, _HOURLY if step >= 3600 or day == 1.0 else _FINER, _UNSEEN) / len(shares)
    shares = np.maximum(shares, least)
    return CalendarCurve(shares / shares.sum(), day, offset, time.zone)


def _is_calendar(curve: Any, shares: Any, day: Any, offset: Any, zone: Any) -> bool:
    numbers = [day, offset, *(shares if isinstance(shares, list) else ())]
    return (
        len(numbers) - 2 in _BINS
        and all(type(one) in (int, float) and 0 <= one < 1e6 for one in numbers)
        and min(shares) > 0
        and abs(sum(shares) - 1) < 1e-9
        and day in (1, DAY)
        and offset <= day
        and (zone is None or isinstance(zone, str))
    )


def _are_uneven(even_weeks: np.ndarray, odd_weeks: np.ndarray) -> bool:
    """Whether histograms of both halves of the weeks are uneven in the same way, by more than chance and by much.

    Looking for what both have in common keeps a rush in a single week from being taken for a habit.
    """
    parts, rows, others = len(even_weeks), even_weeks.sum(), odd_weeks.sum()
    if parts == 1 or rows == 0 or others == 0:
        return False
    even, odd = even_weeks / rows - 1 / parts, odd_weeks / others - 1 / parts
    # What a histogram of even chances has in common with the other one varies by so much.
    chance = np.sqrt(max(even @ even / others, odd @ odd / rows, 1 / rows / others) / parts)
    return bool(even @ odd > max(_CHANCE * chance, _UNEVEN / parts))
